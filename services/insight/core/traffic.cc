#include "services/insight/core/traffic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace datong::insight {

std::vector<PeriodTraffic> CountTraffic(TrafficFacts facts, const DayRange& range,
                                        const std::vector<DayRange>& periods, int surface_count) {
  const size_t surfaces = static_cast<size_t>(surface_count);
  std::vector<PeriodTraffic> result(periods.size());
  for (PeriodTraffic& period : result) period.surfaces.resize(surfaces);
  const std::vector<int> period_of_day = PeriodOfDay(range, periods);

  absl::flat_hash_set<std::pair<int64_t, int32_t>> seen_on_surface;
  absl::flat_hash_set<int64_t> seen;
  for (const EarlierVisit& visit : facts.earlier) {
    seen_on_surface.insert({visit.person, visit.surface});
    seen.insert(visit.person);
  }
  std::sort(facts.visits.begin(), facts.visits.end(), [](const Visit& a, const Visit& b) {
    return std::tie(a.person, a.day, a.surface) < std::tie(b.person, b.day, b.surface);
  });

  // For the person at hand: the period last counted, for each surface and over all; -1 for none.
  std::vector<int> counted(surfaces + 1, -1);
  int64_t person = 0;
  bool first = true;
  for (const Visit& visit : facts.visits) {
    if (first || visit.person != person) {
      std::fill(counted.begin(), counted.end(), -1);
      person = visit.person;
      first = false;
    }
    const int period = period_of_day[static_cast<size_t>(visit.day - range.FirstNumber())];
    const size_t surface = static_cast<size_t>(visit.surface);
    PeriodTraffic& here = result[static_cast<size_t>(period)];
    for (TrafficFigures* figures : {&here.all, &here.surfaces[surface]}) {
      figures->events += visit.events;
      figures->page_views += visit.page_views;
    }
    const auto count = [&](int& last, TrafficFigures& figures, bool seen_before) {
      if (last == period) return;
      ++figures.visitors;
      if (last == -1 && !seen_before) ++figures.new_visitors;
      last = period;
    };
    count(counted[surface], here.surfaces[surface],
          seen_on_surface.contains({visit.person, visit.surface}));
    count(counted[surfaces], here.all, seen.contains(visit.person));
  }
  for (const Opens& opens : facts.opens) {
    PeriodTraffic& period = result[static_cast<size_t>(opens.period)];
    period.surfaces[static_cast<size_t>(opens.surface)].opens += opens.sessions;
    // A session belongs to one source and so to one surface.
    period.all.opens += opens.sessions;
  }
  for (PeriodTraffic& period : result) {
    for (const TrafficFigures& figures : period.surfaces) {
      period.all.visitors_sum += figures.visitors;
    }
  }
  return result;
}

}  // namespace datong::insight
