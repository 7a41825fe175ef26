#include "tools/datong/demo/truth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace datong::demo {
namespace {

Estate SmallEstate() { return MakeEstate({.persons = 300, .days = 30, .events = 4000}); }

TEST(EstateTest, IsTheSameEveryTimeAndHasTheEventsAskedFor) {
  const Estate first = SmallEstate(), second = SmallEstate();
  EXPECT_GE(first.sdk_events, 4000);
  EXPECT_EQ(first.sdk_events, second.sdk_events);
  ASSERT_EQ(first.days.size(), 30U);
  EXPECT_EQ(first.days[7].visits.size(), second.days[7].visits.size());
  EXPECT_EQ(first.persons[299].shop_device, second.persons[299].shop_device);
}

TEST(EstateTest, NoVisitTouchesTheTimeOfFollowing) {
  for (const Day& day : SmallEstate().days) {
    const absl::Time midnight = absl::FromCivil(day.date, absl::FixedTimeZone(8 * 3600));
    for (const Visit& visit : day.visits) {
      const double begin = absl::ToDoubleMinutes(visit.start - midnight);
      const double end = begin + static_cast<double>(visit.happenings.back().offset_ms) / 60'000;
      EXPECT_TRUE(end < kFollowStartMinute || begin >= kFollowEndMinute) << begin << " " << end;
      EXPECT_LT(end, 23 * 60 + 44);
    }
  }
}

TEST(TruthTest, FiguresHoldTogether) {
  const Estate estate = SmallEstate();
  const Truth truth(estate, {});
  const Truth::Figures all = truth.Traffic(nullptr, 0, 29);
  EXPECT_EQ(all.users, all.new_users);
  int64_t cells = 0;
  for (const auto& [mask, count] : truth.Overlap()) cells += count;
  EXPECT_EQ(cells, all.users);
  int64_t news = 0;
  for (int day = 0; day < 30; ++day) news += truth.Traffic(nullptr, day, day).new_users;
  EXPECT_EQ(news, all.users);
  const auto retention = truth.Retention(30, 7);
  EXPECT_EQ(std::accumulate(retention.begin(), retention.end(), int64_t{0},
                            [](int64_t sum, const auto& row) { return sum + row[0]; }),
            all.users);
  const std::vector<int64_t> funnel = truth.Funnel(absl::Hours(24 * 7));
  EXPECT_GE(funnel[0], funnel[1]);
  EXPECT_GE(funnel[2], funnel[3]);
  EXPECT_GT(funnel[3], 0);
}

TEST(TruthTest, ConstructedCasesStandAsWritten) {
  const Estate estate = SmallEstate();
  const Truth truth(estate, {});
  EXPECT_FALSE(truth.SamePerson("login:main:case-first", "login:main:case-second"));
  EXPECT_TRUE(truth.SamePerson("openid:wx0a0fficialacc001:oCaseLate000001",
                               "device:wx0b0shopminiprog1:case-late-device"));
}

}  // namespace
}  // namespace datong::demo
