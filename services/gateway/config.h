#pragma once

#include "absl/time/time.h"
#include "common/config/settings.h"
#include "services/gateway/rpc/connect_handlers.h"
#include "services/gateway/rpc/push_handlers.h"

namespace datong::gateway {

struct Config {
  PushOptions push;
  ConnectOptions connect;

  // Faults are left in `settings`.
  static Config FromSettings(config::Settings& settings);
};

}  // namespace datong::gateway
