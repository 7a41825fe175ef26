#pragma once

#include "absl/time/time.h"
#include "common/config/settings.h"

namespace datong::insight {

// The settings of insight. Shared ones: common/server/shared_settings.h.
struct Config {
  // How often the copy of the persons is brought up to date when nobody asks.
  absl::Duration follow_interval = absl::Seconds(2);

  static Config FromSettings(config::Settings& settings);
};

}  // namespace datong::insight
