#include "services/broker/core/token_broker.h"

#include <thread>

#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class TokenBrokerTest : public CoreFixture {
 protected:
  std::string Get(const std::string& appid) {
    absl::StatusOr<CachedTokenPtr> token = tokens_.Get(appid, soon());
    EXPECT_OK(token);
    return token.ok() ? (*token)->token.Expose() : "";
  }
};

TEST_F(TokenBrokerTest, FetchesOnceAndThenServesFromMemory) {
  EXPECT_EQ(tokens_.FindCached("wx-own"), nullptr);
  EXPECT_EQ(Get("wx-own"), "token-1");
  EXPECT_EQ(Get("wx-own"), "token-1");
  ASSERT_NE(tokens_.FindCached("wx-own"), nullptr);
  EXPECT_EQ(platform_.calls("FetchStableToken"), 1);
}

TEST_F(TokenBrokerTest, ATokenIsStoredBeforeItIsServed) {
  Get("wx-own");
  absl::StatusOr<std::optional<TokenRecord>> stored = store_.Load("wx-own", soon());
  ASSERT_OK(stored);
  ASSERT_TRUE(stored->has_value());
  EXPECT_EQ((*stored)->access_token.Expose(), "token-1");
  EXPECT_EQ((*stored)->expires, clock_.Now() + absl::Seconds(7200));
}

TEST_F(TokenBrokerTest, AnExpiredTokenIsReplacedWhileTheCallerWaits) {
  Get("wx-own");
  clock_.Advance(absl::Hours(9));
  EXPECT_EQ(tokens_.FindCached("wx-own"), nullptr);
  EXPECT_EQ(Get("wx-own"), "token-2");
}

TEST_F(TokenBrokerTest, AFailedEarlyRefreshServesTheOldTokenWhileItLives) {
  Get("wx-own");
  clock_.Advance(absl::Seconds(7200 - 30));
  platform_.FailNext("FetchStableToken", {absl::UnavailableError("down")});
  EXPECT_EQ(Get("wx-own"), "token-1");
}

