// One contract for the store of WeCom's corps, held against the fake and against PostgreSQL.
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
#include "services/broker/store/postgres_token_store.h"
#include "services/broker/store/postgres_wecom_store.h"
#include "services/broker/store/postgres_work_store.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {
namespace {

struct InMemory {
  explicit InMemory(const Clock& clock) : store(clock) {}
  FakeStore store;
  AppStore& apps = store;
  TokenStore& tokens = store;
  AuthorizationStore& authorizations = store;
  WorkStore& work = store;
  WecomStore& wecom = store;
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
        work(*pool, jobs, clock),
        wecom(*pool, envelope, tokens, jobs, clock) {}
  metrics::Registry registry;
  TestDatabase database;
  std::unique_ptr<postgres::Pool> pool;
  crypto::Envelope envelope;
  JobWriter jobs;
  PostgresAppStore apps;
  PostgresTokenStore tokens;
  PostgresAuthorizationStore authorizations;
  PostgresWorkStore work;
  PostgresWecomStore wecom;
};

template <typename Backend>
class WecomStoreContract : public ::testing::Test {
 protected:
  WecomStoreContract() {
    Project project;
    project.id = "demo";
    project.display_name = "Demo";
    EXPECT_OK(b_.apps.CreateProject(project, soon()));
    suite_.project = "demo";
    suite_.appid = "wws1";
    suite_.kind = AppKind::kWecomSuite;
    suite_.corpid = "wwprov";
    EXPECT_OK(b_.apps.CreateApp(suite_, {}, soon()));
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(30)); }
  absl::StatusOr<std::string> Install(const std::string& code, const std::string& permanent,
                                      const std::string& link = "") {
    absl::StatusOr<std::optional<Lease>> lease =
        b_.tokens.TryAcquire("code/" + code, absl::Seconds(30), soon());
    if (!lease.ok()) return lease.status();
    return b_.wecom.SaveInstall(**lease, suite_, code, link,
                                {"wpCorp", "Corp", Secret(permanent), ""}, clock_.Now(), soon());
  }
  size_t Due(JobKind kind) { return b_.work.Claim(kind, 100, absl::Minutes(1), soon())->size(); }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Backend b_{clock_};
  App suite_;
};

using Backends = ::testing::Types<InMemory, InPostgres>;
class BackendNames {
 public:
  template <typename T>
  static std::string GetName(int) {
    return std::is_same_v<T, InMemory> ? "InMemory" : "InPostgres";
  }
};
TYPED_TEST_SUITE(WecomStoreContract, Backends, BackendNames);

TYPED_TEST(WecomStoreContract, AnAppKeepsItsCorpAndAgent) {
  App app;
  app.project = "demo";
  app.appid = "ww1-1000002";
  app.kind = AppKind::kWecomCorp;
  app.corpid = "ww1";
  app.agentid = 1000002;
  ASSERT_OK(this->b_.apps.CreateApp(app, {}, this->soon()));
  const absl::StatusOr<App> held = this->b_.apps.GetApp("ww1-1000002", this->soon());
  ASSERT_OK(held);
  EXPECT_EQ(held->corpid, "ww1");
  EXPECT_EQ(held->agentid, 1000002);
  // Corps are told, suites are not.
  const absl::StatusOr<AccountFeedPage> page = this->b_.apps.ReadFeed("demo", "", 10, this->soon());
  ASSERT_OK(page);
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].app.appid, "ww1-1000002");
}

