#pragma once

#include <string>

#include "common/base/secret.h"
#include "common/config/settings.h"

namespace datong::server {

// `dsn`, a connection string of keywords and values (no URI), with the password added. Without a
// password, `dsn` as it is.
Secret WithPassword(const Secret& dsn, const Secret& password);

// The settings that several modules need, read once per process.
struct SharedSettings {
  Secret database_dsn;                // database.dsn_file, database.password_file
  Secret database_direct_dsn;         // database.direct_dsn_file, else database_dsn
  int database_max_connections = 10;  // of each module's pool
  std::string wechat_api_url;         // without a slash at the end
  std::string wechat_mp_url;
  std::string wechat_open_url;
  std::string wechat_wecom_url;
  std::string wechat_work_url;
  bool wechat_allow_private_upstream = false;
  std::string keys_folder;
  // How browsers and WeChat reach the gateway from outside; without a slash at the end.
  std::string public_url;
  bool insecure_allow = false;
  std::string clock_url;  // development only

  static SharedSettings FromSettings(config::Settings& settings);
};

}  // namespace datong::server
