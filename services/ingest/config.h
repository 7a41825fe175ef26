#pragma once

#include <string>

#include "common/config/settings.h"
#include "common/server/shared_settings.h"
#include "services/ingest/collect/collect_routes.h"
#include "services/ingest/core/event_writer.h"

namespace datong::ingest {

// The settings of ingest. Their lines in README.md say what they do.
struct Config {
  Secret dsn;
  int max_connections = 10;
  WriterOptions writer;
  CollectOptions collect;
  int partition_days_ahead = 7;
  int event_days = 400;
  Secret hash_key;
  std::string consent_purpose;

  static Config FromSettings(config::Settings& settings, const server::SharedSettings& shared);
};

}  // namespace datong::ingest
