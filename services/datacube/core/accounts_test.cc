#include "services/datacube/core/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/time/shanghai.h"

namespace datong::datacube {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class AccountsTest : public ::testing::Test {
 protected:
  AccountDecision Decide(const std::optional<Account>& before, const AccountUpdate& update) {
    return DecideAccount(policy_, "demo", before, update, now_);
  }
  const SyncPolicy policy_;
  absl::Time now_ = ShanghaiMidnight(absl::CivilDay(2026, 3, 10)) + absl::Hours(12);
  AccountUpdate connected_{"wx1", "official_account", true, "", std::nullopt};
};

TEST_F(AccountsTest, ANewAccountIsSyncedWhollyAtOnce) {
  const AccountDecision decision = Decide(std::nullopt, connected_);
  // One page of followers, and 90 days of either interface.
  EXPECT_THAT(decision.pieces, SizeIs(1 + 13 + 13));
  EXPECT_EQ(decision.after.wanted_begin, absl::CivilDay(2026, 3, 10) - 90);
  EXPECT_EQ(ShanghaiDay(decision.after.next_night), absl::CivilDay(2026, 3, 11));
}

TEST_F(AccountsTest, AnAccountToldAgainStartsNothing) {
  const Account known = Decide(std::nullopt, connected_).after;
  EXPECT_THAT(Decide(known, connected_).pieces, IsEmpty());
}

TEST_F(AccountsTest, AMiniProgramStartsNothing) {
  connected_.kind = "mini_program";
  EXPECT_THAT(Decide(std::nullopt, connected_).pieces, IsEmpty());
}

TEST_F(AccountsTest, AnAccountIsSyncedOnceItsKindIsKnown) {
  AccountUpdate unknown = connected_;
  unknown.kind = "";
  const Account known = Decide(std::nullopt, unknown).after;
  EXPECT_THAT(Decide(known, connected_).pieces, SizeIs(27));
}

TEST_F(AccountsTest, ADisconnectedAccountLosesItsWorkAndGetsItBackWhenItReturns) {
  const Account known = Decide(std::nullopt, connected_).after;
  AccountUpdate gone = connected_;
  gone.connected = false;
  const AccountDecision leaving = Decide(known, gone);
  EXPECT_TRUE(leaving.abandons_work);
  EXPECT_THAT(leaving.pieces, IsEmpty());
  now_ += absl::Hours(24 * 30);
  const AccountDecision back = Decide(leaving.after, connected_);
  // 120 days now: the first day that is wanted stays.
  EXPECT_THAT(back.pieces, SizeIs(1 + 18 + 18));
  EXPECT_TRUE(back.clears_refusals);
}

TEST_F(AccountsTest, ANewGrantAfterARefusalTriesAnew) {
  Account known = Decide(std::nullopt, connected_).after;
  known.any_refused = true;
  EXPECT_THAT(Decide(known, connected_).pieces, IsEmpty());
  connected_.authorize_time = now_;
  EXPECT_THAT(Decide(known, connected_).pieces, SizeIs(27));
}

}  // namespace
}  // namespace datong::datacube
