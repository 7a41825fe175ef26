#include "services/insight/core/calendar.h"

#include <algorithm>

namespace datong::insight {
namespace {

absl::CivilDay PeriodEnd(absl::CivilDay day, Granularity granularity, absl::CivilDay last) {
  switch (granularity) {
    case Granularity::kDay:
      return day;
    case Granularity::kWeek:
      return absl::NextWeekday(day, absl::Weekday::monday) - 1;
    case Granularity::kMonth:
      return absl::CivilDay(absl::CivilMonth(day) + 1) - 1;
    case Granularity::kTotal:
      return last;
  }
  return day;
}

}  // namespace

std::vector<DayRange> PeriodsOf(const DayRange& range, Granularity granularity) {
  std::vector<DayRange> periods;
  for (absl::CivilDay day = range.begin; day <= range.end;) {
    const absl::CivilDay end = std::min(PeriodEnd(day, granularity, range.end), range.end);
    periods.push_back({day, end});
    day = end + 1;
  }
  return periods;
}

std::vector<int> PeriodOfDay(const DayRange& range, const std::vector<DayRange>& periods) {
  std::vector<int> result;
  for (size_t i = 0; i < periods.size(); ++i) {
    result.insert(result.end(), static_cast<size_t>(periods[i].Days()), static_cast<int>(i));
  }
  result.resize(static_cast<size_t>(range.Days()), 0);
  return result;
}

}  // namespace datong::insight
