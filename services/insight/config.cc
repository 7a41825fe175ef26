#include "services/insight/config.h"

namespace datong::insight {

Config Config::FromSettings(config::Settings& settings) {
  Config config;
  config.follow_interval = settings.Duration(
      "insight.follow_interval", config.follow_interval, absl::Milliseconds(100), absl::Minutes(10),
      "How often insight reads identity's feed when nobody asks.");
  return config;
}

}  // namespace datong::insight
