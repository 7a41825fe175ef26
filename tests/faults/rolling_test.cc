// A new release, one process after the other, while everybody goes on calling.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/testing/matchers.h"
#include "tests/faults/deep.h"
#include "tests/faults/fleet.h"
#include "tests/faults/readers.h"

namespace datong::faults {
namespace {

using ::testing::IsEmpty;

TEST(RollingTest, ARollingRestartUnderLoadFailsNoIdempotentCall) {
  auto started = Fleet::Start(
      {.replicas = 3, .own_apps = 3, .settings = {{"server.drain_wait", Deep() ? "5s" : "300ms"}}});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Readers readers(fleet, {.per_replica = 3, .deadline = absl::Seconds(10), .any_replica = true});
  ASSERT_TRUE(readers.AwaitAnswers(300));
  for (int round = 0; round < (Deep() ? 5 : 1); ++round) {
    for (size_t i = 0; i < fleet.size(); ++i) {
      const absl::Time begin = absl::Now();
      ASSERT_OK(fleet.replica(i).Stop());
      EXPECT_LT(absl::Now() - begin, absl::Seconds(30));
      ASSERT_OK(fleet.replica(i).Start());
      ASSERT_OK(fleet.replica(i).WaitReady());
      // The new one gets its share before the next one goes.
      EXPECT_TRUE(Eventually(
          [&] {
            return fleet.replica(i).Metric(
                       "datong_token_requests_total{kind=\"stable_access_token\","
                       "result=\"hit\"}") > 5;
          },
          absl::Seconds(30)));
      ASSERT_OK(fleet.MoveClock(absl::Seconds(7000)));
      EXPECT_TRUE(readers.AwaitAnswers(200));
    }
  }
  std::vector<TokenRead> reads = readers.Stop();
  EXPECT_THAT(readers.refusals(), IsEmpty());
  // Whoever asks any of three is told of a new token by one before another has heard of it.
  for (size_t i = 0; i < reads.size(); ++i) reads[i].reader = static_cast<int>(i);
  const auto writes = fleet.Writes();
  ASSERT_OK(writes);
  EXPECT_THAT(Violations({*writes, reads}), IsEmpty());
}

}  // namespace
}  // namespace datong::faults
