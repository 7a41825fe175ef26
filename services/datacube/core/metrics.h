#pragma once

#include <map>

#include "absl/time/time.h"
#include "common/metrics/feed_lag.h"
#include "common/metrics/registry.h"
#include "services/datacube/core/outcome.h"
#include "services/datacube/core/types.h"

namespace datong::datacube {

// The series that the service reports. Thread-safe.
class Metrics {
 public:
  explicit Metrics(metrics::Registry& registry);

  void Fetched(Api api, FetchResult result);
  void DaysMissing(const std::map<Api, int64_t>& missing);
  // A nightly run ended.
  void NightEnded(bool succeeded, absl::Duration took, absl::Time end_time);
  // Of broker's accounts.
  metrics::FeedLag& account_lag() { return account_lag_; }

 private:
  std::map<std::pair<Api, FetchResult>, metrics::Counter*> fetches_;
  std::map<Api, metrics::Gauge*> days_missing_;
  metrics::Counter& nights_ok_;
  metrics::Counter& nights_failed_;
  metrics::Histogram& night_seconds_;
  metrics::Gauge& night_success_time_;
  metrics::FeedLag account_lag_;
};

}  // namespace datong::datacube
