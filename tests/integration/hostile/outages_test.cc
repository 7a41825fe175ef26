// PostgreSQL gone and back, WeChat gone and back, while everybody goes on calling.
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/mutex.h"
#include "tests/integration/hostile/hostile_fixture.h"

namespace datong::hostile {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGetToken[] = "broker.v1.TokenService/GetToken";
constexpr char kAppend[] = "ingest.v1.EventService/AppendEvents";
constexpr absl::Duration kMostRecovery = absl::Seconds(10);

// Does something again and again in a thread of its own until it is destroyed.
class Loop {
 public:
  explicit Loop(std::function<void()> step)
      : thread_([this, step = std::move(step)] {
          while (!stopping_) step();
        }) {}
  ~Loop() {
    stopping_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Names of what was acknowledged.
class Acknowledged {
 public:
  void Add(const std::string& name) {
    MutexLock lock(&mutex_);
    names_.push_back(name);
  }
  std::vector<std::string> names() const {
    MutexLock lock(&mutex_);
    return names_;
  }
  size_t size() const { return names().size(); }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> names_ ABSL_GUARDED_BY(mutex_);
};

class HostileOutages : public HostileTest {
 protected:
  static void SetUpTestSuite() { StartStack(/*fsync=*/true); }
  static Answer GetToken(const std::string& appid) {
    return Call(kGetToken, {{"app", AppName(appid)}});
  }
  static http::ClientResponse CollectPage(const std::string& device) {
    return Collect(Json::array({{{"eventType", "PAGE"},
                                 {"dataSourceId", "d0"},
                                 {"deviceId", device},
                                 {"timestamp", absl::ToUnixMillis(stack().Now())}}})
                       .dump(),
                   {{"Origin", "https://m.example.cn"}});
  }
  static Answer AppendOrder(const std::string& login) {
    return Call(
        kAppend,
        {{"source", absl::StrCat(kProject, "/sources/server")},
         {"events",
          {{{"eventId", login},
            {"eventTime", absl::FormatTime(absl::RFC3339_full, stack().Now(), absl::UTCTimeZone())},
            {"type", "EVENT_TYPE_CUSTOM"},
            {"eventName", "order_paid"},
            {"identifier", absl::StrCat("login:main:", login)}}}}});
  }
  static Answer Traffic() {
    return Call("insight.v1.InsightService/QueryTraffic",
                {{"project", kProject}, {"beginDay", "2026-03-02"}, {"endDay", "2026-03-02"}});
  }
  // Which of these are not stored exactly once by `column`.
  static std::string NotOnce(const std::string& column, const std::vector<std::string>& names) {
    return Ask(absl::StrCat(
        "SELECT string_agg(name || ' ' || n, ', ') FROM (SELECT name, (SELECT count(*) FROM "
        "ingest.events WHERE ",
        column, " = name) AS n FROM unnest('{", absl::StrJoin(names, ","),
        "}'::text[]) AS name) AS counted WHERE n <> 1"));
  }
};

TEST_F(HostileOutages, PostgresqlGoneAndBackAndNothingAcknowledgedIsLost) {
  ASSERT_TRUE(GetToken(kMini).ok());
  std::atomic<int> tokens{1}, tokens_refused{0};
  Acknowledged pages, orders, pushes;
  std::atomic<int> pages_refused{0}, orders_refused{0}, pushes_refused{0};
  {
    const Loop reader([&] { ++(GetToken(kMini).ok() ? tokens : tokens_refused); });
    const Loop collector([&] {
      const std::string device = Fresh("page");
      const int status = CollectPage(device).status;
      EXPECT_THAT(status, AnyOf(204, 503));
      if (status == 204) {
        pages.Add(device);
      } else {
        ++pages_refused;
      }
    });
    const Loop server([&] {
      const std::string login = Fresh("order");
      const Answer answer = AppendOrder(login);
      if (answer.ok()) {
        orders.Add(login);
      } else {
        EXPECT_THAT(answer.status, AnyOf(503, 504)) << answer.body;
        ++orders_refused;
      }
    });
    // As WeChat, but more patient: the same push until it is taken.
    const Loop wechat([&] {
      const std::string openid = Fresh("push");
      const std::string message = Message(openid, Event("CLICK", "k"));
      for (;;) {
        const http::ClientResponse answer = PushSealed(message);
        if (answer.status == 200) {
          EXPECT_EQ(answer.body, "success");
          pushes.Add(openid);
          return;
        }
        EXPECT_EQ(answer.status, 503);
        EXPECT_THAT(answer.body, Not(HasSubstr("success")));
        ++pushes_refused;
      }
    });
    ASSERT_TRUE(
        Eventually([&] { return pages.size() > 20 && orders.size() > 20 && pushes.size() > 20; }));

    stack().CrashDatabase();
    const int before = tokens;
    const int refused_before = tokens_refused;
    ASSERT_TRUE(Eventually([&] {
      return pages_refused > 3 && orders_refused > 3 && pushes_refused > 3 && tokens > before + 50;
    })) << pages_refused
        << " " << orders_refused << " " << pushes_refused << " " << tokens - before;
    // Tokens come from memory.
    EXPECT_EQ(tokens_refused, refused_before);
    EXPECT_TRUE(GetToken(kAccount).ok());
    EXPECT_TRUE(GetToken(kComponent).ok());

    const http::ClientResponse page = CollectPage(Fresh("refused"));
    EXPECT_EQ(page.status, 503);
    EXPECT_EQ(page.headers.Get("retry-after"), "5");
    EXPECT_EQ(page.headers.Get("access-control-allow-origin"), "https://m.example.cn");
    const absl::Time asked = absl::Now();
    EXPECT_THAT(AppendOrder(Fresh("refused")), Refuses(503, "DATABASE_UNAVAILABLE"));
    EXPECT_LT(absl::Now() - asked, absl::Seconds(2));
    EXPECT_THAT(Traffic(), Refuses(503, "DATABASE_UNAVAILABLE"));
    EXPECT_THAT(Call("broker.v1.ProjectService/ListApps", {{"project", kProject}}),
                Refuses(503, "DATABASE_UNAVAILABLE"));
    EXPECT_THAT(Call("broker.v1.LoginService/LoginMiniProgram",
                     {{"app", AppName(kMini)}, {"jsCode", sim().MintJsCode(kMini, "o")}}),
                Refuses(503, "DATABASE_UNAVAILABLE"));
    EXPECT_THAT(Call("identity.v1.IdentityService/GetGraphStats", {{"project", kProject}}),
                Refuses(503, "DATABASE_UNAVAILABLE"));
    EXPECT_THAT(Call("datacube.v1.StatisticsService/ListSyncRuns", {{"project", kProject}}),
                Refuses(503, "DATABASE_UNAVAILABLE"));
    EXPECT_THAT(PushSealed(Message("o", Event("CLICK", "k"))).body,
                HasSubstr("DATABASE_UNAVAILABLE"));
    const http::ClientResponse launch = Send("GET", "/authorize/some-link");
    EXPECT_EQ(launch.status, 503);
    EXPECT_EQ(launch.headers.Get("retry-after"), "5");
    EXPECT_THAT(launch.body, HasSubstr("服务暂时不可用"));

    ASSERT_OK(stack().RestoreDatabase());
    const absl::Time back = absl::Now();
    const size_t pages_then = pages.size(), orders_then = orders.size();
    const size_t pushes_then = pushes.size();
    EXPECT_TRUE(Eventually([&] {
      return pages.size() > pages_then && orders.size() > orders_then &&
             pushes.size() > pushes_then && Traffic().ok();
    }));
    EXPECT_LT(absl::Now() - back, kMostRecovery);
  }
  EXPECT_EQ(NotOnce("device_id", pages.names()), "");
  EXPECT_EQ(NotOnce("user_id", orders.names()), "");
  // A claim whose commit the crash cut off from its answer ends with its hold of a minute, which
  // is not waited for here.
  Ask("WITH ended AS (UPDATE broker.jobs SET claimed_until = NULL RETURNING 1) "
      "SELECT count(*) FROM ended");
  EXPECT_TRUE(Eventually([&] { return NotOnce("openid", pushes.names()).empty(); }))
      << NotOnce("openid", pushes.names());
  // Every read of a token is on record, also those of the outage, once.
  const auto reads = [] {
    return Ask(
        absl::StrCat("SELECT sum(count) FROM broker.access_log WHERE action = 'read_token' "
                     "AND appid = '",
                     kMini, "'"));
  };
  EXPECT_TRUE(Eventually([&] { return reads() == absl::StrCat(tokens.load()); }))
      << reads() << " recorded, " << tokens.load() << " made";
  ExpectHealthy();
}

struct Trouble {
  const char* name;
  const char* kind;
  int64_t ms = 0;
  friend std::ostream& operator<<(std::ostream& out, const Trouble& t) { return out << t.name; }
};

class HostileWechat : public HostileOutages, public ::testing::WithParamInterface<Trouble> {
 protected:
  static void SetUpTestSuite() { StartStack(/*fsync=*/false); }
  static void Break(const std::string& path, const Trouble& trouble) {
    sim().AddFault(
        {.path = path, .kind = trouble.kind, .count = -1, .ms = trouble.ms, .errcode = -1});
  }
  static void Repair() { ASSERT_OK(sim().Admin("DELETE", "/admin/faults")); }
};

TEST_P(HostileWechat, GoneAndBack) {
  ASSERT_TRUE(Eventually([] { return GetToken(kAccount).ok() && GetToken(kMini).ok(); }));
  Break("/cgi-bin/", GetParam());
  Break("/sns/", GetParam());
  Break("/datacube/", GetParam());

  // Held tokens are served, and cost WeChat nothing.
  const int64_t calls = sim().Calls("/cgi-bin/stable_token");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(GetToken(kAccount).ok());
  EXPECT_EQ(sim().Calls("/cgi-bin/stable_token"), calls);
  // Events and pushes need no WeChat.
  const std::string device = Fresh("offline"), openid = Fresh("offline");
  EXPECT_EQ(CollectPage(device).status, 204);
  EXPECT_EQ(PushSealed(Message(openid, Event("subscribe", ""))).body, "success");
  EXPECT_TRUE(Eventually([&] { return NotOnce("openid", {openid}).empty(); }));

  if (GetParam().ms == 0) {
    const Answer api = Call("broker.v1.ApiService/CallApi",
                            {{"app", AppName(kAccount)}, {"path", "/cgi-bin/user/get"}});
    EXPECT_THAT(api, Refuses(503, "PLATFORM_UNREACHABLE"));
    EXPECT_TRUE(api.headers.Has("retry-after"));
    EXPECT_THAT(Call("broker.v1.LoginService/LoginMiniProgram",
                     {{"app", AppName(kMini)}, {"jsCode", sim().MintJsCode(kMini, openid)}}),
                Refuses(503, "PLATFORM_UNREACHABLE"));
    // Its time is over: nobody gets a dead token, and few of many calls reach WeChat.
    stack().Advance(absl::Hours(3));
    const int64_t before = sim().Calls("/cgi-bin/stable_token");
    for (int i = 0; i < 50; ++i) {
      EXPECT_THAT(GetToken(kAccount), Refuses(503, "PLATFORM_UNREACHABLE"));
    }
    EXPECT_LT(sim().Calls("/cgi-bin/stable_token"), before + 40);
  } else {
    stack().Advance(absl::Hours(3));
    // A caller in a hurry is answered in its own time.
    const absl::Time asked = absl::Now();
    const http::ClientResponse hurried =
        Send("POST", absl::StrCat("/datong.", kGetToken), Json{{"app", AppName(kAccount)}}.dump(),
             {{"Content-Type", "application/json"}, {"Connect-Timeout-Ms", "300"}});
    EXPECT_THAT(hurried.status, AnyOf(503, 504)) << hurried.body;
    EXPECT_LT(absl::Now() - asked, absl::Milliseconds(GetParam().ms));
  }

  Repair();
  const absl::Time back = absl::Now();
  EXPECT_TRUE(Eventually([] { return GetToken(kAccount).ok(); }));
  EXPECT_LT(absl::Now() - back, kMostRecovery);
  EXPECT_TRUE(Eventually([] {
    return Call("broker.v1.ApiService/CallApi",
                {{"app", AppName(kAccount)}, {"path", "/cgi-bin/user/get"}})
        .ok();
  }));
  // What waited for WeChat's word is done.
  EXPECT_TRUE(Eventually([] { return Ask("SELECT count(*) FROM broker.jobs") == "0"; }))
      << Ask("SELECT string_agg(kind || ' ' || coalesce(last_error, ''), E'\n') FROM broker.jobs");
  EXPECT_TRUE(
      Call("identity.v1.IdentityService/Resolve",
           {{"project", kProject}, {"identifier", absl::StrCat("openid:", kAccount, ":", openid)}})
          .ok());
}

INSTANTIATE_TEST_SUITE_P(Troubles, HostileWechat,
                         ::testing::Values(Trouble{"reset", "reset"}, Trouble{"http_5xx", "http"},
                                           Trouble{"truncated", "truncate"},
                                           Trouble{"busy", "errcode"},
                                           Trouble{"slow", "slow", 1500}),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace datong::hostile
