// Several brokers over one store, as replicas are.
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <thread>

#include "services/broker/core/token_notice.h"
#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class TokenReplicasTest : public CoreFixture {
 protected:
  struct Replica {
    Replica(TokenBrokerOptions options, TokenReplicasTest& test)
        : metrics(registry, true),
          tokens(options, test.store_, test.store_, test.store_, test.platform_, metrics,
                 test.clock_) {}
    metrics::Registry registry;
    BrokerMetrics metrics;
    TokenBroker tokens;
  };
  std::unique_ptr<Replica> MakeReplica(TokenBrokerOptions options = Options()) {
    return std::make_unique<Replica>(options, *this);
  }
  static std::string TokenOf(const absl::StatusOr<CachedTokenPtr>& token) {
    EXPECT_OK(token);
    return token.ok() ? (*token)->token.Expose() : "";
  }
  static void AwaitTrue(const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::After(absl::Seconds(30));
    while (!holds() && !deadline.Passed()) std::this_thread::yield();
    ASSERT_TRUE(holds());
  }
};

TEST_F(TokenReplicasTest, ManyCallersOnManyReplicasCauseOneCallToThePlatform) {
  std::vector<std::unique_ptr<Replica>> replicas;
  for (int i = 0; i < 4; ++i) replicas.push_back(MakeReplica());
  std::vector<std::thread> callers;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&, i] {
      EXPECT_EQ(TokenOf(replicas[static_cast<size_t>(i) % 4]->tokens.Get("wx-own", soon())),
                "token-1");
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(platform_.calls("FetchStableToken"), 1);
}

TEST_F(TokenReplicasTest, DueTokensAreRefreshedByOneReplicaAlone) {
  const std::unique_ptr<Replica> a = MakeReplica();
  const std::unique_ptr<Replica> b = MakeReplica();
  TokenOf(a->tokens.Get("wx-own", soon()));
  ASSERT_OK(a->tokens.Sync(soon()));
  ASSERT_OK(b->tokens.Sync(soon()));
  clock_.Advance(absl::Seconds(7200 - 260));
  store_.TryAcquire("token/wx-own", absl::Seconds(30), soon()).IgnoreError();  // by a third one
  a->tokens.RefreshDue();
  b->tokens.RefreshDue();
  a->tokens.Stop();
  b->tokens.Stop();
  EXPECT_EQ(platform_.calls("FetchStableToken"), 2);  // and wx-mini's first one, once
}

TEST_F(TokenReplicasTest, TheLeaseIsRenewedWhileThePlatformIsAsked) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  TokenBrokerOptions options = Options();
  options.lease_renew_every = absl::Milliseconds(1);
  const std::unique_ptr<Replica> a = MakeReplica(options);
  platform_.before_authorizer_token = [this] {
    const int before = store_.renewals();
    AwaitTrue([&] { return store_.renewals() >= before + 3; });
  };
  TokenOf(a->tokens.Get("wx-account", soon()));
}

TEST_F(TokenReplicasTest, TheLateWriteOfAFrozenHolderIsRefusedAndItServesTheNewerToken) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  const std::unique_ptr<Replica> frozen = MakeReplica();
  const std::unique_ptr<Replica> other = MakeReplica();
  std::string newer;
  // The holder stands still between WeChat's answer and its write for longer than its lease.
  platform_.before_authorizer_token = [&] {
    store_.ExpireLeases();
    newer = TokenOf(other->tokens.Get("wx-account", soon()));
  };
  EXPECT_EQ(TokenOf(frozen->tokens.Get("wx-account", soon())), newer);
  EXPECT_EQ((*store_.Load("wx-account", soon()))->access_token.Expose(), newer);
  EXPECT_NE(frozen->registry.Serialize().find(
                "datong_token_fenced_writes_total{kind=\"authorizer_access_token\"} 1"),
            std::string::npos);
}

TEST_F(TokenReplicasTest, ANoticeBringsWhatAnotherReplicaStored) {
  const std::unique_ptr<Replica> a = MakeReplica();
  const std::unique_ptr<Replica> b = MakeReplica();
  TokenOf(a->tokens.Get("wx-own", soon()));
  EXPECT_EQ(b->tokens.FindCached("wx-own"), nullptr);
  b->tokens.OnNotice(TokenNotice{"wx-own", 1}.ToText());
  ASSERT_NE(b->tokens.FindCached("wx-own"), nullptr);
  EXPECT_EQ(b->tokens.FindCached("wx-own")->token.Expose(), "token-1");
  b->tokens.OnNotice("what is this");
  b->tokens.OnNotice(TokenNotice{"wx-unknown", 7}.ToText());
}

