// Several brokers over one store, as replicas are.
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
          tokens(options, test.store_, test.store_, test.platform_, metrics, test.clock_) {}
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

}  // namespace
}  // namespace datong::broker
