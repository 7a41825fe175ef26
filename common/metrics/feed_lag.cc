#include "common/metrics/feed_lag.h"

#include <algorithm>

namespace datong::metrics {

FeedLag::FeedLag(Registry& registry, const std::string& feed)
    : gauge_(registry.AddGauge("datong_feed_lag_seconds",
                               "Age of the oldest unread change of each feed.", {{"feed", feed}})) {
}

void FeedLag::AtEnd(const std::string& project, absl::Time now) { Behind(project, now, now); }

void FeedLag::Behind(const std::string& project, absl::Time read_to, absl::Time now) {
  MutexLock lock(&mutex_);
  projects_[project] = {read_to, now - read_to};
  Show();
}

void FeedLag::NotRead(const std::string& project, absl::Time now) {
  MutexLock lock(&mutex_);
  Reading& reading =
      projects_.try_emplace(project, Reading{now, absl::ZeroDuration()}).first->second;
  reading.lag = now - reading.to;
  Show();
}

void FeedLag::Show() {
  absl::Duration most;
  for (const auto& [project, reading] : projects_) most = std::max(most, reading.lag);
  gauge_.Set(absl::ToDoubleSeconds(most));
}

}  // namespace datong::metrics