TEST_F(TokenReplicasTest, ANoticeOfATicketEndsTheWaitForOne) {
  EXPECT_THAT(tokens_.Get("wx-comp", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "TICKET_MISSING"));
  GiveTicket();
  tokens_.OnNotice(TokenNotice{"wx-comp"}.ToText());
  EXPECT_EQ(TokenOf(tokens_.Get("wx-comp", soon())), "token-1");
}

TEST_F(TokenReplicasTest, AClockThatJumpsAheadCausesOneRefreshAndNoMore) {
  for (const char* appid : {"wx-own", "wx-mini"}) TokenOf(tokens_.Get(appid, soon()));
  clock_.Advance(absl::Hours(3));
  ASSERT_OK(tokens_.Sync(soon()));
  tokens_.RefreshDue();
  tokens_.Stop();
  ASSERT_NE(tokens_.FindCached("wx-own"), nullptr);
  clock_.Advance(-absl::Hours(3));
  const std::unique_ptr<Replica> other = MakeReplica();
  ASSERT_OK(other->tokens.Sync(soon()));
  other->tokens.RefreshDue();  // its end is told by a clock three hours ahead
  other->tokens.Stop();
  EXPECT_EQ(platform_.calls("FetchStableToken"), 2 * 3);
  ASSERT_OK(tokens_.Sync(soon()));
  EXPECT_EQ(tokens_.FindCached("wx-own")->expires, clock_.Now() + absl::Seconds(7200));
  EXPECT_EQ(platform_.calls("FetchStableToken"), 2 * 3);
}

TEST_F(TokenReplicasTest, AClockThatIsSetBackKeepsNoTokenBeyondItsLife) {
  platform_.lifetime = absl::Seconds(61);  // a minute of margin, and one second
  TokenOf(tokens_.Get("wx-own", soon()));
  clock_.Advance(-absl::Minutes(10));
  AwaitTrue([&] { return tokens_.FindCached("wx-own") == nullptr; });
}

