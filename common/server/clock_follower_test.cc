#include "common/server/clock_follower.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/http/testing/fake_http_server.h"

namespace datong::server {
namespace {

TEST(ClockFollowerTest, TheClockHasTheOffsetOfTheSimulatorFromTheBeginning) {
  http::FakeHttpServer simulator;
  simulator.AnswerJson("/admin/clock", R"({"now_ms": 0, "offset_ms": 86400000})");
  SystemClock clock;
  const ClockFollower follower(simulator.url(), clock);
  EXPECT_GT(clock.Now(), absl::Now() + absl::Hours(23));
}

}  // namespace
}  // namespace datong::server
