#include "services/datacube/config.h"

namespace datong::datacube {

Config Config::FromSettings(config::Settings& settings) {
  Config config;
  SyncPolicy& policy = config.sync.policy;
  policy.backfill_days =
      static_cast<int>(settings.Int("datacube.backfill_days", 90, 1, 4000,
                                    "Days of statistics fetched when an account is connected."));
  policy.night_start = settings.Duration(
      "datacube.night_start", absl::Hours(8) + absl::Minutes(10), absl::Hours(8), absl::Hours(22),
      "When the nightly sync begins, after midnight in Shanghai; the platform publishes at 8h.");
  policy.night_spread =
      settings.Duration("datacube.night_spread", absl::Minutes(40), absl::ZeroDuration(),
                        absl::Hours(2), "The accounts' nights begin spread over this time.");
  policy.reask_interval = settings.Duration(
      "datacube.reask_interval", absl::Minutes(20), absl::Minutes(1), absl::Hours(6),
      "How long to wait before asking again for figures that are not published yet.");
  policy.empty_final_after_days = static_cast<int>(
      settings.Int("datacube.empty_final_after_days", 3, 0, 30,
                   "After so many days an answer without rows for a day is believed."));
  policy.roster_info_max_age = settings.Duration(
      "datacube.roster_info_max_age", absl::Hours(720), absl::Hours(1), absl::Hours(8760),
      "Followers are described anew when what is known of them is older.");
  CallPacer::Rates& rates = config.sync.rates;
  rates.per_second =
      settings.Double("datacube.calls_per_second", 20, 0.01, 100'000,
                      "Calls to the platform a second, of this process over all accounts.");
  rates.app_per_second =
      settings.Double("datacube.app_calls_per_second", 1, 0.01, 100'000,
                      "Calls to the platform a second, of this process for one account.");
  rates.app_burst = settings.Double("datacube.app_call_burst", 3, 1, 100'000,
                                    "Calls for one account at once after a rest.");
  config.sync.calls_in_flight_per_app = static_cast<int>(
      settings.Int("datacube.app_calls_in_flight", 1, 1, 100,
                   "Calls for one account under way at the same time, over all processes."));
  config.sync.call_timeout =
      settings.Duration("datacube.call_timeout", absl::Seconds(30), absl::Seconds(1),
                        absl::Minutes(5), "Longest wait for an answer of broker or identity.");
  config.wake_interval =
      settings.Duration("datacube.wake_interval", absl::Seconds(1), absl::Milliseconds(10),
                        absl::Minutes(5), "How often due work is looked for.");
  config.follow_interval = settings.Duration(
      "datacube.follow_interval", absl::Seconds(2), absl::Milliseconds(10), absl::Minutes(5),
      "How often the feeds of accounts and of erasures are read.");
  config.workers = static_cast<int>(
      settings.Int("datacube.workers", 2, 1, 64, "Pieces of work done at the same time."));
  return config;
}

}  // namespace datong::datacube
