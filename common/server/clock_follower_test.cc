#include "common/server/clock_follower.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/http/testing/fake_http_server.h"

namespace datong::server {
namespace {

TEST(ClockFollowerTest, TheClockGetsTheOffsetOfTheSimulator) {
  http::FakeHttpServer simulator;
  simulator.AnswerJson("/admin/clock", R"({"now_ms": 0, "offset_ms": 86400000})");
  SystemClock clock;
  ClockFollower follower(simulator.url(), clock, absl::Milliseconds(5));
  const Deadline deadline = Deadline::After(absl::Seconds(10));
  while (clock.Now() < absl::Now() + absl::Hours(23) && !deadline.Passed()) {
    absl::SleepFor(absl::Milliseconds(2));
  }
  EXPECT_GT(clock.Now(), absl::Now() + absl::Hours(23));
}

}  // namespace
}  // namespace datong::server
