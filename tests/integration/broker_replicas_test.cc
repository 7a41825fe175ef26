// Several replicas of the token broker over one database and one simulator, each with connections
// and a listener of its own.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/postgres/listener.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/module.h"
#include "services/broker/store/postgres_app_store.h"
#include "services/broker/store/postgres_refresh_book.h"
#include "services/broker/store/postgres_token_store.h"
#include "services/broker/store/token_notice.h"
#include "services/broker/upstream/http_platform_client.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::broker {
namespace {

constexpr int kReplicas = 4;
constexpr int kCallers = 32;
constexpr char kStablePath[] = "/cgi-bin/stable_token";

Deadline Soon() { return Deadline::After(absl::Seconds(30)); }
bool Eventually(const std::function<bool()>& holds) {
  const Deadline deadline = Soon();
  while (!holds() && !deadline.Passed()) std::this_thread::yield();
  return holds();
}

struct Replica {
  Replica(const TestDatabase& database, const std::string& platform, const std::string& holder,
          const Clock& clock)
      : pool(database.MakePool(registry)),
        envelope(crypto::KeyRing("k1", {{"k1", Secret(std::string(32, 'k'))}})),
        jobs(*pool, envelope, clock),
        apps(*pool, envelope, jobs, clock),
        store(*pool, envelope, holder, registry),
        book(*pool, store),
        client({platform, platform, platform}, http, registry),
        tokens({}, apps, store, book, client, metrics, clock),
        listener(
            database.dsn(), kTokenChannel,
            [this](const std::string& text) { tokens.OnNotice(text); }, [] {}) {}
  ~Replica() {
    listener.Stop();
    tokens.Stop();
  }
  std::string cached(const std::string& appid) {
    const CachedTokenPtr token = tokens.FindCached(appid);
    return token == nullptr ? "" : token->fingerprint;
  }

  metrics::Registry registry;
  BrokerMetrics metrics{registry, true};
  std::unique_ptr<postgres::Pool> pool;
  crypto::Envelope envelope;
  JobWriter jobs;
  PostgresAppStore apps;
  PostgresTokenStore store;
  PostgresRefreshBook book;
  http::Client http{{.allow_private = true}};
  HttpPlatformClient client;
  TokenBroker tokens;
  postgres::Listener listener;
};

class BrokerReplicas : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(simulator_.Start());
    wechat_sim::AppSpec spec;
    spec.appid = "wx-a";
    spec.secret = "s";
    spec.kind = "official_account";
    simulator_.AddApp(spec);
    for (int i = 0; i < kReplicas; ++i) {
      replicas_.push_back(std::make_unique<Replica>(database_, simulator_.url(),
                                                    absl::StrCat("replica-", i), clock_));
    }
    Project project;
    project.id = "demo";
    ASSERT_OK(replicas_[0]->apps.CreateProject(project, Soon()));
    App app;
    app.project = "demo";
    app.appid = "wx-a";
    app.kind = AppKind::kOfficialAccount;
    Credentials credentials;
    credentials.app_secret = Secret("s");
    ASSERT_OK(replicas_[0]->apps.CreateApp(app, credentials, Soon()));
    for (const auto& replica : replicas_) {
      ASSERT_TRUE(Eventually([&] { return replica->listener.is_connected(); }));
    }
  }
  // All at once, on all replicas.
  void CallEverywhere() {
    std::vector<std::thread> callers;
    for (size_t i = 0; i < kCallers; ++i) {
      callers.emplace_back(
          [&, i] { EXPECT_OK(replicas_[i % kReplicas]->tokens.Get("wx-a", Soon())); });
    }
    for (std::thread& caller : callers) caller.join();
  }
  void Advance(absl::Duration by) {
    simulator_.Advance(by);
    clock_.Set(simulator_.Now());
  }

  TestDatabase database_{{{"broker", kModule.migrations()}}};
  wechat_sim::Simulator simulator_{
      wechat_sim::SimulatorOptions{.start_time = absl::FromUnixSeconds(1'772'416'800)}};
  FakeClock clock_{absl::FromUnixSeconds(1'772'416'800)};
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(BrokerReplicas, AskThePlatformOnceAtEachEndOfAToken) {
  for (int round = 1; round <= 3; ++round) {
    CallEverywhere();
    EXPECT_EQ(simulator_.Calls(kStablePath), round);
    Advance(absl::Hours(3));
  }
}

TEST_F(BrokerReplicas, HearOfANewTokenAtOnceWithoutPolling) {
  ASSERT_OK(replicas_[0]->tokens.Get("wx-a", Soon()));
  const std::string fingerprint = replicas_[0]->cached("wx-a");
  for (const auto& replica : replicas_) {
    EXPECT_TRUE(Eventually([&] { return replica->cached("wx-a") == fingerprint; }));
  }
  EXPECT_EQ(simulator_.Calls(kStablePath), 1);
}

TEST_F(BrokerReplicas, TheLateWriteOfAFrozenHolderIsFenced) {
  Replica& frozen = *replicas_[0];
  const Lease lease = **frozen.store.TryAcquire("token/wx-a", absl::Seconds(30), Soon());
  ASSERT_OK(frozen.book.Begin(
      lease, {"wx-a", RefreshCause::kDue, 0, clock_.Now(), {}, absl::Seconds(30)}, Soon()));
  // It stands still for longer than its lease.
  database_.Execute("UPDATE broker.leases SET expires_at = now() - interval '1 s'");
  ASSERT_OK(replicas_[1]->tokens.Get("wx-a", Soon()));
  TokenRecord late;
  late.appid = "wx-a";
  late.access_token = Secret("late");
  late.fetched = clock_.Now();
  late.expires = clock_.Now() + absl::Hours(2);
  EXPECT_THAT(frozen.store.Save(lease, late, Soon()),
              IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
  EXPECT_OK(frozen.tokens.Get("wx-a", Soon()));
  EXPECT_EQ(frozen.cached("wx-a"), replicas_[1]->cached("wx-a"));
  EXPECT_NE(replicas_[1]->registry.Serialize().find(
                "datong_token_refresh_cut_off_total{kind=\"stable_access_token\"} 1"),
            std::string::npos);
}

}  // namespace
}  // namespace datong::broker
