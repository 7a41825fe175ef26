#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/config/settings.h"
#include "common/rpc/tls.h"

namespace datong::server {

// The settings of the process itself; ports of 0 mean any free one.
struct ProcessSettings {
  std::string address;
  bool is_local = false;  // only this machine reaches it
  int grpc_port = 0;
  int health_port = 0;
  int metrics_port = 0;
  int http_port = 0;
  int threads = 0;
  int queue = 0;
  int http_threads = 0;
  bool reflection = false;
  bool core_dumps = false;
  absl::Duration drain_wait;
  absl::Duration shutdown_grace;
  std::string log_level;
  std::string log_file;
  std::string traces_endpoint;  // "" when no spans are sent
  std::string traces_service_name;
  double traces_sample_ratio = 0;
  rpc::TlsFiles tls;
  std::map<std::string, std::string> peers;

  static ProcessSettings FromSettings(config::Settings& settings);
};

}  // namespace datong::server
