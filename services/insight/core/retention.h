#pragma once

#include <cstdint>
#include <vector>

#include "services/insight/core/calendar.h"

namespace datong::insight {

inline constexpr int kMostRetentionPeriods = 400;

// That a person did something on a day.
struct PersonDay {
  int64_t person = 0;
  int32_t day = 0;  // day number

  auto operator<=>(const PersonDay&) const = default;
};

struct RetentionCohort {
  int32_t day = 0;
  int64_t size = 0;
  // [k]: persons who were back exactly k days later; shorter where days have not ended yet.
  std::vector<int64_t> retained;
};

struct RetentionSum {
  int64_t persons = 0;
  int64_t size = 0;  // of the cohorts that have the period
};

struct RetentionTable {
  std::vector<RetentionCohort> cohorts;  // one for each day that has ended
  std::vector<RetentionSum> summed;      // by period
};

// `members` are the cohorts (each person and day once), `returns` who was back when. `last_day` is
// the last day that has ended.
RetentionTable BuildRetention(std::vector<PersonDay> members, std::vector<PersonDay> returns,
                              const DayRange& range, int periods, int32_t last_day);

}  // namespace datong::insight
