#pragma once

#include "absl/time/time.h"
#include "common/config/settings.h"
#include "services/datacube/core/syncer.h"

namespace datong::datacube {

// The settings `datacube.*`; README.md lists them.
struct Config {
  Syncer::Options sync;
  absl::Duration wake_interval;
  absl::Duration follow_interval;
  int workers = 2;

  // Faults are collected in `settings`.
  static Config FromSettings(config::Settings& settings);
};

}  // namespace datong::datacube
