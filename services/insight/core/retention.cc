#include "services/insight/core/retention.h"

#include <algorithm>

namespace datong::insight {

RetentionTable BuildRetention(std::vector<PersonDay> members, std::vector<PersonDay> returns,
                              const DayRange& range, int periods, int32_t last_day) {
  RetentionTable table;
  const int32_t first = range.FirstNumber();
  const int32_t last = std::min(range.LastNumber(), last_day);
  for (int32_t day = first; day <= last; ++day) {
    const int complete = std::min(periods, last_day - day);
    table.cohorts.push_back({day, 0, std::vector<int64_t>(static_cast<size_t>(complete) + 1, 0)});
  }
  std::sort(members.begin(), members.end());
  std::sort(returns.begin(), returns.end());
  returns.erase(std::unique(returns.begin(), returns.end()), returns.end());
  auto back = returns.begin();
  for (const PersonDay& member : members) {
    if (member.day < first || member.day > last) continue;
    RetentionCohort& cohort = table.cohorts[static_cast<size_t>(member.day - first)];
    ++cohort.size;
    // Members are sorted: what lies before this one lies before all that follow.
    while (back != returns.end() && *back < member) ++back;
    for (auto it = back; it != returns.end() && it->person == member.person; ++it) {
      const size_t period = static_cast<size_t>(it->day - member.day);
      if (period >= cohort.retained.size()) break;
      ++cohort.retained[period];
    }
  }
  table.summed.resize(table.cohorts.empty() ? 0 : table.cohorts.front().retained.size());
  for (const RetentionCohort& cohort : table.cohorts) {
    for (size_t period = 0; period < cohort.retained.size(); ++period) {
      table.summed[period].persons += cohort.retained[period];
      table.summed[period].size += cohort.size;
    }
  }
  return table;
}

}  // namespace datong::insight
