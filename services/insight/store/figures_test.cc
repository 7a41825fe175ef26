// The figures, from real PostgreSQL, against a naive recomputation from the same events.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "common/testing/matchers.h"
#include "services/insight/core/surfaces.h"
#include "services/insight/testing/insight_estate.h"

namespace datong::insight {
namespace {

const char* SurfaceOf(int32_t source) { return source <= 2 ? "h5" : source == 3 ? "mini" : "oa"; }
// An event as a naive reader sees it.
struct Seen {
  int64_t person;
  absl::CivilDay day;
  std::string surface;
  const TestEvent* event;
};
const char* const kNames[] = {"subscribe", "order_submit", "order_paid", ""};

// A small random world: 40 identifiers, most of them of 18 persons, and 700 events over 24 days.
class FiguresTest : public ::testing::TestWithParam<int> {
 protected:
  FiguresTest() : random_(static_cast<unsigned>(GetParam())) {
    for (int64_t node = 1001; node <= 1040; ++node) {
      person_[node] = node;
      if (Pick(5) == 0) continue;
      const int64_t index = 1 + Pick(18);
      estate_.feed.Link(absl::StrCat("device:h5:", node), node, index);
      person_[node] = index;
    }
    // Some move later: merges and splits.
    for (int i = 0; i < 6; ++i) {
      const int64_t node = 1001 + Pick(40);
      const int64_t index = 1 + Pick(18);
      estate_.feed.Link(absl::StrCat("device:h5:", node), node, index);
      person_[node] = index;
    }
    for (int i = 0; i < 700; ++i) events_.push_back(Event());
    std::vector<TestEvent> batch = events_;
    estate_.Store({batch.begin(), batch.begin() + 300});
    estate_.Store({batch.begin() + 300, batch.end()});
    // Another project's events must never count.
    estate_.Store({Event(), Event(), Event()}, 2);
  }

