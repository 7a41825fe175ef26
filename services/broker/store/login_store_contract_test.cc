// One contract for the store of logins, held against the fake and against PostgreSQL.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "broker_migrations.h"
#include "common/identifier/identifier.h"
#include "common/postgres/pool.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "services/broker/store/postgres_app_store.h"
#include "services/broker/store/postgres_login_store.h"
#include "services/broker/store/postgres_work_store.h"
#include "services/broker/testing/fake_login_store.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {
namespace {

struct InMemory {
  explicit InMemory(const Clock& clock) : store(clock), logins(store, clock) {}
  FakeStore store;
  FakeLoginStore logins;
  AppStore& apps = store;
  WorkStore& work = store;
};

struct InPostgres {
  explicit InPostgres(const Clock& clock)
      : database({{"broker", Migrations()}}),
        pool(database.MakePool(registry)),
        envelope(crypto::KeyRing("k1", {{"k1", Secret(std::string(32, 'k'))}})),
        jobs(*pool, envelope, clock),
        apps(*pool, envelope, jobs, clock),
        work(*pool, jobs, clock),
        logins(*pool, envelope, jobs, clock) {}
  metrics::Registry registry;
  TestDatabase database;
  std::unique_ptr<postgres::Pool> pool;
  crypto::Envelope envelope;
  JobWriter jobs;
  PostgresAppStore apps;
  PostgresWorkStore work;
  PostgresLoginStore logins;
};

template <typename Backend>
class LoginStoreContract : public ::testing::Test {
 protected:
  LoginStoreContract() {
    Project project;
    project.id = "demo";
    project.display_name = "Demo";
    EXPECT_OK(b_.apps.CreateProject(project, soon()));
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(10)); }
  UserKey User(const std::string& openid, const std::string& person = "") {
    return {"demo", "wx-a", openid,
            person.empty() ? "" : absl::StrCat("projects/demo/persons/", person)};
  }
  absl::Status Keep(const UserKey& user, const std::string& key = "key") {
    return b_.logins.SaveSession(user, Secret(key), std::nullopt, soon());
  }
  bool Has(const std::string& openid) { return b_.logins.GetSession("wx-a", openid, soon()).ok(); }
  WebTokens Tokens() {
    WebTokens tokens;
    tokens.access_token = Secret("access");
    tokens.refresh_token = Secret("refresh");
    tokens.scope = "snsapi_userinfo";
    tokens.unionid = "u1";
    tokens.expires = clock_.Now() + absl::Hours(2);
    tokens.refresh_expires = clock_.Now() + absl::Hours(720);
    return tokens;
  }
  int64_t Node(const std::string& openid) { return NodeOf(1, "openid:wx-a:" + openid); }
  GraphChange Moved(const std::string& openid, const std::string& person) {
    return {GraphChange::Kind::kMoved, Node(openid), "projects/demo/persons/" + person};
  }
  GraphChange Erased(const std::string& person) {
    return {GraphChange::Kind::kPersonErased, 0, "projects/demo/persons/" + person};
  }
  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Backend b_{clock_};
};

using Backends = ::testing::Types<InMemory, InPostgres>;
TYPED_TEST_SUITE(LoginStoreContract, Backends);

TYPED_TEST(LoginStoreContract, ASessionKeepsTheKeyBeforeForFiveMinutes) {
  EXPECT_THAT(this->b_.logins.GetSession("wx-a", "o1", this->soon()),
              IsError(absl::StatusCode::kNotFound, "SESSION_UNKNOWN"));
  ASSERT_OK(this->Keep(this->User("o1", "p1"), "key-1"));
  EXPECT_TRUE(this->b_.logins.GetSession("wx-a", "o1", this->soon())->previous.empty());
  this->clock_.Advance(absl::Hours(1));
  ASSERT_OK(this->Keep(this->User("o1"), "key-2"));
  absl::StatusOr<SessionKeys> keys = this->b_.logins.GetSession("wx-a", "o1", this->soon());
  ASSERT_OK(keys);
  EXPECT_EQ(keys->current.Expose(), "key-2");
  EXPECT_EQ(keys->previous.Expose(), "key-1");
  EXPECT_EQ(keys->updated, this->clock_.Now());
  this->clock_.Advance(absl::Minutes(5));
  EXPECT_TRUE(this->b_.logins.GetSession("wx-a", "o1", this->soon())->previous.empty());
}

TYPED_TEST(LoginStoreContract, EvidenceIsStoredWithTheSession) {
  NewJob evidence;
  evidence.kind = JobKind::kEvidence;
  evidence.key = "wx-a:1";
  evidence.project = "demo";
  evidence.appid = "wx-a";
  evidence.payload = "{}";
  ASSERT_OK(this->b_.logins.SaveSession(this->User("o1"), Secret("key"), evidence, this->soon()));
  EXPECT_EQ(this->b_.work.Claim(JobKind::kEvidence, 10, absl::Minutes(1), this->soon())->size(),
            1u);
}

