#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/time/shanghai.h"

namespace datong::insight {

// Natural days of Asia/Shanghai, both ends included.
struct DayRange {
  absl::CivilDay begin;
  absl::CivilDay end;

  int Days() const { return static_cast<int>(end - begin) + 1; }
  int32_t FirstNumber() const { return DayNumber(begin); }
  int32_t LastNumber() const { return DayNumber(end); }
  absl::Time BeginTime() const { return ShanghaiMidnight(begin); }
  // The instant after the last day.
  absl::Time EndTime() const { return ShanghaiMidnight(end + 1); }

  bool operator==(const DayRange&) const = default;
};

enum class Granularity { kDay, kWeek, kMonth, kTotal };

// The periods of the range, oldest first: days, weeks from Monday or months, the first and the last
// cut to the range.
std::vector<DayRange> PeriodsOf(const DayRange& range, Granularity granularity);

// For each day of the range the place of its period in `periods`.
std::vector<int> PeriodOfDay(const DayRange& range, const std::vector<DayRange>& periods);

}  // namespace datong::insight
