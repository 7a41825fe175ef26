#include "services/ingest/config.h"

namespace datong::ingest {

Config Config::FromSettings(config::Settings& settings, const server::SharedSettings& shared) {
  Config config;
  config.dsn = shared.database_dsn;
  config.max_connections = shared.database_max_connections;
  config.writer.threads = static_cast<int>(settings.Int(
      "ingest.writer_threads", 2, 1, 16, "Commits of events that run at the same time."));
  config.writer.rows_per_commit = static_cast<size_t>(
      settings.Int("ingest.rows_per_commit", 5'000, 1, 20'000, "Most events in one commit."));
  config.writer.capacity_rows = static_cast<size_t>(settings.Int(
      "ingest.queue_events", 100'000, 5'000, 5'000'000, "Most events that wait to be written."));
  config.collect.trust_forwarded_for =
      settings.Bool("ingest.trust_forwarded_for", false,
                    "Take the sender's address from X-Forwarded-For: behind a proxy only.");
  config.partition_days_ahead = static_cast<int>(settings.Int(
      "ingest.partition_days_ahead", 7, 1, 60, "Days for which partitions are made ahead."));
  config.event_days = static_cast<int>(
      settings.Duration("ingest.event_retention", absl::Hours(24 * 400), absl::Hours(24 * 30),
                        absl::Hours(24 * 3650), "How long events are kept, in whole days.") /
      absl::Hours(24));
  config.hash_key = settings.SecretFromFile(
      "ingest.hash_key", "The key that the projects' keys for hashed fields are derived from.");
  config.collect.do_not_track_cookie = settings.String(
      "ingest.do_not_track_cookie", config.collect.do_not_track_cookie,
      "Requests with this cookie are answered as stored and not kept; empty: none.");
  config.consent_purpose =
      settings.String("ingest.consent_purpose", "analytics",
                      "The purpose of consent that events are kept for, as identity names it.");
  if (!config.hash_key.empty() && config.hash_key.Expose().size() < 32) {
    settings.AddFault("ingest.hash_key_file", "must hold at least 32 bytes");
  }
  if (config.writer.threads >= config.max_connections) {
    settings.AddFault("ingest.writer_threads", "must be below database.max_connections");
  }
  return config;
}

}  // namespace datong::ingest
