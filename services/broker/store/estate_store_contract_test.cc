// One contract for the stores of tickets and of the estate, held against fakes and PostgreSQL.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "broker_migrations.h"
#include "common/postgres/pool.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "services/broker/store/postgres_app_store.h"
#include "services/broker/store/postgres_authorization_store.h"
#include "services/broker/store/postgres_estate_store.h"
#include "services/broker/store/postgres_js_ticket_store.h"
#include "services/broker/store/postgres_token_store.h"
#include "services/broker/testing/fake_estate.h"
#include "services/broker/testing/fake_js_tickets.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {
namespace {

struct InMemory {
  explicit InMemory(const Clock& clock) : store(clock) {}
  FakeStore store;
  FakeJsTicketStore js;
  AppStore& apps = store;
  TokenStore& tokens = store;
  JsTicketStore& js_tickets = js;
  FakeEstateStore estate;
};

struct InPostgres {
  explicit InPostgres(const Clock& clock)
      : database({{"broker", Migrations()}}),
        pool(database.MakePool(registry)),
        envelope(crypto::KeyRing("k1", {{"k1", Secret(std::string(32, 'k'))}})),
        jobs(*pool, envelope, clock),
        apps(*pool, envelope, jobs, clock),
        tokens(*pool, envelope, "this-process", registry),
        authorizations(*pool, tokens, jobs, clock),
        js_tickets(*pool, envelope, tokens),
        estate(*pool) {}
  metrics::Registry registry;
  TestDatabase database;
  std::unique_ptr<postgres::Pool> pool;
  crypto::Envelope envelope;
  JobWriter jobs;
  PostgresAppStore apps;
  PostgresTokenStore tokens;
  PostgresAuthorizationStore authorizations;
  PostgresJsTicketStore js_tickets;
  PostgresEstateStore estate;
};

template <typename Backend>
class EstateStoreContract : public ::testing::Test {
 protected:
  EstateStoreContract() {
    Project project;
    project.id = "demo";
    project.display_name = "Demo";
    EXPECT_OK(b_.apps.CreateProject(project, soon()));
    App app;
    app.project = "demo";
    app.appid = "wx-a";
    app.kind = AppKind::kOfficialAccount;
    EXPECT_OK(b_.apps.CreateApp(app, Credentials(), soon()));
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(10)); }
  Lease Take(const std::string& key) {
    absl::StatusOr<std::optional<Lease>> lease =
        b_.tokens.TryAcquire(key, absl::Seconds(30), soon());
    EXPECT_OK(lease);
    return **lease;
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Backend b_{clock_};
};

using Backends = ::testing::Types<InMemory, InPostgres>;
class BackendNames {
 public:
  template <typename T>
  static std::string GetName(int) {
    return std::is_same_v<T, InMemory> ? "InMemory" : "InPostgres";
  }
};
TYPED_TEST_SUITE(EstateStoreContract, Backends, BackendNames);

TYPED_TEST(EstateStoreContract, TheSettingsOfAnAppAreKeptAndChangedOneByOne) {
  App app;
  app.project = "demo";
  app.appid = "wx-b";
  app.kind = AppKind::kWebApp;
  app.classic_token = true;
  app.js_domains = {"a.cn", "b.cn"};
  ASSERT_OK(this->b_.apps.CreateApp(app, Credentials(), this->soon()));
  EXPECT_TRUE(this->b_.apps.GetApp("wx-b", this->soon())->classic_token);
  ASSERT_OK(this->b_.apps.UpdateApp("wx-b", {.classic_token = false}, this->soon()));
  absl::StatusOr<App> updated = this->b_.apps.GetApp("wx-b", this->soon());
  EXPECT_FALSE(updated->classic_token);
  EXPECT_EQ(updated->js_domains, (std::vector<std::string>{"a.cn", "b.cn"}));
  ASSERT_OK(
      this->b_.apps.UpdateApp("wx-b", {.js_domains = std::vector<std::string>()}, this->soon()));
  EXPECT_TRUE(this->b_.apps.GetApp("wx-b", this->soon())->js_domains.empty());
}

TYPED_TEST(EstateStoreContract, ATicketIsWrittenOverTheOneThatWasRead) {
  const JsTicketType type = JsTicketType::kJsapi;
  EXPECT_FALSE((*this->b_.js_tickets.LoadJsTicket("wx-a", type, this->soon())).has_value());
  const Lease lease = this->Take("js_ticket/jsapi/wx-a");
  JsTicket ticket;
  ticket.appid = "wx-a";
  ticket.type = type;
  ticket.ticket = Secret("one");
  ticket.fetched = this->clock_.Now();
  ticket.expires = this->clock_.Now() + absl::Hours(2);
  EXPECT_EQ(*this->b_.js_tickets.SaveJsTicket(lease, ticket, this->soon()), 1);
  // Whoever read before that write is late.
  EXPECT_THAT(this->b_.js_tickets.SaveJsTicket(lease, ticket, this->soon()),
              IsError(absl::StatusCode::kAborted, "TOKEN_SUPERSEDED"));
  ticket.generation = 1;
  ticket.ticket = Secret("two");
  EXPECT_EQ(*this->b_.js_tickets.SaveJsTicket(lease, ticket, this->soon()), 2);
  absl::StatusOr<std::optional<JsTicket>> held =
      this->b_.js_tickets.LoadJsTicket("wx-a", type, this->soon());
  ASSERT_OK(held);
  EXPECT_EQ((*held)->ticket.Expose(), "two");
  EXPECT_EQ((*held)->generation, 2);
  EXPECT_EQ((*held)->expires, ticket.expires);
  EXPECT_FALSE(
      (*this->b_.js_tickets.LoadJsTicket("wx-a", JsTicketType::kWxCard, this->soon())).has_value());
}

TYPED_TEST(EstateStoreContract, TheNewestSightingOfAPushStays) {
  const absl::Time one = this->clock_.Now();
  const absl::Time two = one + absl::Minutes(1);
  auto& estate = this->b_.estate;
  ASSERT_OK(estate.SavePushSightings(
      {{"wx-a", two, std::nullopt, ""}, {"wx-b", std::nullopt, two, "PUSH_STALE"}}, this->soon()));
  // A slower replica.
  ASSERT_OK(estate.SavePushSightings(
      {{"wx-a", one, one, "SIGNATURE_INVALID"}, {"wx-b", one, one, "SIGNATURE_INVALID"}},
      this->soon()));
  const auto held = estate.GetPushSightings({"wx-a", "wx-b", "none"}, this->soon());
  ASSERT_OK(held);
  ASSERT_EQ(held->size(), 2u);
  EXPECT_EQ(held->at("wx-a").accepted, two);
  EXPECT_EQ(held->at("wx-a").refused, one);
  EXPECT_EQ(held->at("wx-b").accepted, one);
  EXPECT_EQ(held->at("wx-b").refused, two);
  EXPECT_EQ(held->at("wx-b").refused_reason, "PUSH_STALE");
}

TYPED_TEST(EstateStoreContract, TheLastReconciliationIsKept) {
  auto& estate = this->b_.estate;
  EXPECT_FALSE((*estate.GetReconciliation("wx-c", this->soon())).has_value());
  ASSERT_OK(estate.SaveReconciliation({"wx-c", this->clock_.Now(), 1, {}}, this->soon()));
  ASSERT_OK(estate.SaveReconciliation({"wx-c",
                                       this->clock_.Now() + absl::Hours(24),
                                       3,
                                       {{"wx-x", "AUTHORIZED_EARLIER"}, {"wx-y", "APP_EXISTS"}}},
                                      this->soon()));
  const auto last = estate.GetReconciliation("wx-c", this->soon());
  ASSERT_OK(last);
  EXPECT_EQ((*last)->when, this->clock_.Now() + absl::Hours(24));
  EXPECT_EQ((*last)->listed, 3);
  ASSERT_EQ((*last)->not_taken.size(), 2u);
  EXPECT_EQ((*last)->not_taken[1].appid, "wx-y");
  EXPECT_EQ((*last)->not_taken[1].reason, "APP_EXISTS");
}

TEST(PostgresEstateStoreTest, AMendLinkIsUnusedLongLivedAndForThatAccount) {
  FakeClock clock(absl::FromUnixSeconds(1'700'000'000));
  InPostgres b(clock);
  const Deadline soon = Deadline::After(absl::Seconds(10));
  const auto link = [&](const std::string& id, const std::string& project,
                        const std::string& account, absl::Duration life) {
    AuthorizationLink made;
    made.id = id;
    made.project = project;
    made.component = "wx-c";
    made.biz_appid = account;
    made.expires = clock.Now() + life;
    EXPECT_OK(b.authorizations.CreateLink(made, soon));
  };
  link("short", "demo", "wx-a", absl::Hours(1));
  link("good", "demo", "wx-a", absl::Hours(72));
  link("best", "demo", "wx-a", absl::Hours(96));
  link("other", "else", "wx-a", absl::Hours(99));
  link("any", "demo", "", absl::Hours(99));
  auto found =
      b.estate.FindMendLinks("demo", {"wx-a", "wx-b", ""}, clock.Now() + absl::Hours(48), soon);
  ASSERT_OK(found);
  EXPECT_EQ(*found, (std::map<std::string, std::string>{{"wx-a", "best"}}));
  ASSERT_OK(b.pool->Transact("use", soon, [](pqxx::work& work) -> absl::Status {
    work.exec("UPDATE broker.authorization_links SET appid = 'wx-a' WHERE id = 'best'");
    return absl::OkStatus();
  }));
  found = b.estate.FindMendLinks("demo", {"wx-a"}, clock.Now() + absl::Hours(48), soon);
  EXPECT_EQ(found->at("wx-a"), "good");
}

TEST(PostgresJsTicketStoreTest, AWriteUnderALeaseThatAnotherTookIsRefused) {
  FakeClock clock(absl::FromUnixSeconds(1'700'000'000));
  InPostgres b(clock);
  const Deadline soon = Deadline::After(absl::Seconds(10));
  absl::StatusOr<std::optional<Lease>> lost = b.tokens.TryAcquire("k", absl::Seconds(30), soon);
  ASSERT_OK(lost);
  b.tokens.Release(**lost);
  ASSERT_OK(b.tokens.TryAcquire("k", absl::Seconds(30), soon));
  JsTicket ticket;
  ticket.appid = "wx-a";
  ticket.ticket = Secret("late");
  EXPECT_THAT(b.js_tickets.SaveJsTicket(**lost, ticket, soon),
              IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
}

}  // namespace
}  // namespace datong::broker