TYPED_TEST(LoginStoreContract, AWebLoginIsFoundByItsAppAndBrowserAlone) {
  WebLoginState login{
      "state", "demo", "wx-a", "browser", "/back", this->clock_.Now() + absl::Minutes(10), false};
  ASSERT_OK(this->b_.logins.CreateWebLogin(login, this->soon()));
  const auto find = [&](const char* appid, const char* state, const char* browser) {
    return *this->b_.logins.FindWebLogin(appid, state, browser, this->soon());
  };
  EXPECT_FALSE(find("wx-b", "state", "browser").has_value());
  EXPECT_FALSE(find("wx-a", "other", "browser").has_value());
  EXPECT_FALSE(find("wx-a", "state", "other").has_value());
  std::optional<WebLoginState> found = find("wx-a", "state", "browser");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->return_to, "/back");
  EXPECT_EQ(found->expires, login.expires);
  EXPECT_FALSE(found->is_used);
  ASSERT_OK(
      this->b_.logins.FinishWebLogin("state", UserKey{}, WebTokens{}, std::nullopt, this->soon()));
  EXPECT_TRUE(find("wx-a", "state", "browser")->is_used);
  this->clock_.Advance(absl::Hours(2));
  ASSERT_OK(this->b_.logins.ForgetOld(this->soon()));
  EXPECT_FALSE(find("wx-a", "state", "browser").has_value());
}

TYPED_TEST(LoginStoreContract, TokensOfAWebLoginAreKeptUntilTheirRefreshTokenDies) {
  const UserKey user = this->User("o1", "p1");
  ASSERT_OK(
      this->b_.logins.FinishWebLogin("state", user, this->Tokens(), std::nullopt, this->soon()));
  WebTokens fresh = this->Tokens();
  fresh.access_token = Secret("access-2");
  fresh.expires += absl::Hours(2);
  ASSERT_OK(this->b_.logins.UpdateWebTokens("wx-a", "o1", fresh, this->soon()));
  absl::StatusOr<WebTokens> held = this->b_.logins.GetWebTokens("wx-a", "o1", this->soon());
  ASSERT_OK(held);
  EXPECT_EQ(held->access_token.Expose(), "access-2");
  EXPECT_EQ(held->refresh_token.Expose(), "refresh");
  EXPECT_EQ(held->scope, "snsapi_userinfo");
  EXPECT_EQ(held->unionid, "u1");
  EXPECT_EQ(held->expires, fresh.expires);
  this->clock_.Advance(absl::Hours(721));
  ASSERT_OK(this->b_.logins.ForgetOld(this->soon()));
  EXPECT_THAT(this->b_.logins.GetWebTokens("wx-a", "o1", this->soon()),
              IsError(absl::StatusCode::kNotFound, "WEB_LOGIN_UNKNOWN"));
}

TYPED_TEST(LoginStoreContract, RowsFollowTheirPersonAndGoWithIt) {
  ASSERT_OK(this->Keep(this->User("o1", "p1")));
  ASSERT_OK(this->Keep(this->User("o2")));
  ASSERT_OK(this->Keep(this->User("o3", "p1")));
  ASSERT_OK(this->b_.logins.FinishWebLogin("state", this->User("o2"), this->Tokens(), std::nullopt,
                                           this->soon()));
  // o3 leaves p1, and o2 comes to it, before p1 is erased; o2's next person comes after.
  GraphChanges changes{{this->Moved("o3", "p3"), this->Moved("o2", "p9"), this->Moved("o2", "p1"),
                        this->Erased("p1"), this->Moved("o2", "p4")},
                       "c1",
                       true};
  EXPECT_THAT(this->b_.logins.ApplyChanges("demo", "", changes, this->soon()), IsOkAndHolds(3));
  EXPECT_FALSE(this->Has("o1"));
  EXPECT_FALSE(this->Has("o2"));
  EXPECT_TRUE(this->Has("o3"));
  EXPECT_FALSE(this->b_.logins.GetWebTokens("wx-a", "o2", this->soon()).ok());
  EXPECT_THAT(this->b_.logins.GetFeedCursor("demo", this->soon()), IsOkAndHolds("c1"));
  // A replica that read the same page does nothing.
  EXPECT_THAT(
      this->b_.logins.ApplyChanges("demo", "", {{this->Erased("p3")}, "c9", true}, this->soon()),
      IsOkAndHolds(0));
  EXPECT_TRUE(this->Has("o3"));
  // A login that was under way when its person was erased keeps nothing.
  ASSERT_OK(this->Keep(this->User("o1", "p1")));
  EXPECT_FALSE(this->Has("o1"));
}

TYPED_TEST(LoginStoreContract, AnErasedIdentifierTakesItsRowAlone) {
  ASSERT_OK(this->Keep(this->User("o1", "p1")));
  ASSERT_OK(this->Keep(this->User("o2", "p1")));
  ASSERT_OK(this->b_.logins.SetPerson(this->User("o2", "p2"), this->soon()));
  GraphChanges changes{
      {{GraphChange::Kind::kIdentifierErased, this->Node("o1"), ""}, this->Erased("p2")},
      "c1",
      true};
  EXPECT_THAT(this->b_.logins.ApplyChanges("demo", "", changes, this->soon()), IsOkAndHolds(2));
  EXPECT_FALSE(this->Has("o1"));
  EXPECT_FALSE(this->Has("o2"));
}

TYPED_TEST(LoginStoreContract, AProjectsPhoneKeyStays) {
  absl::StatusOr<Secret> key = this->b_.logins.GetPhoneKey("demo", this->soon());
  ASSERT_OK(key);
  EXPECT_GE(key->Expose().size(), 16u);
  EXPECT_EQ(this->b_.logins.GetPhoneKey("demo", this->soon())->Expose(), key->Expose());
}

}  // namespace
}  // namespace datong::broker