TEST_F(TokenReplicasTest, AFailureHoldsEveryReplicaBackUntilSomethingChanges) {
  const std::unique_ptr<Replica> a = MakeReplica();
  const std::unique_ptr<Replica> b = MakeReplica();
  platform_.FailNext("FetchStableToken", {Errcode(40125)});
  EXPECT_THAT(a->tokens.Get("wx-own", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_BAD_CONFIG"));
  EXPECT_THAT(b->tokens.Get("wx-own", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_BAD_CONFIG"));
  EXPECT_EQ(platform_.calls("FetchStableToken"), 1);
  Credentials corrected;
  corrected.app_secret = Secret("right");
  ASSERT_OK(store_.UpdateApp("wx-own", {.credentials = corrected}, soon()));
  b->tokens.OnNotice(TokenNotice{"wx-own"}.ToText());
  EXPECT_EQ(TokenOf(b->tokens.Get("wx-own", soon())), "token-1");
  a->tokens.OnNotice(TokenNotice{"wx-own", 1}.ToText());
  EXPECT_EQ(TokenOf(a->tokens.Get("wx-own", soon())), "token-1");
}

TEST_F(TokenReplicasTest, ARefusedTokenIsReplacedOnceInHalfAMinuteByAllReplicasTogether) {
  const std::unique_ptr<Replica> a = MakeReplica();
  const std::unique_ptr<Replica> b = MakeReplica();
  const auto replace = [&](Replica& replica) {
    const CachedTokenPtr held = *replica.tokens.Get("wx-own", soon());
    return replica.tokens
        .Replace("wx-own", held->fingerprint, BrokerMetrics::Invalidated::kCallerReport, soon())
        .status();
  };
  EXPECT_OK(replace(*a));
  b->tokens.OnNotice(TokenNotice{"wx-own", 2}.ToText());
  const absl::Status refused = replace(*b);
  EXPECT_THAT(refused, IsError(absl::StatusCode::kResourceExhausted, "REFRESH_TOO_OFTEN"));
  EXPECT_EQ(GetRetryDelay(refused), absl::Seconds(30));
  clock_.Advance(absl::Seconds(30));
  EXPECT_OK(replace(*b));
}

TEST_F(TokenReplicasTest, ForceIsUsedTenTimesADayByAllReplicasTogether) {
  platform_.same_token = true;
  const std::unique_ptr<Replica> a = MakeReplica();
  const std::unique_ptr<Replica> b = MakeReplica();
  for (int i = 0; i < 14; ++i) {
    Replica& replica = i % 2 == 0 ? *a : *b;
    ASSERT_OK(replica.tokens.Sync(soon()));
    const CachedTokenPtr held = *replica.tokens.Get("wx-own", soon());
    static_cast<void>(replica.tokens.Replace("wx-own", held->fingerprint,
                                             BrokerMetrics::Invalidated::kCallerReport, soon()));
    clock_.Advance(absl::Seconds(31));
  }
  EXPECT_EQ(platform_.calls("ForceStableToken"), 10);
}

TEST_F(TokenReplicasTest, AForeignRefresherShowsInTheAppsStateAndGoesAgain) {
  TokenOf(tokens_.Get("wx-own", soon()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(store_.GetApp("wx-own", soon())->state_detail, "");
    ASSERT_OK(tokens_.Replace("wx-own", tokens_.FindCached("wx-own")->fingerprint,
                              BrokerMetrics::Invalidated::kUpstream, soon()));
    clock_.Advance(absl::Minutes(2));
  }
  EXPECT_THAT(store_.GetApp("wx-own", soon())->state_detail,
              ::testing::HasSubstr("another system"));
  EXPECT_EQ(store_.GetApp("wx-own", soon())->state, AppState::kActive);
  EXPECT_NE(registry_.Serialize().find("datong_token_invalidations_total{kind="
                                       "\"stable_access_token\",reason=\"upstream\"} 3"),
            std::string::npos);
  clock_.Advance(absl::Hours(3));
  TokenOf(tokens_.Get("wx-own", soon()));
  EXPECT_EQ(store_.GetApp("wx-own", soon())->state_detail, "");
}

// The holder dies after WeChat answered and before the token is stored: its answer is gone, and the
// next one starts where it began.
class CutOffRefreshTest : public TokenReplicasTest {
 protected:
  // Begins as a holder does that then dies.
  void DieBeforeTheCommit(const std::string& appid) {
    const Lease lease = **store_.TryAcquire("token/" + appid, absl::Seconds(30), soon());
    const std::optional<TokenRecord> held = *store_.Load(appid, soon());
    ASSERT_OK(store_.Begin(lease,
                           {appid, RefreshCause::kDue, held.has_value() ? held->generation : 0,
                            clock_.Now(), absl::ZeroDuration(), absl::ZeroDuration()},
                           soon()));
    store_.ExpireLeases();
  }
  int cut_off(const std::string& kind) {
    const std::string name = "datong_token_refresh_cut_off_total{kind=\"" + kind + "\"} ";
    const std::string text = registry_.Serialize();
    const size_t at = text.find(name);
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + name.size()));
  }
};

TEST_F(CutOffRefreshTest, AStableTokenIsAskedForAgain) {
  platform_.same_token = true;
  platform_.FetchStableToken("wx-own", Secret(), false, soon()).IgnoreError();  // the lost answer
  DieBeforeTheCommit("wx-own");
  EXPECT_EQ(TokenOf(tokens_.Get("wx-own", soon())), "token-1");
  EXPECT_EQ(cut_off("stable_access_token"), 1);
  clock_.Advance(absl::Hours(3));
  TokenOf(tokens_.Get("wx-own", soon()));
  EXPECT_EQ(cut_off("stable_access_token"), 1);
}

TEST_F(CutOffRefreshTest, AComponentTokenIsAskedForAgain) {
  GiveTicket();
  DieBeforeTheCommit("wx-comp");
  EXPECT_EQ(TokenOf(tokens_.Get("wx-comp", soon())), "token-1");
  EXPECT_EQ(cut_off("component_access_token"), 1);
}

TEST_F(CutOffRefreshTest, ARotatedRefreshTokenThatWasLostIsReadAnew) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  DieBeforeTheCommit("wx-account");
  // WeChat had answered with another refresh token, and takes the stored one no longer.
  platform_.details.refresh_token = Secret("refresh-rotated");
  platform_.FailNext("FetchAuthorizerToken", {Errcode(61023)});
  EXPECT_OK(tokens_.Get("wx-account", soon()));
  EXPECT_EQ(cut_off("authorizer_access_token"), 1);
  EXPECT_EQ((*store_.Load("wx-account", soon()))->refresh_token.Expose(), "refresh-rotated");
  EXPECT_EQ(store_.GetApp("wx-account", soon())->state, AppState::kActive);
}

TEST_F(CutOffRefreshTest, ThePreviousRefreshTokenIsTheLastResort) {
  Connect();
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  platform_.details.refresh_token = Secret("refresh-2");
  platform_.FailNext("FetchAuthorizerToken", {Errcode(61023)});
  TokenOf(tokens_.Get("wx-account", soon()));
  clock_.Advance(absl::Hours(3));
  GiveTicket();
  platform_.FailNext("FetchAuthorizerToken", {Errcode(61023), Errcode(61023)});
  TokenOf(tokens_.Get("wx-account", soon()));
  EXPECT_EQ((*store_.Load("wx-account", soon()))->refresh_token.Expose(), "refresh");
}

}  // namespace
}  // namespace datong::broker
