#include "common/time/clock.h"

#include <gtest/gtest.h>

#include "common/testing/fake_clock.h"

namespace datong {
namespace {

TEST(SystemClockTest, RunsByTheRealTimePlusItsOffset) {
  SystemClock clock;
  const absl::Time before = absl::Now();
  clock.SetOffset(absl::Hours(48));
  EXPECT_GE(clock.Now(), before + absl::Hours(48));
  EXPECT_LT(clock.Now(), absl::Now() + absl::Hours(49));
}

TEST(FakeClockTest, MovesOnlyWhenTold) {
  FakeClock clock(absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1'700'000'000));
  clock.Advance(absl::Minutes(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1'700'000'300));
}

}  // namespace
}  // namespace datong
