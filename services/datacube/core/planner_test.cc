#include "services/datacube/core/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/time/shanghai.h"

namespace datong::datacube {

void PrintTo(const DaySpan& span, std::ostream* out) {
  *out << FormatDay(span.begin) << ".." << FormatDay(span.end);
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

absl::CivilDay Day(int month, int day) { return absl::CivilDay(2026, month, day); }
absl::Time At(absl::CivilDay day, int hour, int minute = 0) {
  return ShanghaiMidnight(day) + absl::Hours(hour) + absl::Minutes(minute);
}

TEST(PlannerTest, YesterdayIsPublishedFromEightInShanghaiOn) {
  EXPECT_EQ(NewestPublishedDay(At(Day(3, 10), 7, 59)), Day(3, 8));
  EXPECT_EQ(NewestPublishedDay(At(Day(3, 10), 8)), Day(3, 9));
  EXPECT_EQ(NewestPublishedDay(At(Day(3, 10), 23, 59)), Day(3, 9));
}

TEST(PlannerTest, SpansAreAtMostSevenDaysNewestFirst) {
  EXPECT_THAT(CutSpan({Day(3, 1), Day(3, 16)}),
              ElementsAre(DaySpan{Day(3, 10), Day(3, 16)}, DaySpan{Day(3, 3), Day(3, 9)},
                          DaySpan{Day(3, 1), Day(3, 2)}));
  EXPECT_THAT(CutSpan({Day(3, 1), Day(3, 1)}), ElementsAre(DaySpan{Day(3, 1), Day(3, 1)}));
  EXPECT_THAT(CutSpan({Day(3, 2), Day(3, 1)}), IsEmpty());
}

TEST(PlannerTest, NinetyDaysTakeThirteenCalls) {
  EXPECT_EQ(CutSpan({Day(3, 10) - 89, Day(3, 10)}).size(), 13U);
}

TEST(PlannerTest, BackfillGoesNotBeforeTheEarliestDay) {
  EXPECT_EQ(BackfillBegin({.backfill_days = 90}, At(Day(3, 10), 12)), Day(3, 10) - 90);
  EXPECT_EQ(BackfillBegin({.backfill_days = 4000}, At(absl::CivilDay(2015, 1, 1), 12)),
            absl::CivilDay(2014, 12, 1));
}

TEST(PlannerTest, TheNightAsksForTheTrailingWeekAgain) {
  EXPECT_THAT(NightlySpans(Day(3, 9), Day(1, 1), {}), ElementsAre(DaySpan{Day(3, 3), Day(3, 9)}));
}

TEST(PlannerTest, TheNightAsksForMissingDaysBeforeTheWeekToo) {
  EXPECT_THAT(NightlySpans(Day(3, 9), Day(1, 1),
                           {Day(1, 5), Day(2, 10), Day(2, 14), Day(2, 20), Day(3, 9)}),
              ElementsAre(DaySpan{Day(3, 3), Day(3, 9)}, DaySpan{Day(2, 14), Day(2, 20)},
                          DaySpan{Day(2, 10), Day(2, 10)}, DaySpan{Day(1, 5), Day(1, 5)}));
}

TEST(PlannerTest, TheNightAsksForNothingBeforeTheWantedRange) {
  EXPECT_THAT(NightlySpans(Day(3, 9), Day(3, 7), {Day(3, 1)}),
              ElementsAre(DaySpan{Day(3, 7), Day(3, 9)}));
}

TEST(PlannerTest, TheNightBeginsAfterTenPastEightAtTheAccountsOwnMinute) {
  const SyncPolicy policy;
  const absl::Time night = NextNight(policy, "wx1234567890abcdef", At(Day(3, 10), 6));
  EXPECT_GE(night, At(Day(3, 10), 8, 10));
  EXPECT_LT(night, At(Day(3, 10), 8, 50));
  EXPECT_EQ(NextNight(policy, "wx1234567890abcdef", night), night + absl::Hours(24));
  EXPECT_NE(NextNight(policy, "wxfedcba0987654321", At(Day(3, 10), 6)), night);
}

TEST(PlannerTest, WorkGivesUpWhenTheNextDayIsPublished) {
  EXPECT_EQ(GiveUpTime(At(Day(3, 10), 8, 10)), At(Day(3, 11), 8));
  EXPECT_EQ(GiveUpTime(At(Day(3, 10), 3)), At(Day(3, 10), 8));
}

}  // namespace
}  // namespace datong::datacube