TEST_F(TokenBrokerTest, AFailureIsUnavailableWithAdviceAndHoldsFurtherCallsBack) {
  platform_.FailNext("FetchStableToken", {absl::UnavailableError("down")});
  const absl::Status first = tokens_.Get("wx-own", soon()).status();
  EXPECT_THAT(first, IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_TRUE(GetRetryDelay(first).has_value());
  EXPECT_THAT(tokens_.Get("wx-own", soon()),
              IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_EQ(platform_.calls("FetchStableToken"), 1);
}

TEST_F(TokenBrokerTest, AWrongSecretIsBadConfigUntilItIsCorrected) {
  platform_.FailNext("FetchStableToken", {Errcode(40125)});
  EXPECT_THAT(tokens_.Get("wx-own", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_BAD_CONFIG"));
  EXPECT_EQ(store_.GetApp("wx-own", soon())->state, AppState::kBadConfig);
  store_.EndHolds();
  tokens_.ForgetFailures("wx-own");  // time for a probe
  EXPECT_EQ(Get("wx-own"), "token-1");
  EXPECT_EQ(store_.GetApp("wx-own", soon())->state, AppState::kActive);
}

TEST_F(TokenBrokerTest, StableTokensAreRefreshedOnlyInTheirLastMinutes) {
  Get("wx-own");
  Get("wx-mini");
  GiveTicket();
  Get("wx-comp");
  ASSERT_OK(tokens_.Sync(soon()));
  clock_.Advance(absl::Seconds(7200 - 280));
  tokens_.RefreshDue();
  tokens_.Stop();
  EXPECT_EQ(platform_.calls("FetchStableToken"), 2);
  // 280 s is late for a component token, which is refreshed 900 s ahead.
  EXPECT_EQ(platform_.calls("FetchComponentToken"), 2);
}

TEST_F(TokenBrokerTest, ADueTokenIsRefreshedBeforeItsEnd) {
  Get("wx-own");
  ASSERT_OK(tokens_.Sync(soon()));
  clock_.Advance(absl::Seconds(7200 - 260));
  tokens_.RefreshDue();
  tokens_.Stop();
  ASSERT_NE(tokens_.FindCached("wx-own"), nullptr);
  EXPECT_NE(tokens_.FindCached("wx-own")->token.Expose(), "token-1");
}

TEST_F(TokenBrokerTest, EveryTokenThatIsMadeIsTold) {
  std::vector<std::string> told;
  tokens_.OnRefreshed([&](const CachedToken& token) { told.push_back(token.fingerprint); });
  Get("wx-own");
  Get("wx-own");
  EXPECT_EQ(told, std::vector<std::string>{FingerprintOf(Secret("token-1"))});
}

TEST_F(TokenBrokerTest, WhatAnotherReplicaStoredIsServedAfterASync) {
  Get("wx-own");
  absl::StatusOr<std::optional<Lease>> lease =
      store_.TryAcquire("token/wx-own", absl::Seconds(30), soon());
  ASSERT_OK(lease);
  TokenRecord other;
  other.appid = "wx-own";
  other.generation = 1;
  other.access_token = Secret("of-another-replica");
  other.expires = clock_.Now() + absl::Hours(2);
  ASSERT_OK(store_.Save(**lease, other, soon()));
  store_.Release(**lease);
  ASSERT_OK(tokens_.Sync(soon()));
  EXPECT_EQ(Get("wx-own"), "of-another-replica");
  EXPECT_EQ(platform_.calls("FetchStableToken"), 1);
}

TEST_F(TokenBrokerTest, AWriteUnderALostLeaseIsRefused) {
  absl::StatusOr<std::optional<Lease>> old =
      store_.TryAcquire("token/wx-own", absl::Seconds(30), soon());
  store_.ExpireLeases();
  Get("wx-own");
  TokenRecord late;
  late.appid = "wx-own";
  late.access_token = Secret("late");
  EXPECT_THAT(store_.Save(**old, late, soon()), IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
}

TEST_F(TokenBrokerTest, ACorrectedSecretIsTriedWithoutWaitingForTheNextProbe) {
  platform_.FailNext("FetchStableToken", {Errcode(40125)});
  EXPECT_FALSE(tokens_.Get("wx-own", soon()).ok());
  EXPECT_THAT(tokens_.Get("wx-own", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_BAD_CONFIG"));
  Credentials corrected;
  corrected.app_secret = Secret("right");
  ASSERT_OK(store_.UpdateApp("wx-own", {.credentials = corrected}, soon()));
  ASSERT_OK(tokens_.Sync(soon()));
  EXPECT_EQ(Get("wx-own"), "token-1");
}

TEST_F(TokenBrokerTest, ATicketThatComesLateFreesTheAccountsAtOnce) {
  Connect();
  clock_.Advance(absl::Hours(13));
  EXPECT_THAT(tokens_.Get("wx-account", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "TICKET_MISSING"));
  GiveTicket();
  tokens_.ForgetFailures("wx-comp");  // as the receiver does
  EXPECT_OK(tokens_.Get("wx-account", soon()));
}

TEST_F(TokenBrokerTest, ARefreshThatWasOvertakenByAnAuthorisationServesTheNewerToken) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  // While the platform is asked, the account authorises anew.
  platform_.before_authorizer_token = [this] {
    platform_.granted.token = {Secret("granted-anew"), absl::Seconds(7200), Secret("refresh-anew")};
    EXPECT_OK(authorizer_.OnAuthorized("demo", "wx-comp", "wx-account", "code-9", "", soon()));
  };
  EXPECT_EQ(Get("wx-account"), "granted-anew");
  EXPECT_EQ((*store_.Load("wx-account", soon()))->refresh_token.Expose(), "refresh-anew");
}

TEST_F(TokenBrokerTest, WhoeverWaitsForTheLeaseTakesTheResultOfItsHolder) {
  absl::StatusOr<std::optional<Lease>> lease =
      store_.TryAcquire("token/wx-own", absl::Seconds(30), soon());
  std::thread holder([&] {
    TokenRecord record;
    record.appid = "wx-own";
    record.access_token = Secret("of-the-holder");
    record.expires = clock_.Now() + absl::Hours(2);
    EXPECT_OK(store_.Save(**lease, record, soon()));
  });
  EXPECT_EQ(Get("wx-own"), "of-the-holder");
  holder.join();
  EXPECT_EQ(platform_.calls("FetchStableToken"), 0);
}

TEST_F(TokenBrokerTest, ADatabaseThatIsGoneLeavesTokensInMemory) {
  Get("wx-own");
  store_.SetReachable(false);
  EXPECT_FALSE(tokens_.Sync(soon()).ok());
  EXPECT_FALSE(tokens_.store_reachable());
  EXPECT_EQ(Get("wx-own"), "token-1");
}

TEST_F(TokenBrokerTest, OnlyTheCurrentTokenIsReplacedWhenReported) {
  Get("wx-own");
  const std::string current = tokens_.FindCached("wx-own")->fingerprint;
  EXPECT_FALSE(tokens_.Replace("wx-own", "abc", BrokerMetrics::Invalidated::kCallerReport, soon())
                   ->replaced);
  absl::StatusOr<TokenBroker::Replacement> replaced =
      tokens_.Replace("wx-own", current, BrokerMetrics::Invalidated::kCallerReport, soon());
  ASSERT_OK(replaced);
  EXPECT_TRUE(replaced->replaced);
  EXPECT_EQ(replaced->current->token.Expose(), "token-2");
}

TEST_F(TokenBrokerTest, ReplacingIsLimitedToOnceInHalfAMinute) {
  Get("wx-own");
  ASSERT_OK(tokens_.Replace("wx-own", tokens_.FindCached("wx-own")->fingerprint,
                            BrokerMetrics::Invalidated::kCallerReport, soon()));
  EXPECT_THAT(tokens_.Replace("wx-own", tokens_.FindCached("wx-own")->fingerprint,
                              BrokerMetrics::Invalidated::kCallerReport, soon()),
              IsError(absl::StatusCode::kResourceExhausted, "REFRESH_TOO_OFTEN"));
}

TEST_F(TokenBrokerTest, ForceIsUsedOnlyWhenNormalModeGivesTheRefusedTokenAgain) {
  platform_.same_token = true;
  Get("wx-own");
  absl::StatusOr<TokenBroker::Replacement> replaced =
      tokens_.Replace("wx-own", tokens_.FindCached("wx-own")->fingerprint,
                      BrokerMetrics::Invalidated::kCallerReport, soon());
  ASSERT_OK(replaced);
  EXPECT_EQ(replaced->current->token.Expose(), "token-2");
  EXPECT_EQ(platform_.calls("ForceStableToken"), 1);
}

TEST_F(TokenBrokerTest, AComponentNeedsATicketYoungerThanTwelveHours) {
  EXPECT_THAT(tokens_.Get("wx-comp", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "TICKET_MISSING"));
  GiveTicket(absl::Hours(13));
  tokens_.ForgetFailures("wx-comp");
  EXPECT_THAT(tokens_.Get("wx-comp", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "TICKET_MISSING"));
  GiveTicket(absl::Minutes(5));
  tokens_.ForgetFailures("wx-comp");
  EXPECT_EQ(Get("wx-comp"), "token-1");
}

TEST_F(TokenBrokerTest, ARefusedComponentTokenIsReplacedAndTheCallRepeatedOnce) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  Get("wx-comp");
  const int before = platform_.calls("FetchComponentToken");
  platform_.FailNext("FetchAuthorizerToken", {Errcode(42001)});
  Get("wx-account");
  EXPECT_EQ(platform_.calls("FetchComponentToken"), before + 1);
}

TEST_F(TokenBrokerTest, ALostRefreshTokenIsReadAgainBeforeTheAccountNeedsReauth) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  platform_.details.refresh_token = Secret("refresh-2");
  platform_.FailNext("FetchAuthorizerToken", {Errcode(61023)});
  Get("wx-account");
  const std::optional<TokenRecord> stored = *store_.Load("wx-account", soon());
  EXPECT_EQ(stored->refresh_token.Expose(), "refresh-2");
  EXPECT_EQ(stored->previous_refresh_token.Expose(), "refresh");
}

TEST_F(TokenBrokerTest, ARefreshTokenRefusedTwiceNeedsReauth) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  platform_.FailNext("FetchAuthorizerToken", {Errcode(61023), Errcode(61023)});
  EXPECT_THAT(tokens_.Get("wx-account", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_NEEDS_REAUTH"));
  EXPECT_EQ(store_.GetApp("wx-account", soon())->state, AppState::kNeedsReauth);
}

}  // namespace
}  // namespace datong::broker
