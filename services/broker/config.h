#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/config/settings.h"
#include "services/broker/core/api_proxy.h"
#include "services/broker/core/authorizer.h"
#include "services/broker/core/estate.h"
#include "services/broker/core/readiness.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/wecom_rosters.h"
#include "services/broker/core/worker.h"

namespace datong::broker {

// The settings of the broker; README.md lists them.
struct Config {
  TokenBrokerOptions tokens;
  AuthorizerOptions authorizer;  // public_url comes from the shared settings
  EstateOptions estate;
  ReadinessOptions readiness;  // public_url comes from the shared settings
  WorkerOptions worker;
  absl::Duration login_identity_timeout = absl::Seconds(2);
  absl::Duration erasure_interval = absl::Seconds(10);
  ApiProxyOptions api;
  WecomRosterOptions rosters;
  ApiUsageOptions api_usage;
  absl::Duration poll_interval;
  absl::Duration work_interval;
  absl::Duration maintenance_interval;
  std::string audit_spool;
  int64_t audit_spool_bytes = 0;
  bool audit_fail_open = false;
  bool metrics_per_app = true;

  static Config FromSettings(config::Settings& settings);
};

}  // namespace datong::broker
