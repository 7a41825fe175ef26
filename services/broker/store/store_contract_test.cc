// One contract for the stores, held against the fake and against PostgreSQL.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "broker_migrations.h"
#include "common/postgres/pool.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "services/broker/store/postgres_api_usage_store.h"
#include "services/broker/store/postgres_app_store.h"
#include "services/broker/store/postgres_audit_store.h"
#include "services/broker/store/postgres_authorization_store.h"
#include "services/broker/store/postgres_login_store.h"
#include "services/broker/store/postgres_refresh_book.h"
#include "services/broker/store/postgres_token_store.h"
#include "services/broker/store/postgres_work_store.h"
#include "services/broker/testing/fake_api_usage_store.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {
namespace {

struct InMemory {
  explicit InMemory(const Clock& clock) : store(clock) {}
  FakeStore store;
  AppStore& apps = store;
  TokenStore& tokens = store;
  RefreshBook& book = store;
  AuthorizationStore& authorizations = store;
  WorkStore& work = store;
  AuditStore& audit = store;
  FakeApiUsageStore usage;
};

struct InPostgres {
  explicit InPostgres(const Clock& clock)
      : database({{"broker", Migrations()}}),
        pool(database.MakePool(registry)),
        envelope(crypto::KeyRing("k1", {{"k1", Secret(std::string(32, 'k'))}})),
        jobs(*pool, envelope, clock),
        apps(*pool, envelope, jobs, clock),
        tokens(*pool, envelope, "this-process", registry),
        book(*pool, tokens),
        authorizations(*pool, tokens, jobs, clock),
        work(*pool, jobs, clock),
        audit(*pool),
        usage(*pool) {}
  metrics::Registry registry;
  TestDatabase database;
  std::unique_ptr<postgres::Pool> pool;
  crypto::Envelope envelope;
  JobWriter jobs;
  PostgresAppStore apps;
  PostgresTokenStore tokens;
  PostgresRefreshBook book;
  PostgresAuthorizationStore authorizations;
  PostgresWorkStore work;
  PostgresAuditStore audit;
  PostgresApiUsageStore usage;
};

template <typename Backend>
class StoreContract : public ::testing::Test {
 protected:
  StoreContract() {
    Project project;
    project.id = "demo";
    project.display_name = "Demo";
    EXPECT_OK(b_.apps.CreateProject(project, soon()));
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(10)); }
  absl::StatusOr<App> Create(const std::string& appid, AppKind kind,
                             const std::string& project = "demo") {
    App app;
    app.project = project;
    app.appid = appid;
    app.kind = kind;
    app.display_name = "名字";
    Credentials credentials;
    credentials.app_secret = Secret("s");
    credentials.callback = {Secret("t"), Secret("k")};
    return b_.apps.CreateApp(app, credentials, soon());
  }
  GrantedAuthorization Granted(const std::string& token) {
    return {"wx-a", {Secret(token), absl::Seconds(7200), Secret("refresh-" + token)}, {3, 1}};
  }
  absl::Status Exchange(const std::string& code, const std::string& token,
                        const std::string& link = "") {
    absl::StatusOr<std::optional<Lease>> lease =
        b_.tokens.TryAcquire("code/" + code, absl::Seconds(30), soon());
    if (!lease.ok()) return lease.status();
    return b_.authorizations.SaveExchange(**lease, "demo", "wx-c", code, link, Granted(token),
                                          clock_.Now(), soon());
  }
  std::vector<std::string> FeedAppids(std::string* cursor) {
    absl::StatusOr<AccountFeedPage> page = b_.apps.ReadFeed("demo", *cursor, 100, soon());
    EXPECT_OK(page);
    *cursor = page->next_cursor;
    std::vector<std::string> appids;
    for (const auto& entry : page->entries) appids.push_back(entry.app.appid);
    return appids;
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
TYPED_TEST_SUITE(StoreContract, Backends, BackendNames);

TYPED_TEST(StoreContract, ProjectsAreNumberedAndCreatedOnce) {
  Project project;
  project.id = "demo";
  project.display_name = "Demo";
  absl::StatusOr<Project> again = this->b_.apps.CreateProject(project, this->soon());
  ASSERT_OK(again);
  EXPECT_EQ(again->number, 1);
  project.display_name = "Other";
  EXPECT_THAT(this->b_.apps.CreateProject(project, this->soon()),
              IsError(absl::StatusCode::kAlreadyExists, "PROJECT_EXISTS"));
  EXPECT_THAT(this->b_.apps.GetProject("none", this->soon()),
              IsError(absl::StatusCode::kNotFound, "PROJECT_UNKNOWN"));
  EXPECT_EQ(this->b_.apps.ListProjects("", 10, this->soon())->size(), 1u);
  EXPECT_TRUE(this->b_.apps.ListProjects("demo", 10, this->soon())->empty());
}

TYPED_TEST(StoreContract, AnAppBelongsToOneProjectAndOneKind) {
  absl::StatusOr<App> app = this->Create("wx-a", AppKind::kMiniProgram);
  ASSERT_OK(app);
  EXPECT_EQ(app->display_name, "名字");
  EXPECT_EQ(app->created, this->clock_.Now());
  EXPECT_OK(this->Create("wx-a", AppKind::kMiniProgram));
  EXPECT_THAT(this->Create("wx-a", AppKind::kOfficialAccount),
              IsError(absl::StatusCode::kAlreadyExists, "APP_EXISTS"));
  EXPECT_THAT(this->Create("wx-b", AppKind::kMiniProgram, "none"),
              IsError(absl::StatusCode::kNotFound, "PROJECT_UNKNOWN"));
  EXPECT_THAT(this->b_.apps.GetApp("none", this->soon()),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
  EXPECT_EQ(this->b_.apps.ListApps("demo", "", 10, this->soon())->size(), 1u);
}

TYPED_TEST(StoreContract, CredentialsAreReplacedPieceByPieceAndTheOldCallbackIsKept) {
  ASSERT_OK(this->Create("wx-a", AppKind::kMiniProgram));
  Credentials change;
  change.callback.token = Secret("t2");
  ASSERT_OK(this->b_.apps.UpdateApp(
      "wx-a", {.display_name = "New", .open_platform_account = "open-1", .credentials = change},
      this->soon()));
  absl::StatusOr<Credentials> held = this->b_.apps.GetCredentials("wx-a", this->soon());
  ASSERT_OK(held);
  EXPECT_EQ(held->app_secret.Expose(), "s");
  EXPECT_EQ(held->callback.token.Expose(), "t2");
  EXPECT_EQ(held->callback.aes_key.Expose(), "k");
  EXPECT_EQ(held->previous_callback.token.Expose(), "t");
  EXPECT_EQ(this->b_.apps.GetApp("wx-a", this->soon())->open_platform_account, "open-1");
}

TYPED_TEST(StoreContract, TheFeedTellsEachChangeOfAnAccountAndNoComponent) {
  std::string cursor;
  ASSERT_OK(this->Create("wx-c", AppKind::kComponent));
  ASSERT_OK(this->Create("wx-a", AppKind::kMiniProgram));
  EXPECT_EQ(this->FeedAppids(&cursor), (std::vector<std::string>{"wx-a"}));
  EXPECT_TRUE(this->FeedAppids(&cursor).empty());
  ASSERT_OK(this->b_.apps.SetState("wx-a", AppState::kBadConfig, "why", this->soon()));
  ASSERT_OK(this->b_.apps.SetState("wx-a", AppState::kBadConfig, "why", this->soon()));
  EXPECT_EQ(this->FeedAppids(&cursor), (std::vector<std::string>{"wx-a"}));
  EXPECT_TRUE(this->FeedAppids(&cursor).empty());
  EXPECT_THAT(this->b_.apps.ReadFeed("demo", "nonsense", 10, this->soon()),
              IsError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID"));
}

TYPED_TEST(StoreContract, TokensHaveGenerationsAndKeepThePreviousRefreshToken) {
  ASSERT_OK(this->Create("wx-a", AppKind::kMiniProgram));
  EXPECT_EQ(*this->b_.tokens.Load("wx-a", this->soon()), std::nullopt);
  absl::StatusOr<std::optional<Lease>> lease =
      this->b_.tokens.TryAcquire("token/wx-a", absl::Seconds(30), this->soon());
  ASSERT_OK(lease);
  TokenRecord record;
  record.appid = "wx-a";
  record.access_token = Secret("a1");
  record.refresh_token = Secret("r1");
  record.fetched = this->clock_.Now();
  record.expires = this->clock_.Now() + absl::Hours(2);
  EXPECT_THAT(this->b_.tokens.Save(**lease, record, this->soon()), IsOkAndHolds(1));
  EXPECT_THAT(this->b_.tokens.Save(**lease, record, this->soon()),
              IsError(absl::StatusCode::kAborted, "TOKEN_SUPERSEDED"));
  record.generation = 1;
  record.access_token = Secret("a2");
  record.refresh_token = Secret("r2");
  EXPECT_THAT(this->b_.tokens.Save(**lease, record, this->soon()), IsOkAndHolds(2));
  record.generation = 2;
  record.access_token = Secret("a3");
  record.refresh_token = Secret();  // not told: unchanged
  EXPECT_THAT(this->b_.tokens.Save(**lease, record, this->soon()), IsOkAndHolds(3));
  const std::optional<TokenRecord> held = *this->b_.tokens.Load("wx-a", this->soon());
  EXPECT_EQ(held->access_token.Expose(), "a3");
  EXPECT_EQ(held->refresh_token.Expose(), "r2");
  EXPECT_EQ(held->previous_refresh_token.Expose(), "r1");
  EXPECT_EQ(held->expires, record.expires);
  EXPECT_EQ((*this->b_.tokens.ListVersions(this->soon()))[0].generation, 3);
}

TYPED_TEST(StoreContract, ALeaseHasOneHolderAndLaterEpochsFenceEarlierOnes) {
  absl::StatusOr<std::optional<Lease>> first =
      this->b_.tokens.TryAcquire("token/wx-a", absl::Seconds(30), this->soon());
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_FALSE(
      this->b_.tokens.TryAcquire("token/wx-a", absl::Seconds(30), this->soon())->has_value());
  this->b_.tokens.Release(**first);
  absl::StatusOr<std::optional<Lease>> second =
      this->b_.tokens.TryAcquire("token/wx-a", absl::Seconds(30), this->soon());
  ASSERT_TRUE(second.ok() && second->has_value());
  TokenRecord record;
  record.appid = "wx-a";
  record.access_token = Secret("late");
  record.expires = record.fetched = this->clock_.Now();
  EXPECT_THAT(this->b_.tokens.Save(**first, record, this->soon()),
              IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
  EXPECT_OK(this->b_.tokens.Save(**second, record, this->soon()));
}

TYPED_TEST(StoreContract, LeasesThatAreHeldAreRenewedAndOthersAreNot) {
  const Lease held = **this->b_.tokens.TryAcquire("token/a", absl::Seconds(30), this->soon());
  const Lease lost = **this->b_.tokens.TryAcquire("token/b", absl::Seconds(30), this->soon());
  this->b_.tokens.Release(lost);
  ASSERT_OK(this->b_.tokens.TryAcquire("token/b", absl::Seconds(30), this->soon()));
  EXPECT_THAT(this->b_.tokens.Renew({held, lost}, absl::Seconds(30), this->soon()),
              IsOkAndHolds(std::vector<std::string>{"token/a"}));
}

TYPED_TEST(StoreContract, TheNewestTicketStays) {
  const absl::Time now = this->clock_.Now();
  ASSERT_OK(this->b_.tokens.SaveTicket("wx-c", {Secret("new"), now, now}, this->soon()));
  ASSERT_OK(this->b_.tokens.SaveTicket("wx-c", {Secret("old"), now - absl::Minutes(10), now},
                                       this->soon()));
  EXPECT_EQ((*this->b_.tokens.GetTicket("wx-c", this->soon()))->value.Expose(), "new");
}

template <typename Backend>
class RefreshContract : public StoreContract<Backend> {
 protected:
  Lease Acquire() {
    return **this->b_.tokens.TryAcquire("token/wx-a", absl::Seconds(30), this->soon());
  }
  RefreshStart Begin(const Lease& lease, RefreshCause cause = RefreshCause::kDue) {
    absl::StatusOr<RefreshStart> start = this->b_.book.Begin(
        lease, {"wx-a", cause, held_, this->clock_.Now(), absl::Seconds(60), absl::Seconds(30)},
        this->soon());
    EXPECT_OK(start);
    return start.ok() ? *start : RefreshStart();
  }
  void Save(const Lease& lease) {
    TokenRecord record;
    record.appid = "wx-a";
    record.generation = held_;
    record.access_token = Secret("a");
    record.fetched = this->clock_.Now();
    record.expires = record.fetched + absl::Hours(2);
    absl::StatusOr<int64_t> saved = this->b_.tokens.Save(lease, record, this->soon());
    ASSERT_OK(saved);
    held_ = *saved;
  }
  int64_t held_ = 0;
};
TYPED_TEST_SUITE(RefreshContract, Backends, BackendNames);

TYPED_TEST(RefreshContract, AnAttemptThatEndedInNothingIsFoundByTheNextHolder) {
  const Lease first = this->Acquire();
  EXPECT_FALSE(this->Begin(first).was_cut_off);
  EXPECT_FALSE(this->Begin(first).was_cut_off);
  this->b_.tokens.Release(first);
  const Lease second = this->Acquire();
  EXPECT_TRUE(this->Begin(second).was_cut_off);
  this->Save(second);
  this->b_.tokens.Release(second);
  const Lease third = this->Acquire();
  EXPECT_THAT(this->b_.book.Begin(first, {"wx-a", {}, 1, this->clock_.Now(), {}, {}}, this->soon()),
              IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
  const RefreshStart start = this->Begin(third);
  EXPECT_FALSE(start.was_cut_off);
  ASSERT_TRUE(start.record.has_value());
  EXPECT_EQ(start.record->access_token.Expose(), "a");
}

TYPED_TEST(RefreshContract, ANewerTokenOfAnotherReplicaIsAnsweredInstead) {
  const Lease lease = this->Acquire();
  this->Save(lease);
  this->held_ = 0;
  EXPECT_TRUE(this->Begin(lease, RefreshCause::kRefusedByPlatform).is_newer);
  this->clock_.Advance(absl::Hours(2));
  const RefreshStart start = this->Begin(lease);
  EXPECT_FALSE(start.is_newer);
  EXPECT_EQ(start.refusals, 0);
}

TYPED_TEST(RefreshContract, AFailureHoldsUntilSomethingChanges) {
  const Lease lease = this->Acquire();
  this->Begin(lease);
  ASSERT_OK(this->b_.book.Hold(
      lease, "wx-a", {absl::Minutes(10), "APP_BAD_CONFIG", "Correct it.", true}, this->soon()));
  RefreshStart start = this->Begin(lease);
  EXPECT_GT(start.held_for, absl::Minutes(9));
  EXPECT_EQ(start.held_reason, "APP_BAD_CONFIG");
  EXPECT_EQ(start.held_message, "Correct it.");
  EXPECT_EQ(start.failures, 1);
  this->b_.tokens.Release(lease);
  const Lease next = this->Acquire();
  EXPECT_THAT(this->b_.book.Hold(lease, "wx-a", {absl::Minutes(10), "X", "", true}, this->soon()),
              IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
  ASSERT_OK(this->b_.tokens.SaveTicket(
      "wx-a", {Secret("t"), this->clock_.Now(), this->clock_.Now()}, this->soon()));
  start = this->Begin(next);
  EXPECT_EQ(start.held_for, absl::ZeroDuration());
  EXPECT_EQ(start.failures, 0);
  EXPECT_FALSE(start.was_cut_off);
}

TYPED_TEST(RefreshContract, AnUnansweredAttemptStaysInDoubt) {
  const Lease lease = this->Acquire();
  this->Begin(lease);
  ASSERT_OK(this->b_.book.Hold(
      lease, "wx-a", {absl::ZeroDuration(), "PLATFORM_UNREACHABLE", "", false}, this->soon()));
  this->b_.tokens.Release(lease);
  EXPECT_TRUE(this->Begin(this->Acquire()).was_cut_off);
}

TYPED_TEST(RefreshContract, RefusedTokensAreReplacedOnceInAWhileAndCountedForAnHour) {
  const Lease lease = this->Acquire();
  EXPECT_EQ(this->Begin(lease, RefreshCause::kRefusedByPlatform).refusals, 1);
  this->clock_.Advance(absl::Seconds(10));
  const RefreshStart soon_after = this->Begin(lease, RefreshCause::kReportedByCaller);
  EXPECT_EQ(soon_after.too_often, absl::Seconds(20));
  EXPECT_EQ(this->Begin(lease).too_often, std::nullopt);
  this->clock_.Advance(absl::Seconds(20));
  EXPECT_EQ(this->Begin(lease, RefreshCause::kReportedByCaller).refusals, 1);
  this->clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(this->Begin(lease, RefreshCause::kRefusedByPlatform).refusals, 2);
  this->clock_.Advance(-absl::Minutes(10));  // a clock that was set back limits nothing
  EXPECT_EQ(this->Begin(lease, RefreshCause::kReportedByCaller).too_often, std::nullopt);
  this->clock_.Advance(absl::Hours(2));
  EXPECT_EQ(this->Begin(lease).refusals, 0);
}

TYPED_TEST(RefreshContract, ForcedRefreshesAreCountedByTheDay) {
  const Lease lease = this->Acquire();
  const auto take = [&](int64_t day) {
    absl::StatusOr<bool> taken = this->b_.book.TakeForce(
        lease, "wx-a", this->clock_.Now(), day, /*most_a_day=*/2, absl::Seconds(30), this->soon());
    EXPECT_OK(taken);
    return taken.ok() && *taken;
  };
  EXPECT_TRUE(take(1));
  EXPECT_FALSE(take(1));
  this->clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(take(1));
  this->clock_.Advance(absl::Minutes(1));
  EXPECT_FALSE(take(1));
  EXPECT_TRUE(take(2));
}

TYPED_TEST(StoreContract, AnExchangeStoresAllThatCameWithIt) {
  ASSERT_OK(this->Create("wx-c", AppKind::kComponent));
  AuthorizationLink link;
  link.id = "link-1";
  link.project = "demo";
  link.component = "wx-c";
  link.expires = this->clock_.Now() + absl::Hours(1);
  ASSERT_OK(this->b_.authorizations.CreateLink(link, this->soon()));
  ASSERT_OK(this->b_.authorizations.SavePreAuthCode("pre", "link-1", link.expires, this->soon()));
  EXPECT_THAT(this->b_.authorizations.LinkOfPreAuthCode("pre", this->soon()),
              IsOkAndHolds("link-1"));
  EXPECT_THAT(this->b_.authorizations.FindExchanged("code-1", this->soon()), IsOkAndHolds(""));
  ASSERT_OK(this->Exchange("code-1", "a1", "link-1"));
  EXPECT_THAT(this->b_.authorizations.FindExchanged("code-1", this->soon()), IsOkAndHolds("wx-a"));
  EXPECT_EQ(this->b_.authorizations.GetLink("link-1", this->soon())->appid, "wx-a");
  EXPECT_EQ((*this->b_.tokens.Load("wx-a", this->soon()))->refresh_token.Expose(), "refresh-a1");
  absl::StatusOr<Authorization> authorization =
      this->b_.authorizations.GetAuthorization("demo", "wx-a", this->soon());
  ASSERT_OK(authorization);
  EXPECT_EQ(authorization->permission_sets, (std::vector<int32_t>{1, 3}));
  EXPECT_FALSE(authorization->details_known);

  std::string cursor;
  EXPECT_TRUE(this->FeedAppids(&cursor).empty());  // nobody knows yet what it is
  AccountDetails details;
  details.kind = AppKind::kOfficialAccount;
  details.nick_name = "商店";
  details.verify_type = 0;
  ASSERT_OK(this->b_.authorizations.SaveDetails("wx-a", details, this->soon()));
  EXPECT_EQ(this->FeedAppids(&cursor), (std::vector<std::string>{"wx-a"}));
  EXPECT_EQ(this->b_.apps.GetApp("wx-a", this->soon())->display_name, "商店");
  EXPECT_EQ(this->b_.authorizations.ListAuthorizations("demo", "", 10, this->soon())->size(), 1u);
}

TYPED_TEST(StoreContract, AnAccountOfAnotherProjectIsNotTaken) {
  Project other;
  other.id = "other";
  other.display_name = "Other";
  ASSERT_OK(this->b_.apps.CreateProject(other, this->soon()));
  ASSERT_OK(this->Create("wx-c", AppKind::kComponent));
  ASSERT_OK(this->Create("wx-a", AppKind::kMiniProgram, "other"));
  EXPECT_THAT(this->Exchange("code-1", "a1"),
              IsError(absl::StatusCode::kAlreadyExists, "APP_EXISTS"));
  EXPECT_EQ(*this->b_.tokens.Load("wx-a", this->soon()), std::nullopt);
}

TYPED_TEST(StoreContract, RevokingDropsTheTokensButNeverTurnsGenerationsBack) {
  ASSERT_OK(this->Create("wx-c", AppKind::kComponent));
  ASSERT_OK(this->Exchange("code-1", "a1"));
  const absl::Time now = this->clock_.Now();
  ASSERT_OK(this->b_.authorizations.Revoke("wx-c", "wx-a", now - absl::Seconds(5), this->soon()));
  EXPECT_EQ(this->b_.apps.GetApp("wx-a", this->soon())->state, AppState::kActive);
  ASSERT_OK(this->b_.authorizations.Revoke("wx-c", "wx-a", now + absl::Seconds(5), this->soon()));
  EXPECT_EQ(this->b_.apps.GetApp("wx-a", this->soon())->state, AppState::kRevoked);
  const std::optional<TokenRecord> dropped = *this->b_.tokens.Load("wx-a", this->soon());
  EXPECT_TRUE(dropped->access_token.empty());
  EXPECT_TRUE(dropped->refresh_token.empty());
  EXPECT_EQ(dropped->generation, 2);
  this->clock_.Advance(absl::Seconds(10));
  ASSERT_OK(this->Exchange("code-2", "a2"));
  EXPECT_EQ((*this->b_.tokens.Load("wx-a", this->soon()))->generation, 3);
  EXPECT_EQ(this->b_.apps.GetApp("wx-a", this->soon())->state, AppState::kActive);
}

TYPED_TEST(StoreContract, APushIsTakenOnceAndWorkedOnUntilItIsFinished) {
  NewJob push;
  push.key = "wx-a:1";
  push.project = "demo";
  push.appid = "wx-a";
  push.payload = std::string("<xml>\0</xml>", 12);
  EXPECT_THAT(this->b_.work.AddPush(push, this->soon()), IsOkAndHolds(true));
  EXPECT_THAT(this->b_.work.AddPush(push, this->soon()), IsOkAndHolds(false));
  EXPECT_EQ(this->b_.work.CountPushes(this->soon())->jobs, 1);
  std::vector<Job> jobs = *this->b_.work.Claim(JobKind::kPush, 10, absl::Minutes(1), this->soon());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].payload, push.payload);
  EXPECT_EQ(jobs[0].appid, "wx-a");
  EXPECT_EQ(jobs[0].attempts, 1);
  EXPECT_TRUE(this->b_.work.Claim(JobKind::kPush, 10, absl::Minutes(1), this->soon())->empty());
  ASSERT_OK(this->b_.work.Retry(jobs[0], absl::Seconds(10), "why", this->soon()));
  EXPECT_TRUE(this->b_.work.Claim(JobKind::kPush, 10, absl::Minutes(1), this->soon())->empty());
  this->clock_.Advance(absl::Seconds(10));
  jobs = *this->b_.work.Claim(JobKind::kPush, 10, absl::Minutes(1), this->soon());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].attempts, 2);
  // A hold that is over gives it to another, unless it was made longer in time.
  ASSERT_OK(this->b_.work.Extend(jobs, absl::ZeroDuration(), this->soon()));
  const std::vector<Job> lost = jobs;
  jobs = *this->b_.work.Claim(JobKind::kPush, 10, absl::ZeroDuration(), this->soon());
  ASSERT_EQ(jobs.size(), 1u);
  ASSERT_OK(this->b_.work.Extend(jobs, absl::Minutes(1), this->soon()));
  ASSERT_OK(this->b_.work.Extend(lost, absl::ZeroDuration(), this->soon()));  // no longer its own
  EXPECT_TRUE(this->b_.work.Claim(JobKind::kPush, 10, absl::Minutes(1), this->soon())->empty());
  ASSERT_OK(this->b_.work.Finish(jobs, this->soon()));
  EXPECT_EQ(this->b_.work.CountPushes(this->soon())->jobs, 0);
  EXPECT_THAT(this->b_.work.AddPush(push, this->soon()), IsOkAndHolds(false));
  this->clock_.Advance(absl::Hours(1));
  ASSERT_OK(this->b_.work.ForgetPushes(absl::Minutes(30), this->soon()));
  EXPECT_THAT(this->b_.work.AddPush(push, this->soon()), IsOkAndHolds(true));
}

TYPED_TEST(StoreContract, CallsAreCountedByTheDayAndStopsAndQuotasAreKept) {
  const absl::Time now = this->clock_.Now();
  const auto add = [&](int64_t day, int64_t calls, std::optional<ApiStop> stop = std::nullopt) {
    absl::StatusOr<std::vector<ApiUsageRow>> rows = this->b_.usage.Add(
        {{"wx-a", "/x", day, calls, stop}, {"wx-b", "/x", day, 1, stop}}, this->soon());
    EXPECT_OK(rows);
    EXPECT_EQ(rows->size(), 2u);
    return rows->at(0);
  };
  EXPECT_EQ(add(7, 3).used, 3);
  EXPECT_EQ(add(7, 2).used, 5);
  EXPECT_FALSE(add(7, 0).quota.has_value());
  EXPECT_EQ(add(8, 1).used, 1);
  EXPECT_EQ(add(7, 9).used, 1);  // of a replica whose clock is behind
  EXPECT_LT(add(8, 0).stop.until, now);
  ApiUsageRow row = add(8, 0, ApiStop{now + absl::Hours(1), true});
  EXPECT_EQ(row.stop.until, now + absl::Hours(1));
  EXPECT_TRUE(add(8, 0).stop.is_quota);
  EXPECT_THAT(this->b_.usage.TakeCheck("wx-a", "/x", now, absl::Hours(1), this->soon()),
              IsOkAndHolds(true));
  EXPECT_THAT(
      this->b_.usage.TakeCheck("wx-a", "/x", now + absl::Minutes(59), absl::Hours(1), this->soon()),
      IsOkAndHolds(false));
  EXPECT_THAT(
      this->b_.usage.TakeCheck("wx-a", "/x", now - absl::Minutes(1), absl::Hours(1), this->soon()),
      IsOkAndHolds(true));
  ASSERT_OK(
      this->b_.usage.SetQuota("wx-a", "/x", 8, {100, 40, 60, absl::Seconds(60)}, this->soon()));
  row = this->b_.usage.ListUsage("wx-a", this->soon())->at(0);
  EXPECT_EQ(row.used, 40);
  EXPECT_EQ(row.quota->daily_limit, 100);
  EXPECT_EQ(row.quota->rate_calls, 60);
  EXPECT_EQ(row.quota->rate_period, absl::Seconds(60));
  EXPECT_LT(row.stop.until, now);  // calls are left
}

TYPED_TEST(StoreContract, AccessesAreListedNewestFirstAndPagedByTheirKey) {
  std::vector<AccessRow> rows;
  for (int i = 0; i < 5; ++i) {
    AccessRow row;
    row.id = "id" + std::to_string(i);
    row.second = absl::FromUnixSeconds(1'700'000'000 + i / 2);
    row.project = i == 4 ? "other" : "demo";
    row.appid = "wx-a";
    row.caller = i == 0 ? "x" : "y";
    row.action = "read_token";
    row.count = i + 1;
    row.fingerprint = "0123456789ab";
    row.request_id = "request-" + std::to_string(i);
    row.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    row.peer = "ipv4:127.0.0.1:1";
    rows.push_back(row);
  }
  ASSERT_OK(this->b_.audit.Append(rows, this->soon()));
  ASSERT_OK(this->b_.audit.Append(rows, this->soon()));  // harmless
  AccessFilter filter;
  filter.project = "demo";
  std::vector<AccessRow> listed = *this->b_.audit.List(filter, 3, this->soon());
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[0].id, "id3");
  EXPECT_EQ(listed[0].count, 4);
  EXPECT_EQ(listed[0].fingerprint, rows[3].fingerprint);
  EXPECT_EQ(listed[0].request_id, rows[3].request_id);
  EXPECT_EQ(listed[0].trace_id, rows[3].trace_id);
  EXPECT_EQ(listed[0].peer, rows[3].peer);
  filter.before_second = listed[2].second;
  filter.before_id = listed[2].id;
  listed = *this->b_.audit.List(filter, 3, this->soon());
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].caller, "x");
}

TEST(StoreSealing, NothingSecretLiesInTheDatabaseInClear) {
  FakeClock clock(absl::FromUnixSeconds(1'700'000'000));
  InPostgres b(clock);
  const Deadline soon = Deadline::After(absl::Seconds(10));
  Project project;
  project.id = "demo";
  project.display_name = "Demo";
  ASSERT_OK(b.apps.CreateProject(project, soon));
  App app;
  app.project = "demo";
  app.appid = "wx-a";
  app.kind = AppKind::kMiniProgram;
  Credentials credentials;
  credentials.app_secret = Secret("CANARY-secret");
  credentials.callback = {Secret("CANARY-token"), Secret("CANARY-key")};
  ASSERT_OK(b.apps.CreateApp(app, credentials, soon));
  const Lease lease = **b.tokens.TryAcquire("token/wx-a", absl::Seconds(30), soon);
  TokenRecord record;
  record.appid = "wx-a";
  record.access_token = Secret("CANARY-access");
  record.refresh_token = Secret("CANARY-refresh");
  record.fetched = record.expires = clock.Now();
  ASSERT_OK(b.tokens.Save(lease, record, soon));
  ASSERT_OK(b.tokens.SaveTicket("wx-c", {Secret("CANARY-ticket"), clock.Now(), clock.Now()}, soon));
  NewJob job;
  job.key = "k";
  job.payload = "CANARY-payload";
  ASSERT_OK(b.work.AddPush(job, soon));
  PostgresLoginStore logins(*b.pool, b.envelope, b.jobs, clock);
  const UserKey user{"demo", "wx-a", "o1", "projects/demo/persons/p1"};
  ASSERT_OK(logins.SaveSession(user, Secret("CANARY-session"), job, soon));
  ASSERT_OK(logins.SaveSession(user, Secret("CANARY-session"), std::nullopt, soon));
  WebTokens tokens;
  tokens.access_token = Secret("CANARY-user");
  tokens.refresh_token = Secret("CANARY-user-refresh");
  ASSERT_OK(logins.CreateWebLogin({"CANARY-state", "demo", "wx-a", "CANARY-browser", "", {}, false},
                                  soon));
  ASSERT_OK(logins.FinishWebLogin("CANARY-state", user, tokens, std::nullopt, soon));
  ASSERT_OK(logins.GetPhoneKey("demo", soon));
  ASSERT_OK(b.pool->Transact("scan", soon, [](pqxx::work& work) -> absl::Status {
    for (const char* table : {"apps", "tokens", "tickets", "jobs", "sessions", "inbox",
                              "web_tokens", "web_logins", "phone_keys"}) {
      for (const pqxx::row& row :
           work.exec("SELECT t::text FROM broker." + std::string(table) + " t")) {
        const auto text = row[0].as<std::string>();
        EXPECT_EQ(text.find("CANARY"), std::string::npos) << table;
        // bytea prints as hexadecimal
        EXPECT_EQ(text.find("43414e415259"), std::string::npos) << table;
      }
    }
    return absl::OkStatus();
  }));
}

}  // namespace
}  // namespace datong::broker
