#include "services/insight/core/funnel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace datong::insight {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kA = 1, kB = 2, kC = 4;

TEST(FunnelTest, StepsMustFollowInTime) {
  EXPECT_THAT(CountFunnel({{1, 10, kA}, {1, 20, kB}, {2, 20, kA}, {2, 10, kB}}, 2, 100),
              ElementsAre(2, 1));
}

TEST(FunnelTest, OtherStepsMayLieBetween) {
  EXPECT_THAT(CountFunnel({{1, 10, kA}, {1, 15, kC}, {1, 20, kB}, {1, 30, kC}}, 3, 100),
              ElementsAre(1, 1, 1));
}

TEST(FunnelTest, TheWindowRunsFromTheFirstStepAndIncludesItsEnd) {
  EXPECT_THAT(CountFunnel({{1, 0, kA}, {1, 60, kB}, {1, 100, kC}}, 3, 100), ElementsAre(1, 1, 1));
  EXPECT_THAT(CountFunnel({{1, 0, kA}, {1, 60, kB}, {1, 101, kC}}, 3, 100), ElementsAre(1, 1, 0));
}

TEST(FunnelTest, TheBestOfAllAttemptsCounts) {
  // The first attempt comes to B, too early for C; the second one comes to C.
  EXPECT_THAT(
      CountFunnel({{1, 0, kA}, {1, 10, kB}, {1, 90, kA}, {1, 95, kB}, {1, 150, kC}}, 3, 100),
      ElementsAre(1, 1, 1));
  // A new first step does not end the attempt under way.
  EXPECT_THAT(CountFunnel({{1, 0, kA}, {1, 10, kB}, {1, 20, kA}, {1, 30, kC}}, 3, 100),
              ElementsAre(1, 1, 1));
}

TEST(FunnelTest, OneEventStandsForOneStep) {
  EXPECT_THAT(CountFunnel({{1, 10, kA | kB}}, 2, 100), ElementsAre(1, 0));
  EXPECT_THAT(CountFunnel({{1, 10, kA | kB}, {1, 11, kA | kB}}, 2, 100), ElementsAre(1, 1));
}

TEST(FunnelTest, EventsOfOneInstantMayFollowEachOther) {
  EXPECT_THAT(CountFunnel({{1, 10, kB}, {1, 10, kA}}, 2, 100), ElementsAre(1, 1));
}

TEST(FunnelTest, NobodyGivesZeros) {
  EXPECT_THAT(CountFunnel({}, 3, 100), ElementsAre(0, 0, 0));
  EXPECT_THAT(CountFunnel({{1, 10, kB}}, 2, 100), ElementsAre(0, 0));
}

// Tries every chain: from each first step on, any later event for the next one.
int BestLevel(const std::vector<StepEvent>& events, size_t from, int step, int steps, int64_t start,
              int64_t window) {
  int best = step;
  if (step == steps) return best;
  for (size_t i = from; i < events.size(); ++i) {
    if ((events[i].steps >> step & 1) == 0) continue;
    const int64_t begin = step == 0 ? events[i].time_us : start;
    if (events[i].time_us - begin > window) continue;
    best = std::max(best, BestLevel(events, i + 1, step + 1, steps, begin, window));
  }
  return best;
}

TEST(FunnelTest, EqualsTheSearchThroughAllChainsOnRandomEvents) {
  std::mt19937 random(20261120);
  for (int round = 0; round < 2000; ++round) {
    const int steps = 2 + static_cast<int>(random() % 3);
    std::vector<StepEvent> events;
    for (uint32_t i = 0; i < 1 + random() % 9; ++i) {
      // Times differ: how ties are ordered is a matter of its own.
      events.push_back({7, static_cast<int64_t>(i * 10 + random() % 10),
                        static_cast<uint32_t>(1 + random() % ((1u << steps) - 1))});
    }
    const int64_t window = static_cast<int64_t>(random() % 60);
    const int level = BestLevel(events, 0, 0, steps, 0, window);
    std::vector<int64_t> expected(static_cast<size_t>(steps), 0);
    std::fill_n(expected.begin(), level, 1);
    std::shuffle(events.begin(), events.end(), random);
    ASSERT_EQ(CountFunnel(events, steps, window), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace datong::insight
