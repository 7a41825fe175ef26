#include "common/time/shanghai.h"

#include <gtest/gtest.h>

namespace datong {
namespace {

TEST(ShanghaiTest, TheDayChangesAtSixteenUtc) {
  const absl::Time before = absl::FromUnixSeconds(1'767'196'799);  // 2025-12-31T15:59:59Z
  EXPECT_EQ(FormatDay(ShanghaiDay(before)), "2025-12-31");
  EXPECT_EQ(FormatDay(ShanghaiDay(before + absl::Seconds(1))), "2026-01-01");
  EXPECT_EQ(ShanghaiMidnight(absl::CivilDay(2026, 1, 1)), before + absl::Seconds(1));
}

TEST(ShanghaiTest, DayNumbersRoundTrip) {
  EXPECT_EQ(DayNumber(absl::CivilDay(1970, 1, 2)), 1);
  EXPECT_EQ(DayFromNumber(DayNumber(absl::CivilDay(2026, 11, 20))), absl::CivilDay(2026, 11, 20));
}

TEST(ShanghaiTest, ParsesOnlyWholeDays) {
  EXPECT_EQ(*ParseDay("2026-01-31"), absl::CivilDay(2026, 1, 31));
  EXPECT_FALSE(ParseDay("2026-1-31").ok());
  EXPECT_FALSE(ParseDay("20260131").ok());
  EXPECT_FALSE(ParseDay("").ok());
  EXPECT_FALSE(ParseDay("-001-01-01").ok());
  EXPECT_FALSE(ParseDay(" 2026-1-31").ok());
}

}  // namespace
}  // namespace datong
