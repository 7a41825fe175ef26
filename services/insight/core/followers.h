#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/insight/core/calendar.h"

namespace datong::insight {

// What the platform reported of one account, day and channel (change), or of an account and day
// (total).
struct FollowerChange {
  std::string app;
  absl::CivilDay day;
  int64_t user_source = 0;
  int64_t new_followers = 0;
  int64_t cancelled = 0;
};
struct FollowerTotal {
  std::string app;
  absl::CivilDay day;
  std::optional<int64_t> followers;
};
struct FollowerFacts {
  std::vector<FollowerChange> changes;
  std::vector<FollowerTotal> totals;
  std::optional<absl::Time> fetch_time;
};

struct FollowerDay {
  absl::CivilDay day;
  std::string app;  // empty: all together
  std::optional<int64_t> new_followers;
  std::optional<int64_t> cancelled;
  std::optional<int64_t> cumulative;
};
struct FollowerSource {
  int64_t user_source = 0;
  int64_t new_followers = 0;
  int64_t cancelled = 0;
};
struct FollowerGrowth {
  std::vector<FollowerDay> days;
  std::vector<FollowerSource> sources;
  FollowerSource total;
};

// A day of an account counts as reported when the platform gave any row for it: it sends no row for
// a channel without movement. `apps` are shown even without rows; others appear with their first
// row.
FollowerGrowth BuildFollowerGrowth(const FollowerFacts& facts, const DayRange& range,
                                   const std::vector<std::string>& apps);

// The channel's name, or empty.
std::string UserSourceName(int64_t user_source);

}  // namespace datong::insight
