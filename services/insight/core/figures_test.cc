#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/insight/core/calendar.h"
#include "services/insight/core/followers.h"
#include "services/insight/core/overlap.h"
#include "services/insight/core/retention.h"
#include "services/insight/core/traffic.h"

namespace datong::insight {
namespace {

using ::testing::ElementsAre;

absl::CivilDay Day(int day) { return absl::CivilDay(2026, 11, day); }
int32_t Number(int day) { return DayNumber(Day(day)); }
DayRange Range(int begin, int end) { return {Day(begin), Day(end)}; }

TEST(CalendarTest, WeeksBeginOnMondayAndAreCutToTheRange) {
  // 2026-11-01 is a Sunday.
  EXPECT_THAT(PeriodsOf(Range(1, 10), Granularity::kWeek),
              ElementsAre(Range(1, 1), Range(2, 8), Range(9, 10)));
}

TEST(CalendarTest, MonthsAndWholesAndDays) {
  EXPECT_THAT(PeriodsOf({Day(30), absl::CivilDay(2026, 12, 2)}, Granularity::kMonth),
              ElementsAre(Range(30, 30),
                          DayRange{absl::CivilDay(2026, 12, 1), absl::CivilDay(2026, 12, 2)}));
  EXPECT_THAT(PeriodsOf(Range(1, 10), Granularity::kTotal), ElementsAre(Range(1, 10)));
  EXPECT_THAT(PeriodsOf(Range(1, 2), Granularity::kDay), ElementsAre(Range(1, 1), Range(2, 2)));
}

TEST(CalendarTest, EveryDayKnowsItsPeriod) {
  const auto periods = PeriodsOf(Range(1, 9), Granularity::kWeek);
  EXPECT_THAT(PeriodOfDay(Range(1, 9), periods), ElementsAre(0, 1, 1, 1, 1, 1, 1, 1, 2));
}

TEST(TrafficTest, PersonsAreCountedOncePerPeriodAndOnceOverSurfaces) {
  TrafficFacts facts;
  facts.visits = {{1, Number(2), 0, 5, 2},
                  {1, Number(2), 1, 1, 0},
                  {1, Number(3), 0, 1, 1},
                  {2, Number(3), 1, 4, 4}};
  facts.earlier = {{2, 0}};
  facts.opens = {{0, 0, 3}, {0, 1, 2}};
  const DayRange range = Range(2, 3);
  const auto result = CountTraffic(facts, range, PeriodsOf(range, Granularity::kTotal), 2);
  ASSERT_EQ(result.size(), 1u);
  // Person 2 was seen before on surface 0: new on surface 1, not new over all.
  EXPECT_EQ(result[0].surfaces[0], (TrafficFigures{1, 3, 3, 1, 6, 0}));
  EXPECT_EQ(result[0].surfaces[1], (TrafficFigures{2, 4, 2, 2, 5, 0}));
  EXPECT_EQ(result[0].all, (TrafficFigures{2, 7, 5, 1, 11, 3}));
}

TEST(TrafficTest, APersonIsNewInOnePeriodAndReturnsInTheNext) {
  TrafficFacts facts;
  facts.visits = {{1, Number(3), 0, 1, 0}, {1, Number(2), 0, 1, 0}};
  const DayRange range = Range(2, 4);
  const auto result = CountTraffic(facts, range, PeriodsOf(range, Granularity::kDay), 1);
  EXPECT_EQ(result[0].all.new_visitors, 1);
  EXPECT_EQ(result[1].all.new_visitors, 0);
  EXPECT_EQ(result[1].all.Returning(), 1);
  EXPECT_EQ(result[2].all, TrafficFigures{});
}

TEST(OverlapTest, CellsAreExactAndPairsAddThemUp) {
  const OverlapTable table = BuildOverlap({{0b001, 5}, {0b011, 3}, {0b111, 7}, {0, 99}}, 3);
  EXPECT_THAT(table.cells,
              ElementsAre(OverlapCount{0b111, 7}, OverlapCount{0b001, 5}, OverlapCount{0b011, 3}));
  EXPECT_EQ(table.persons, 15);
  EXPECT_THAT(table.matrix[0], ElementsAre(15, 10, 7));
  EXPECT_THAT(table.matrix[1], ElementsAre(10, 10, 7));
  EXPECT_THAT(table.matrix[2], ElementsAre(7, 7, 7));
}

TEST(RetentionTest, CellsOfDaysThatHaveNotEndedAreAbsent) {
  const RetentionTable table = BuildRetention(
      {{1, Number(1)}, {2, Number(1)}, {2, Number(3)}, {3, Number(4)}},
      {{1, Number(1)}, {1, Number(2)}, {2, Number(3)}, {2, Number(3)}, {9, Number(2)}}, Range(1, 4),
      2, Number(3));
  ASSERT_EQ(table.cohorts.size(), 3u);
  EXPECT_EQ(table.cohorts[0].size, 2);
  EXPECT_THAT(table.cohorts[0].retained, ElementsAre(1, 1, 1));
  EXPECT_EQ(table.cohorts[1].size, 0);
  EXPECT_THAT(table.cohorts[1].retained, ElementsAre(0, 0));
  EXPECT_EQ(table.cohorts[2].size, 1);
  EXPECT_THAT(table.cohorts[2].retained, ElementsAre(1));
  ASSERT_EQ(table.summed.size(), 3u);
  EXPECT_EQ(table.summed[0].size, 3);
  EXPECT_EQ(table.summed[0].persons, 2);
  EXPECT_EQ(table.summed[2].size, 2);
}

TEST(RetentionTest, APersonIsInEachCohortOfItsActiveDays) {
  const RetentionTable table =
      BuildRetention({{1, Number(1)}, {1, Number(2)}, {1, Number(3)}},
                     {{1, Number(1)}, {1, Number(2)}, {1, Number(3)}}, Range(1, 3), 2, Number(30));
  for (const RetentionCohort& cohort : table.cohorts) EXPECT_EQ(cohort.size, 1);
  EXPECT_THAT(table.cohorts[0].retained, ElementsAre(1, 1, 1));
  EXPECT_THAT(table.cohorts[1].retained, ElementsAre(1, 1, 0));
  EXPECT_THAT(table.cohorts[2].retained, ElementsAre(1, 0, 0));
}

TEST(FollowersTest, DaysAddUpOverAccountsAndUnreportedDaysStayUnset) {
  FollowerFacts facts;
  facts.changes = {{"a", Day(1), 0, 5, 1}, {"a", Day(1), 30, 2, 0}, {"b", Day(1), 0, 1, 3}};
  facts.totals = {{"a", Day(1), 100}, {"b", Day(1), 50}, {"a", Day(2), 101}};
  const FollowerGrowth growth = BuildFollowerGrowth(facts, Range(1, 3), {});
  ASSERT_EQ(growth.days.size(), 9u);
  EXPECT_EQ(growth.days[0].app, "");
  EXPECT_EQ(growth.days[0].new_followers, 8);
  EXPECT_EQ(growth.days[0].cancelled, 4);
  EXPECT_EQ(growth.days[0].cumulative, 150);
  EXPECT_EQ(growth.days[1].new_followers, 7);
  // Day 2: only a's total is there.
  EXPECT_EQ(growth.days[3].new_followers, 0);
  EXPECT_EQ(growth.days[3].cumulative, std::nullopt);
  EXPECT_EQ(growth.days[6].new_followers, std::nullopt);
  ASSERT_EQ(growth.sources.size(), 2u);
  EXPECT_EQ(growth.sources[0].new_followers, 6);
  EXPECT_EQ(growth.sources[1].user_source, 30);
  EXPECT_EQ(growth.total.new_followers, 8);
  EXPECT_EQ(growth.total.cancelled, 4);
}

}  // namespace
}  // namespace datong::insight