TYPED_TEST(WecomStoreContract, AnInstallationIsOneAppWithItsPermanentCode) {
  AuthorizationLink link;
  link.id = "link-1";
  link.project = "demo";
  link.component = "wws1";
  link.type = AuthorizationType::kTestInstall;
  link.expires = this->clock_.Now() + absl::Hours(1);
  ASSERT_OK(this->b_.authorizations.CreateLink(link, this->soon()));
  ASSERT_EQ(*this->Install("code-1", "permanent-1", "link-1"), "wpCorp-wws1");
  EXPECT_EQ(*this->b_.authorizations.FindExchanged("code-1", this->soon()), "wpCorp-wws1");
  EXPECT_EQ(this->b_.authorizations.GetLink("link-1", this->soon())->appid, "wpCorp-wws1");
  const auto token = this->b_.tokens.Load("wpCorp-wws1", this->soon());
  ASSERT_OK(token);
  EXPECT_EQ((*token)->refresh_token.Expose(), "permanent-1");
  EXPECT_TRUE((*token)->access_token.empty());
  const absl::StatusOr<App> app = this->b_.apps.GetApp("wpCorp-wws1", this->soon());
  ASSERT_OK(app);
  EXPECT_EQ(app->component, "wws1");
  EXPECT_EQ(app->corpid, "wpCorp");
  EXPECT_EQ(app->display_name, "Corp");
  EXPECT_EQ(this->Due(JobKind::kWecomRoster), 1u);
  EXPECT_EQ(this->Due(JobKind::kWecomDetails), 0u) << "whoever exchanged it asks first";

  ASSERT_OK(this->b_.wecom.SaveDetails("wpCorp-wws1", {"Corp 2", "Corp Ltd", true, 1, 7, 4, true},
                                       this->soon()));
  const absl::StatusOr<WecomCorp> corp = this->b_.wecom.GetCorp("wpCorp-wws1", this->soon());
  ASSERT_OK(corp);
  EXPECT_EQ(corp->provider, "wwprov");
  EXPECT_EQ(corp->mode, WecomMode::kAgency);
  EXPECT_EQ(corp->agentid, 7);
  EXPECT_EQ(corp->privilege_level, 4);
  EXPECT_TRUE(corp->details_known);
  EXPECT_EQ(this->b_.apps.GetApp("wpCorp-wws1", this->soon())->display_name, "Corp 2");
  EXPECT_EQ(this->b_.wecom.ListCorps("demo", "", 10, this->soon())->size(), 1u);
  EXPECT_TRUE(this->b_.wecom.ListCorps("demo", "wpCorp-wws1", 10, this->soon())->empty());
  EXPECT_THAT(this->b_.wecom.GetCorp("wws1", this->soon()),
              IsError(absl::StatusCode::kNotFound, "AUTHORIZATION_UNKNOWN"));
}

TYPED_TEST(WecomStoreContract, ACancellationEndsWhatWasBeforeIt) {
  ASSERT_OK(this->Install("code-1", "permanent-1"));
  ASSERT_OK(this->b_.wecom.AddPending("wpCorp-wws1", "pend", this->clock_.Now(), this->soon()));
  const absl::Time before = this->clock_.Now() - absl::Seconds(5);
  EXPECT_THAT(this->b_.wecom.Revoke("wpCorp-wws1", before, this->soon()), IsOkAndHolds(false));
  this->clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(this->b_.wecom.Revoke("wpCorp-wws1", this->clock_.Now(), this->soon()),
              IsOkAndHolds(true));
  EXPECT_THAT(this->b_.wecom.Revoke("wpCorp-wws1", this->clock_.Now(), this->soon()),
              IsOkAndHolds(false));
  EXPECT_EQ(this->b_.apps.GetApp("wpCorp-wws1", this->soon())->state, AppState::kRevoked);
  EXPECT_TRUE((*this->b_.tokens.Load("wpCorp-wws1", this->soon()))->refresh_token.empty());
  EXPECT_THAT(this->b_.wecom.HasPending("wpCorp-wws1", absl::UnixEpoch(), this->soon()),
              IsOkAndHolds(false));
  EXPECT_EQ(this->Due(JobKind::kWecomRoster), 0u);
  EXPECT_EQ(this->Due(JobKind::kWecomForget), 1u);
  EXPECT_TRUE(this->b_.wecom.GetCorp("wpCorp-wws1", this->soon())->revoked.has_value());
  ASSERT_OK(this->Install("code-2", "permanent-2"));
  EXPECT_EQ(this->b_.apps.GetApp("wpCorp-wws1", this->soon())->state, AppState::kActive);
  EXPECT_FALSE(this->b_.wecom.GetCorp("wpCorp-wws1", this->soon())->revoked.has_value());
}

