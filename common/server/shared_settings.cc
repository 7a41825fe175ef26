#include "common/server/shared_settings.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace datong::server {
namespace {

std::string Url(config::Settings& settings, const std::string& key, const std::string& fallback,
                const std::string& help) {
  std::string url = settings.String(key, fallback, help);
  while (!url.empty() && url.back() == '/') url.pop_back();
  if (!url.empty() && !absl::StartsWith(url, "https://") && !absl::StartsWith(url, "http://")) {
    settings.AddFault(key, "must begin with https:// (or http://, where that is allowed)");
  }
  return url;
}

}  // namespace

Secret WithPassword(const Secret& dsn, const Secret& password) {
  if (password.empty()) return dsn;
  std::string joined = absl::StrCat(dsn.Expose(), " password='");
  for (const char c : password.Expose()) {
    if (c == '\'' || c == '\\') joined += '\\';
    joined += c;
  }
  return Secret(joined + "'");
}

SharedSettings SharedSettings::FromSettings(config::Settings& settings) {
  SharedSettings shared;
  shared.database_dsn = settings.SecretFromFile(
      "database.dsn", "File with the libpq connection string of the database.");
  const Secret password = settings.SecretFromFile(
      "database.password", "File with the password, when database.dsn_file holds none.");
  if (!password.empty() && absl::StartsWith(shared.database_dsn.Expose(), "postgres")) {
    settings.AddFault("database.password_file",
                      "goes with a connection string of keywords and values; a URI in "
                      "database.dsn_file must hold the password itself");
  }
  shared.database_dsn = WithPassword(shared.database_dsn, password);
  const Secret direct = settings.SecretFromFile("database.direct_dsn",
                                                "File with a connection string that leads around a "
                                                "pooler of transactions, for LISTEN; without "
                                                "it, that of database.dsn_file.");
  shared.database_direct_dsn =
      direct.empty() ? shared.database_dsn : WithPassword(direct, password);
  shared.database_max_connections = static_cast<int>(
      settings.Int("database.max_connections", 10, 2, 500,
                   "Database connections that one service of this process may hold."));
  shared.wechat_api_url =
      Url(settings, "wechat.api_url", "https://api.weixin.qq.com", "WeChat's API server.");
  shared.wechat_mp_url =
      Url(settings, "wechat.mp_url", "https://mp.weixin.qq.com", "WeChat's authorisation pages.");
  shared.wechat_open_url =
      Url(settings, "wechat.open_url", "https://open.weixin.qq.com", "WeChat's pages for mobiles.");
  shared.wechat_wecom_url =
      Url(settings, "wechat.wecom_url", "https://qyapi.weixin.qq.com", "WeCom's API server.");
  shared.wechat_work_url = Url(settings, "wechat.work_url", "https://open.work.weixin.qq.com",
                               "WeCom's pages for installing suites.");
  shared.wechat_allow_private_upstream =
      settings.Bool("wechat.allow_private_upstream", false,
                    "Allows plain http and private addresses upstream: for a simulator alone.");
  shared.keys_folder = settings.String(
      "keys.folder", "/etc/datong/keys",
      "Folder with the key-encryption keys and the file that names the active one.");
  shared.public_url = Url(settings, "public_url", "http://127.0.0.1:8080",
                          "How browsers and WeChat reach the gateway from outside.");
  shared.insecure_allow = settings.Bool(
      "insecure.allow", false,
      "Lets callers without credentials in, all of them \"anonymous\", and plaintext.");
  shared.clock_url = Url(settings, "clock.url", "",
                         "Development only: follows the clock of the simulator at this address.");
  return shared;
}

}  // namespace datong::server
