#pragma once

#include <cstdint>
#include <vector>

#include "services/insight/core/calendar.h"

namespace datong::insight {

// What one person did on one surface on one day.
struct Visit {
  int64_t person = 0;
  int32_t day = 0;      // day number
  int32_t surface = 0;  // place in the list of surfaces asked for
  int64_t events = 0;
  int64_t page_views = 0;
};

// That a person was on a surface before the range began.
struct EarlierVisit {
  int64_t person = 0;
  int32_t surface = 0;
};

// Distinct sessions of a period on a surface.
struct Opens {
  int period = 0;
  int32_t surface = 0;
  int64_t sessions = 0;
};

struct TrafficFacts {
  std::vector<Visit> visits;  // each person, day and surface once
  std::vector<EarlierVisit> earlier;
  std::vector<Opens> opens;
};

struct TrafficFigures {
  int64_t visitors = 0;
  int64_t page_views = 0;
  int64_t opens = 0;
  int64_t new_visitors = 0;
  int64_t events = 0;
  int64_t visitors_sum = 0;  // over all only

  int64_t Returning() const { return visitors - new_visitors; }
  bool operator==(const TrafficFigures&) const = default;
};

struct PeriodTraffic {
  TrafficFigures all;
  std::vector<TrafficFigures> surfaces;
};

// The figures of each period. A person is new in the period of the first event ever in scope: on
// the surface, or on any of the surfaces.
std::vector<PeriodTraffic> CountTraffic(TrafficFacts facts, const DayRange& range,
                                        const std::vector<DayRange>& periods, int surface_count);

}  // namespace datong::insight
