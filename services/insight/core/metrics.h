#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/metrics/feed_lag.h"
#include "common/metrics/registry.h"

namespace datong::insight {

// Which question was asked.
enum class QueryKind {
  kTraffic,
  kOverlap,
  kFunnel,
  kRetention,
  kTimeline,
  kPersons,
  kFollowers,
};

// The series of insight, all from zero. Thread-safe.
class InsightMetrics {
 public:
  explicit InsightMetrics(metrics::Registry& registry);

  void Answered(QueryKind kind, const absl::Status& status, absl::Duration elapsed);
  // Of identity's feed.
  metrics::FeedLag& feed_lag() { return feed_lag_; }

 private:
  enum class Result { kOk, kRefused, kUnavailable, kError };
  struct Series {
    std::map<Result, metrics::Counter*> answers;
    metrics::Histogram* seconds;
  };
  std::map<QueryKind, Series> series_;
  metrics::FeedLag feed_lag_;
};

}  // namespace datong::insight
