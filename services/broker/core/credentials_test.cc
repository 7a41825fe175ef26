// The less common credentials: classic tokens and web apps.
#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class CredentialsTest : public CoreFixture {
 protected:
  // What the next poll does.
  void Poll() {
    ASSERT_OK(tokens_.Sync(soon()));
    tokens_.RefreshDue();
    tokens_.Stop();
  }
};

TEST_F(CredentialsTest, AClassicTokenIsFetchedOnlyWhereTheAppAsksForIt) {
  ASSERT_OK(tokens_.Get("wx-own", soon()));
  EXPECT_EQ(platform_.calls("FetchClassicToken"), 0);
  ASSERT_OK(store_.UpdateApp("wx-mini", {.classic_token = true}, soon()));
  absl::StatusOr<CachedTokenPtr> token = tokens_.Get("wx-mini", soon());
  ASSERT_OK(token);
  EXPECT_EQ((*token)->kind, TokenKind::kClassic);
  EXPECT_EQ(platform_.calls("FetchClassicToken"), 1);
  EXPECT_EQ(platform_.calls("FetchStableToken"), 1);
}

TEST_F(CredentialsTest, AClassicTokenIsReplacedWellAheadOfItsEnd) {
  ASSERT_OK(store_.UpdateApp("wx-own", {.classic_token = true}, soon()));
  ASSERT_OK(tokens_.Get("wx-own", soon()));
  clock_.Advance(absl::Seconds(7200 - 900));
  Poll();
  EXPECT_EQ(platform_.calls("FetchClassicToken"), 2);
}

TEST_F(CredentialsTest, ARefusedClassicTokenIsReplacedWithoutForce) {
  ASSERT_OK(store_.UpdateApp("wx-own", {.classic_token = true}, soon()));
  absl::StatusOr<CachedTokenPtr> token = tokens_.Get("wx-own", soon());
  ASSERT_OK(token);
  absl::StatusOr<TokenBroker::Replacement> other = tokens_.Replace(
      "wx-own", (*token)->fingerprint, BrokerMetrics::Invalidated::kUpstream, soon());
  ASSERT_OK(other);
  EXPECT_TRUE(other->replaced);
  EXPECT_EQ(platform_.calls("ForceStableToken"), 0);
}

TEST_F(CredentialsTest, TheTokenOfAWebAppIsFetchedOnlyWhenSomebodyWantsIt) {
  Create("wx-web", AppKind::kWebApp);
  GiveTicket();
  Poll();
  EXPECT_EQ(platform_.calls("FetchStableToken"), 2) << "of the two self-managed accounts";
  EXPECT_OK(tokens_.Get("wx-web", soon()));
  EXPECT_EQ(platform_.calls("FetchStableToken"), 3);
}

TEST_F(CredentialsTest, AWebAppThatMayHaveNoTokenIsStillGoodForLogins) {
  Create("wx-web", AppKind::kWebApp);
  platform_.FailNext("FetchStableToken", {Errcode(50004)});
  EXPECT_THAT(tokens_.Get("wx-web", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_BAD_CONFIG"));
  EXPECT_EQ(store_.GetApp("wx-web", soon())->state, AppState::kActive);
  // A wrong secret is another thing.
  Create("wx-web2", AppKind::kWebApp);
  platform_.FailNext("FetchStableToken", {Errcode(40125)});
  EXPECT_FALSE(tokens_.Get("wx-web2", soon()).ok());
  EXPECT_EQ(store_.GetApp("wx-web2", soon())->state, AppState::kBadConfig);
}

}  // namespace
}  // namespace datong::broker
