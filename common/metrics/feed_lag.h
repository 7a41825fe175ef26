#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/metrics/registry.h"

namespace datong::metrics {

// How far a reader is behind one change feed: datong_feed_lag_seconds{feed}, of the project that is
// furthest behind. Thread-safe.
class FeedLag {
 public:
  FeedLag(Registry& registry, const std::string& feed);

  // The project's feed was read to its end.
  void AtEnd(const std::string& project, absl::Time now);
  // It was read up to a change of that time, and there is more.
  void Behind(const std::string& project, absl::Time read_to, absl::Time now);
  // It could not be read: what came since the last reading is not known here.
  void NotRead(const std::string& project, absl::Time now);

 private:
  struct Reading {
    absl::Time to;
    absl::Duration lag;
  };
  void Show() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Gauge& gauge_;
  Mutex mutex_;
  std::map<std::string, Reading> projects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::metrics
