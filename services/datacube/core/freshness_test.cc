#include "services/datacube/core/freshness.h"

#include <gtest/gtest.h>

#include "common/time/shanghai.h"

namespace datong::datacube {
namespace {

class FreshnessTest : public ::testing::Test {
 protected:
  FreshnessTest() {
    snapshot_.account.app = {"demo", "wx1"};
    snapshot_.account.kind = "official_account";
    snapshot_.account.connected = true;
    snapshot_.account.wanted_begin = absl::CivilDay(2026, 3, 1);
    snapshot_.account.next_night = ShanghaiMidnight(absl::CivilDay(2026, 3, 11)) + absl::Hours(9);
    snapshot_.api = Api::kUserSummary;
    snapshot_.days_known = 9;
  }
  FreshnessState State() { return JudgeFreshness(snapshot_, now_).state; }

  absl::Time now_ = ShanghaiMidnight(absl::CivilDay(2026, 3, 10)) + absl::Hours(12);
  ApiSnapshot snapshot_;
};

TEST_F(FreshnessTest, AllDaysUpToYesterdayAreComplete) {
  EXPECT_EQ(State(), FreshnessState::kComplete);
  EXPECT_EQ(JudgeFreshness(snapshot_, now_).due_day, absl::CivilDay(2026, 3, 9));
}

TEST_F(FreshnessTest, WaitingWorkSaysWhatItWaitsFor) {
  snapshot_.days_known = 8;
  snapshot_.open_pieces = 1;
  EXPECT_EQ(State(), FreshnessState::kSyncing);
  snapshot_.waiting_for = ApiCondition::kNotReady;
  EXPECT_EQ(State(), FreshnessState::kNotReady);
  snapshot_.waiting_for = ApiCondition::kQuota;
  EXPECT_EQ(State(), FreshnessState::kQuotaUsedUp);
  snapshot_.waiting_for = ApiCondition::kUnreachable;
  EXPECT_EQ(State(), FreshnessState::kUnreachable);
  EXPECT_EQ(JudgeFreshness(snapshot_, now_).days_missing, 1);
}

TEST_F(FreshnessTest, MissingDaysWithoutWorkAreIncomplete) {
  snapshot_.days_known = 7;
  EXPECT_EQ(State(), FreshnessState::kIncomplete);
}

TEST_F(FreshnessTest, YesterdayIsNotMissedBeforeTheNightHasBegun) {
  snapshot_.days_known = 8;
  snapshot_.account.next_night = now_ + absl::Minutes(20);
  EXPECT_EQ(State(), FreshnessState::kSyncing);
}

TEST_F(FreshnessTest, RefusedAndDisconnectedSaySo) {
  snapshot_.condition = ApiCondition::kRefused;
  snapshot_.reason = "why";
  EXPECT_EQ(State(), FreshnessState::kRefused);
  EXPECT_EQ(JudgeFreshness(snapshot_, now_).reason, "why");
  snapshot_.account.connected = false;
  EXPECT_EQ(State(), FreshnessState::kDisconnected);
}

TEST_F(FreshnessTest, MiniProgramsHaveNoStatisticsYet) {
  snapshot_.api.reset();
  snapshot_.account.kind = "mini_program";
  const Freshness freshness = JudgeFreshness(snapshot_, now_);
  EXPECT_EQ(freshness.state, FreshnessState::kNotOffered);
  EXPECT_EQ(freshness.reason, "No statistics for mini programs yet.");
}

TEST_F(FreshnessTest, ARosterIsCompleteForTwoDays) {
  snapshot_.api = Api::kRoster;
  snapshot_.roster_complete_time = now_ - absl::Hours(47);
  EXPECT_EQ(State(), FreshnessState::kComplete);
  snapshot_.roster_complete_time = now_ - absl::Hours(49);
  EXPECT_EQ(State(), FreshnessState::kIncomplete);
}

}  // namespace
}  // namespace datong::datacube
