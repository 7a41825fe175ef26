#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
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
  // How old the oldest unread change of identity's feed is.
  void FeedLag(absl::Duration lag);

 private:
  enum class Result { kOk, kRefused, kUnavailable, kError };
  struct Series {
    std::map<Result, metrics::Counter*> answers;
    metrics::Histogram* seconds;
  };
  std::map<QueryKind, Series> series_;
  metrics::Gauge& feed_lag_;
};

}  // namespace datong::insight
