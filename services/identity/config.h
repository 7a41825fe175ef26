#pragma once

#include "absl/time/time.h"
#include "common/config/settings.h"
#include "services/identity/core/evidence.h"

namespace datong::identity {

// The settings of the service; see README.md.
struct Config {
  Policy policy;
  size_t known_evidence_entries = 0;
  absl::Duration check_interval;

  static Config FromSettings(config::Settings& settings);
};

}  // namespace datong::identity