TYPED_TEST(WecomStoreContract, SessionKeysOfStaffAreEachMembersOwnAndGoWithTheCorp) {
  ASSERT_OK(this->Install("code-1", "permanent-1"));
  auto& store = this->b_.wecom;
  const WecomMember member{"wpCorp", "zhangsan"};
  const WecomMember other{"wpCorp2", "zhangsan"};
  ASSERT_OK(store.SaveSession("wws1", member, Secret("key-1"), this->soon()));
  ASSERT_OK(store.SaveSession("wws1", other, Secret("key-2"), this->soon()));
  ASSERT_OK(store.SaveSession("wpCorp-wws1", member, Secret("key-3"), this->soon()));
  EXPECT_EQ(store.GetSession("wws1", member, this->soon())->Expose(), "key-1");
  EXPECT_EQ(store.GetSession("wws1", other, this->soon())->Expose(), "key-2");
  EXPECT_EQ(store.GetSession("wpCorp-wws1", member, this->soon())->Expose(), "key-3");
  this->clock_.Advance(absl::Seconds(10));
  ASSERT_OK(store.Revoke("wpCorp-wws1", this->clock_.Now(), this->soon()));
  for (const char* appid : {"wws1", "wpCorp-wws1"}) {
    EXPECT_THAT(store.GetSession(appid, member, this->soon()),
                IsError(absl::StatusCode::kNotFound, "SESSION_UNKNOWN"));
  }
  EXPECT_OK(store.GetSession("wws1", other, this->soon()));
}

TYPED_TEST(WecomStoreContract, PendingIdsAreKeptUntilTheyAreResolvedOrTooOld) {
  const absl::Time now = this->clock_.Now();
  ASSERT_OK(this->b_.wecom.AddPending("a", "p1", now, this->soon()));
  ASSERT_OK(this->b_.wecom.AddPending("a", "p1", now + absl::Hours(1), this->soon()));
  EXPECT_THAT(this->b_.wecom.HasPending("a", now + absl::Minutes(30), this->soon()),
              IsOkAndHolds(true));
  EXPECT_THAT(this->b_.wecom.HasPending("a", now + absl::Hours(2), this->soon()),
              IsOkAndHolds(false));
  EXPECT_THAT(this->b_.wecom.HasPending("b", now, this->soon()), IsOkAndHolds(false));
  ASSERT_OK(this->b_.wecom.ResolvePending("a", "p1", this->soon()));
  EXPECT_THAT(this->b_.wecom.HasPending("a", now, this->soon()), IsOkAndHolds(false));
  // Those that ended go when the next one comes.
  ASSERT_OK(this->b_.wecom.AddPending("a", "p2", now - absl::Hours(24 * 91), this->soon()));
  ASSERT_OK(this->b_.wecom.AddPending("a", "p3", now, this->soon()));
  ASSERT_OK(this->b_.wecom.ResolvePending("a", "p3", this->soon()));
  EXPECT_THAT(this->b_.wecom.HasPending("a", absl::UnixEpoch(), this->soon()), IsOkAndHolds(false));
}

TYPED_TEST(WecomStoreContract, ARunningPassHasTheJobOfItsNextStep) {
  ASSERT_OK(this->Install("code-1", "permanent-1"));
  EXPECT_EQ(this->Due(JobKind::kWecomRoster), 1u);
  EXPECT_FALSE((*this->b_.wecom.GetRoster("wpCorp-wws1", this->soon())).has_value());
  const auto stale = [&](absl::Time before) {
    return this->b_.wecom.ListStaleRosters(before, 10, this->soon())->size();
  };
  EXPECT_EQ(stale(this->clock_.Now()), 1u) << "it had none";
  const App app = *this->b_.apps.GetApp("wpCorp-wws1", this->soon());
  WecomRoster roster;
  roster.appid = app.appid;
  roster.started = this->clock_.Now();
  roster.members = 3;
  roster.members_done = 1;
  roster.contacts = 5;
  roster.cursor = "c";
  ASSERT_OK(this->b_.wecom.SaveRoster(app, roster, absl::ZeroDuration(), this->soon()));
  const std::vector<Job> jobs =
      *this->b_.work.Claim(JobKind::kWecomRoster, 10, absl::Minutes(1), this->soon());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].payload, RosterStep(roster));
  EXPECT_EQ(stale(this->clock_.Now() + absl::Hours(24)), 0u) << "it runs";
  roster.state = WecomRoster::State::kDone;
  roster.ended = this->clock_.Now();
  ASSERT_OK(this->b_.wecom.SaveRoster(app, roster, absl::ZeroDuration(), this->soon()));
  const absl::StatusOr<std::optional<WecomRoster>> held =
      this->b_.wecom.GetRoster(app.appid, this->soon());
  ASSERT_OK(held);
  EXPECT_EQ((*held)->state, WecomRoster::State::kDone);
  EXPECT_EQ((*held)->ended, this->clock_.Now());
  EXPECT_EQ((*held)->contacts, 5);
  EXPECT_EQ(stale(this->clock_.Now()), 0u);
  EXPECT_EQ(stale(this->clock_.Now() + absl::Hours(24)), 1u);
}

}  // namespace
}  // namespace datong::broker