  int Pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  TestEvent Event() {
    TestEvent event;
    // Often close to midnight in Shanghai, where a wrong zone would show.
    const absl::Time midnight = ShanghaiMidnight(first_day_ + Pick(24));
    event.time = midnight +
                 (Pick(3) == 0 ? absl::Microseconds(Pick(3)) - absl::Microseconds(1)
                               : absl::Seconds(Pick(86'400)) + absl::Microseconds(Pick(1'000'000)));
    event.source = 1 + Pick(4);
    event.node = 1001 + Pick(40);
    event.type = Pick(3) == 0 ? 6 : Pick(3);
    event.name = kNames[Pick(4)];
    event.session = Pick(4) == 0 ? "" : absl::StrCat("s", Pick(60));
    return event;
  }

  std::vector<Seen> All() const {
    std::vector<Seen> all;
    for (const TestEvent& event : events_) {
      all.push_back(
          {person_.at(event.node), ShanghaiDay(event.time), SurfaceOf(event.source), &event});
    }
    return all;
  }

  const absl::CivilDay first_day_{2026, 10, 25};
  const DayRange range_{first_day_ + 5, first_day_ + 18};
  const Question question_{"demo", {}};
  std::mt19937 random_;
  InsightEstate estate_;
  std::map<int64_t, int64_t> person_;
  std::vector<TestEvent> events_;
};

TrafficFigures NaiveTraffic(const std::vector<Seen>& all, const std::set<std::string>& scope,
                            const DayRange& period) {
  TrafficFigures figures;
  std::set<int64_t> visitors;
  std::set<std::pair<int32_t, std::string>> sessions;
  std::map<int64_t, absl::CivilDay> first;
  for (const Seen& seen : all) {
    if (scope.count(seen.surface) == 0) continue;
    const auto [it, is_new] = first.try_emplace(seen.person, seen.day);
    it->second = std::min(it->second, seen.day);
    if (seen.day < period.begin || seen.day > period.end) continue;
    visitors.insert(seen.person);
    ++figures.events;
    if (seen.event->type == 6) ++figures.page_views;
    if (!seen.event->session.empty()) sessions.insert({seen.event->source, seen.event->session});
  }
  figures.visitors = static_cast<int64_t>(visitors.size());
  figures.opens = static_cast<int64_t>(sessions.size());
  for (const auto& [person, day] : first) {
    if (day >= period.begin && day <= period.end) ++figures.new_visitors;
  }
  return figures;
}

TEST_P(FiguresTest, TrafficEqualsTheNaiveCount) {
  const auto all = All();
  for (const Granularity granularity :
       {Granularity::kDay, Granularity::kWeek, Granularity::kMonth, Granularity::kTotal}) {
    const auto answer =
        estate_.analyst.Traffic(estate_.Someone(), question_, range_, granularity, {});
    ASSERT_OK(answer);
    ASSERT_THAT(answer->value.surfaces, ::testing::ElementsAre("h5", "mini", "oa"));
    for (size_t i = 0; i < answer->value.periods.size(); ++i) {
      const DayRange& period = answer->value.periods[i];
      TrafficFigures expected = NaiveTraffic(all, {"h5", "mini", "oa"}, period);
      for (size_t s = 0; s < 3; ++s) {
        const TrafficFigures surface = NaiveTraffic(all, {answer->value.surfaces[s]}, period);
        EXPECT_EQ(answer->value.figures[i].surfaces[s], surface) << "period " << i << " " << s;
        expected.visitors_sum += surface.visitors;
      }
      EXPECT_EQ(answer->value.figures[i].all, expected) << "period " << i;
    }
  }
}

TEST_P(FiguresTest, TrafficOfSomeSurfacesIsNewInThatScope) {
  const auto answer = estate_.analyst.Traffic(estate_.Someone(), question_, range_,
                                              Granularity::kTotal, {"oa", "mini"});
  ASSERT_OK(answer);
  TrafficFigures expected = NaiveTraffic(All(), {"oa", "mini"}, range_);
  expected.visitors_sum =
      NaiveTraffic(All(), {"oa"}, range_).visitors + NaiveTraffic(All(), {"mini"}, range_).visitors;
  EXPECT_EQ(answer->value.figures[0].all, expected);
}

TEST_P(FiguresTest, OverlapEqualsTheNaiveCount) {
  const std::vector<std::string> surfaces = {"oa", "h5", "mini"};
  const auto answer = estate_.analyst.Overlap(estate_.Someone(), question_, range_, surfaces);
  ASSERT_OK(answer);
  std::map<int64_t, uint32_t> sets;
  for (const Seen& seen : All()) {
    if (seen.day < range_.begin || seen.day > range_.end) continue;
    for (size_t i = 0; i < surfaces.size(); ++i) {
      if (seen.surface == surfaces[i]) sets[seen.person] |= 1u << i;
    }
  }
  std::map<uint32_t, int64_t> expected;
  for (const auto& [person, set] : sets) ++expected[set];
  std::map<uint32_t, int64_t> cells;
  for (const OverlapCount& cell : answer->value.table.cells) cells[cell.surfaces] = cell.persons;
  EXPECT_EQ(cells, expected);
  EXPECT_EQ(answer->value.table.persons, static_cast<int64_t>(sets.size()));
}

bool Fits(const EventSelector& selector, const Seen& seen) {
  if (!selector.surfaces.empty() && std::find(selector.surfaces.begin(), selector.surfaces.end(),
                                              seen.surface) == selector.surfaces.end()) {
    return false;
  }
  if (selector.event_type.has_value() && *selector.event_type != seen.event->type) return false;
  return selector.event_name.empty() || selector.event_name == seen.event->name;
}

TEST_P(FiguresTest, TheFunnelEqualsTheSearchThroughAllChains) {
  const std::vector<std::vector<EventSelector>> steps = {
      {{{"oa"}, std::nullopt, "subscribe"}, {{"h5"}, std::nullopt, "subscribe"}},
      {{{"mini"}, 0, ""}, {{"h5"}, 0, ""}},
      {{{}, std::nullopt, "order_submit"}},
      {{{}, std::nullopt, "order_paid"}}};
  const absl::Duration window = absl::Hours(24 * 6);
  const auto answer = estate_.analyst.Funnel(estate_.Someone(), question_, range_, steps, window);
  ASSERT_OK(answer);
  std::map<int64_t, std::vector<Seen>> by_person;
  for (const Seen& seen : All()) by_person[seen.person].push_back(seen);
  std::vector<int64_t> expected(steps.size(), 0);
  for (auto& [person, seen] : by_person) {
    std::stable_sort(seen.begin(), seen.end(),
                     [](const Seen& a, const Seen& b) { return a.event->time < b.event->time; });
    const auto fits = [&](size_t step, const Seen& one) {
      for (const EventSelector& selector : steps[step]) {
        if (Fits(selector, one))
          return step > 0 || (one.day >= range_.begin && one.day <= range_.end);
      }
      return false;
    };
    size_t best = 0;
    const auto search = [&](auto& self, size_t step, absl::Time start, absl::Time after,
                            std::set<size_t> used) -> void {
      best = std::max(best, step);
      if (step == steps.size()) return;
      for (size_t i = 0; i < seen.size(); ++i) {
        if (used.count(i) != 0 || !fits(step, seen[i])) continue;
        const absl::Time time = seen[i].event->time;
        if (step > 0 && (time < after || time > start + window)) continue;
        std::set<size_t> with = used;
        with.insert(i);
        self(self, step + 1, step == 0 ? time : start, time, with);
      }
    };
    search(search, 0, absl::InfinitePast(), absl::InfinitePast(), {});
    for (size_t step = 0; step < best; ++step) ++expected[step];
  }
  EXPECT_EQ(answer->value, expected);
  EXPECT_GT(expected[2], 0);
}

TEST_P(FiguresTest, RetentionEqualsTheNaiveCount) {
  const EventSelector start{{"h5", "mini"}, std::nullopt, ""};
  const EventSelector come_back{{}, 6, ""};
  const auto all = All();
  for (const bool only_new : {true, false}) {
    const auto answer = estate_.analyst.Retention(estate_.Someone(), question_, range_, only_new,
                                                  start, come_back, 7);
    ASSERT_OK(answer);
    std::map<int64_t, std::set<absl::CivilDay>> starts;
    std::map<int64_t, std::set<absl::CivilDay>> returns;
    for (const Seen& seen : all) {
      if (Fits(start, seen)) starts[seen.person].insert(seen.day);
      if (Fits(come_back, seen)) returns[seen.person].insert(seen.day);
    }
    const absl::CivilDay today = ShanghaiDay(estate_.clock.Now());
    ASSERT_EQ(answer->value.cohorts.size(), 14u);
    for (const RetentionCohort& cohort : answer->value.cohorts) {
      const absl::CivilDay day = DayFromNumber(cohort.day);
      int64_t size = 0;
      std::vector<int64_t> retained;
      for (int k = 0; k <= 7 && day + k < today; ++k) retained.push_back(0);
      for (const auto& [person, days] : starts) {
        if (only_new ? *days.begin() != day : days.count(day) == 0) continue;
        ++size;
        for (size_t k = 0; k < retained.size(); ++k) {
          retained[k] += static_cast<int64_t>(returns[person].count(day + static_cast<int>(k)));
        }
      }
      EXPECT_EQ(cohort.size, size) << day;
      EXPECT_EQ(cohort.retained, retained) << day;
    }
  }
}

TEST_P(FiguresTest, SelectorsAreValuesNotSql) {
  const auto answer = estate_.analyst.Funnel(
      estate_.Someone(), question_, range_,
      {{{{}, std::nullopt, "'; DROP TABLE insight.feeds; --"}}, {{{}, 0, ""}}}, absl::Hours(1));
  ASSERT_OK(answer);
  EXPECT_THAT(answer->value, ::testing::ElementsAre(0, 0));
}

INSTANTIATE_TEST_SUITE_P(Worlds, FiguresTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace datong::insight
