// What callers may ask of the services wrongly, and what WeChat may answer strangely, by the JSON
// door.
#include <string>
#include <vector>

#include "common/base/strings.h"
#include "tests/integration/hostile/hostile_fixture.h"
#include "tools/datong/demo/scan.h"

namespace datong::hostile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLogin[] = "broker.v1.LoginService/LoginMiniProgram";
constexpr char kComplete[] = "broker.v1.AuthorizationService/CompleteAuthorization";
constexpr char kAppend[] = "ingest.v1.EventService/AppendEvents";
constexpr char kSync[] = "datacube.v1.StatisticsService/TriggerSync";
constexpr char kQuery[] = "datacube.v1.StatisticsService/QueryStatistics";

std::string Uuid() {
  const std::string hex = RandomHex(16);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20, 12));
}

class HostileRpc : public HostileTest {
 protected:
  static std::string Rfc3339(absl::Time time) {
    return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
  }
  static Json Order(const std::string& id, const std::string& login) {
    return {{"eventId", id},
            {"eventTime", Rfc3339(stack().Now())},
            {"type", "EVENT_TYPE_CUSTOM"},
            {"eventName", "order_paid"},
            {"identifier", absl::StrCat("login:main:", login)}};
  }
  static Answer Append(const Json& events) {
    return Call(kAppend,
                {{"source", absl::StrCat(kProject, "/sources/server")}, {"events", events}});
  }
  static std::string CodeOf(const Answer& answer, size_t index) {
    return answer.body.at("results").at(index).value("code", "");
  }

  // Statistics of the account, asked for now; the run when it has ended.
  static Json Sync(const Json& more) {
    Json request = {{"app", AppName(kAccount)}, {"requestId", Uuid()}};
    request.update(more);
    const Answer begun = Call(kSync, request);
    EXPECT_TRUE(begun.ok()) << begun.body;
    if (!begun.ok()) return {};
    Json run;
    EXPECT_TRUE(Eventually([&] {
      run = Run(begun.body.at("syncRun").at("name"));
      return run.contains("endTime");
    })) << run;
    return run;
  }
  static Json Run(const std::string& name) {
    return Call("datacube.v1.StatisticsService/GetSyncRun", {{"name", name}})
        .body.value("syncRun", Json::object());
  }
  static Json Rows(const std::string& day) {
    const Answer answer = Call(kQuery, {{"project", kProject},
                                        {"metric", "METRIC_FOLLOWER_CHANGE"},
                                        {"beginDay", day},
                                        {"endDay", day}});
    EXPECT_TRUE(answer.ok()) << answer.body;
    return answer.body.value("rows", Json::array());
  }
  static void Override(const std::string& path, const Json& answer) {
    ASSERT_OK(sim().Admin("POST", "/admin/overrides",
                          {{"path", path}, {"appid", kAccount}, {"answer", answer}}));
  }
  static void ClearOverrides() { ASSERT_OK(sim().Admin("DELETE", "/admin/overrides")); }
  // Whether the account is known to datacube, and its first sync is over.
  static bool IsConnected() {
    const Answer runs = Call("datacube.v1.StatisticsService/ListSyncRuns",
                             {{"project", kProject}, {"app", AppName(kAccount)}});
    return runs.ok() && runs.body.contains("syncRuns") &&
           runs.body.at("syncRuns").back().contains("endTime");
  }
};

TEST_F(HostileRpc, BodiesThatAreNoRequestAreRefused) {
  const std::string method = "broker.v1.TokenService/GetToken";
  std::string deep = "{\"app\":";
  for (int i = 0; i < 100'000; ++i) deep += "[";
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), deep,
        std::string("{\"app\":\"\xff\xfe\"}"), std::string(R"({"app":"\ud83d"})"),
        std::string(R"({"app":7})"), std::string(R"({"nobody":1})")}) {
    EXPECT_THAT(CallRaw(method, body), Refuses(400, "JSON_INVALID")) << body.substr(0, 30);
  }
  EXPECT_EQ(CallRaw(method, std::string((8 << 20) + 1, ' ')).status, 413);
  EXPECT_EQ(
      Send("POST", "/datong." + method, "\x0a\x02\xff\xfe", {{"Content-Type", "application/proto"}})
          .status,
      400);
  EXPECT_EQ(CallRaw("broker.v1.TokenService/Steal", "{}").status, 404);
  EXPECT_THAT(Append(Json::array({{{"type", "EVENT_TYPE_NOBODY"}}})), Refuses(400, "JSON_INVALID"));
  ExpectHealthy();
}

TEST_F(HostileRpc, NamesOfNothingAreNotFoundAndNamesThatAreNoneAreTold) {
  struct Named {
    const char* method;
    Json request;
    const char* reason;
  };
  const std::string app = AppName("wxnobody");
  for (const Named& unknown :
       {Named{"broker.v1.TokenService/GetToken", {{"app", app}}, "APP_UNKNOWN"},
        Named{"broker.v1.ProjectService/GetApp", {{"name", app}}, "APP_UNKNOWN"},
        Named{"broker.v1.ApiService/CallApi",
              {{"app", app}, {"path", "/cgi-bin/user/get"}},
              "APP_UNKNOWN"},
        Named{kLogin, {{"app", app}, {"jsCode", "c"}}, "APP_UNKNOWN"},
        Named{"broker.v1.AuthorizationService/CreateAuthorizationLink",
              {{"component", app}},
              "APP_UNKNOWN"},
        Named{"broker.v1.AuthorizationService/BeginAuthorization",
              {{"link", "nobody"}},
              "LINK_UNKNOWN"},
        // Of another project, an app is as unknown as any.
        Named{"broker.v1.TokenService/GetToken",
              {{"app", absl::StrCat("projects/other/apps/", kAccount)}},
              "APP_UNKNOWN"},
        Named{kSync, {{"app", app}, {"requestId", Uuid()}}, "APP_UNKNOWN"},
        Named{kAppend, {{"source", "projects/demo/sources/nobody"}}, "SOURCE_UNKNOWN"},
        Named{"ingest.v1.SourceService/ListSources",
              {{"project", "projects/nobody"}},
              "PROJECT_UNKNOWN"},
        Named{"identity.v1.IdentityService/GetGraphStats",
              {{"project", "projects/nobody"}},
              "PROJECT_UNKNOWN"},
        Named{
            "insight.v1.InsightService/QueryTraffic",
            {{"project", "projects/nobody"}, {"beginDay", "2026-03-01"}, {"endDay", "2026-03-01"}},
            "PROJECT_UNKNOWN"}}) {
    EXPECT_THAT(Call(unknown.method, unknown.request), Refuses(404, unknown.reason))
        << unknown.method;
  }
  for (const std::string& name :
       {std::string("projects/demo/apps/../../secret"), std::string("projects/demo/apps/"),
        std::string("projects/demo/apps/a b"), std::string("projects/demo/apps/a\0b", 22),
        "projects/demo/apps/" + std::string(10'000, 'x'), std::string("'; DROP TABLE apps --")}) {
    EXPECT_THAT(Call("broker.v1.TokenService/GetToken", {{"app", name}}),
                Refuses(400, "APP_NAME_INVALID"));
    EXPECT_THAT(Call(kSync, {{"app", name}, {"requestId", Uuid()}}),
                Refuses(400, "APP_NAME_INVALID"));
  }
  for (const char* path : {"/cgi-bin/../secret", "cgi-bin/user/get", "//evil.example/x",
                           "/cgi-bin/user/get?x=1", "/a#b", "/a\r\nHost: evil"}) {
    EXPECT_THAT(Call("broker.v1.ApiService/CallApi", {{"app", AppName(kAccount)}, {"path", path}}),
                Refuses(400, "API_PATH_INVALID"))
        << path;
  }
  for (const char* method :
       {"broker.v1.ProjectService/ListApps", "ingest.v1.SourceService/ListSources",
        "identity.v1.IdentityService/ListPersons", "datacube.v1.StatisticsService/ListSyncRuns",
        "insight.v1.InsightService/SearchPersons"}) {
    EXPECT_THAT(Call(method, {{"project", kProject}, {"pageSize", -1}}),
                Refuses(400, "PAGE_SIZE_INVALID"))
        << method;
    EXPECT_THAT(Call(method, {{"project", kProject}, {"pageToken", "AAAA"}}),
                Refuses(400, "PAGE_TOKEN_INVALID"))
        << method;
  }
}

TEST_F(HostileRpc, LoginCodesWorkOnceAndInTheirTime) {
  const auto login = [](const std::string& code) {
    return Call(kLogin, {{"app", AppName(kMini)}, {"jsCode", code}});
  };
  const std::string openid = Fresh("openid");
  const std::string code = sim().MintJsCode(kMini, openid);
  const Answer first = login(code);
  ASSERT_TRUE(first.ok()) << first.body;
  EXPECT_EQ(first.body.value("openid", ""), openid);
  EXPECT_FALSE(first.body.contains("sessionKey"));
  EXPECT_THAT(login(code), Refuses(400, "LOGIN_CODE_USED"));
  EXPECT_THAT(login("never-minted"), Refuses(400, "LOGIN_CODE_INVALID"));
  EXPECT_THAT(login(""), Refuses(400, "LOGIN_CODE_INVALID"));
  EXPECT_THAT(login(std::string("a&secret=x\0 \n", 12)), Refuses(400, "LOGIN_CODE_INVALID"));
  const std::string late = sim().MintJsCode(kMini, openid);
  stack().Advance(absl::Minutes(6));
  EXPECT_THAT(login(late), Refuses(400, "LOGIN_CODE_INVALID"));
  EXPECT_THAT(Call(kLogin, {{"app", AppName(kAccount)}, {"jsCode", "c"}}),
              Refuses(400, "APP_KIND_UNSUPPORTED"));
}

TEST_F(HostileRpc, AuthorisationCodesWorkOnceAndInTheirTime) {
  http::Client browser({.allow_private = true});
  const std::string launch = LaunchPage();
  const absl::StatusOr<std::string> connected =
      demo::ScanAndDecide(browser, launch, kAuthorizer, true);
  ASSERT_OK(connected);
  EXPECT_THAT(*connected, HasSubstr("授权成功"));
  EXPECT_EQ(sim().Calls("/cgi-bin/component/api_query_auth"), 1);

  // A code by the back door: used twice, it is exchanged once.
  const std::string link = launch.substr(launch.rfind('/') + 1);
  const auto code_of = [] {
    return sim()
        .Admin("POST", "/admin/authorize",
               {{"component_appid", kComponent}, {"appid", kAuthorizer}, {"push", false}})
        ->at("auth_code")
        .get<std::string>();
  };
  const std::string code = code_of();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(Call(kComplete, {{"link", link}, {"authCode", code}}).ok());
    EXPECT_EQ(
        Open({.url = absl::StrCat(launch, "/callback?auth_code=", http::UrlEncode(code))}).status,
        200);
  }
  EXPECT_EQ(sim().Calls("/cgi-bin/component/api_query_auth"), 2);

  EXPECT_THAT(Call(kComplete, {{"link", link}, {"authCode", "never-made"}}),
              Refuses(400, "AUTHORIZATION_CODE_INVALID"));
  EXPECT_THAT(Call(kComplete, {{"link", "nobody"}, {"authCode", code}}),
              Refuses(404, "LINK_UNKNOWN"));
  const std::string late = code_of();
  stack().Advance(absl::Hours(2));
  EXPECT_THAT(Call(kComplete, {{"link", link}, {"authCode", late}}),
              Refuses(400, "AUTHORIZATION_CODE_EXPIRED"));
  const http::ClientResponse page =
      Open({.url = absl::StrCat(launch, "/callback?auth_code=", http::UrlEncode(late))});
  EXPECT_EQ(page.status, 410);
  EXPECT_THAT(page.body, AllOf(HasSubstr("授权码已过期"), HasSubstr("重新")));
  const http::ClientResponse forged =
      Open({.url = launch + "/callback?auth_code=%3Cscript%3Ealert(1)%3C/script%3E"});
  EXPECT_EQ(forged.status, 400);
  EXPECT_THAT(forged.body, Not(HasSubstr("<script>alert")));
}

TEST_F(HostileRpc, WrongSpansOfDaysAreRefusedWithTheRule) {
  ASSERT_TRUE(Eventually(IsConnected));
  const std::string today =
      absl::FormatTime("%Y-%m-%d", stack().Now(), absl::FixedTimeZone(8 * 60 * 60));
  struct Span {
    const char* begin;
    std::string end;
    const char* reason;
  };
  for (const Span& span : {Span{"2026-02-10", "2026-02-01", "DAY_RANGE_INVALID"},
                           Span{"2014-11-30", "2014-12-05", "DAY_RANGE_INVALID"},
                           Span{"2026-02-28", today, "DAY_RANGE_INVALID"},
                           Span{"2026-02-28", "9999-12-31", "DAY_RANGE_INVALID"},
                           Span{"2026-02-30", "2026-03-01", "DAY_INVALID"},
                           Span{"20260201", "20260202", "DAY_INVALID"},
                           Span{"-001-01-01", "2026-03-01", "DAY_INVALID"},
                           Span{"yesterday", "2026-03-01", "DAY_INVALID"}}) {
    EXPECT_THAT(Call(kSync, {{"app", AppName(kAccount)},
                             {"requestId", Uuid()},
                             {"beginDay", span.begin},
                             {"endDay", span.end}}),
                Refuses(400, span.reason))
        << span.begin << " " << span.end;
  }
  EXPECT_THAT(Call(kSync, {{"app", AppName(kAccount)}, {"requestId", "1"}}),
              Refuses(400, "REQUEST_ID_INVALID"));
  EXPECT_THAT(Call(kSync, {{"app", AppName(kMini)}, {"requestId", Uuid()}}),
              Refuses(400, "STATISTICS_NOT_OFFERED"));
  EXPECT_THAT(Call(kQuery, {{"project", kProject}, {"beginDay", today}, {"endDay", today}}),
              Refuses(400, "METRIC_REQUIRED"));

  for (const char* question :
       {"QueryTraffic", "QueryOverlap", "QueryFunnel", "QueryRetention", "QueryFollowerGrowth"}) {
    const std::string method = absl::StrCat("insight.v1.InsightService/", question);
    for (const Span& span :
         {Span{"2026-02-10", "2026-02-01", "DAY_RANGE_INVALID"},
          Span{"2020-01-01", "2026-02-01", "DAY_RANGE_INVALID"},
          Span{"2026-02-29", "2026-03-01", "DAY_INVALID"}, Span{"", "", "DAY_INVALID"},
          Span{"2026-02-01\n", "2026-03-01", "DAY_INVALID"}}) {
      EXPECT_THAT(
          Call(method, {{"project", kProject}, {"beginDay", span.begin}, {"endDay", span.end}}),
          Refuses(400, span.reason))
          << question << " " << span.begin;
    }
    // Days in which nothing can have happened are no error.
    if (std::string(question) != "QueryFunnel" && std::string(question) != "QueryRetention") {
      const Answer future = Call(
          method, {{"project", kProject}, {"beginDay", "2099-01-01"}, {"endDay", "2099-01-02"}});
      EXPECT_TRUE(future.ok()) << question << future.body;
    }
  }
}

TEST_F(HostileRpc, EveryEventOfABatchHasItsOwnResult) {
  const std::string login = Fresh("login");
  const Json event = Order(login + "-1", login);
  Json reused = event;
  reused["attributes"] = {{"amount", "1"}};
  Json future = Order(login + "-2", login);
  future["eventTime"] = Rfc3339(stack().Now() + absl::Hours(24 * 365));
  Json kind = Order(login + "-3", login);
  kind["type"] = 999;
  Json nobody = Order(login + "-4", login);
  nobody.erase("identifier");
  Json odd = Order(login + "-5", login);
  odd["identifier"] = "nonsense";
  const Answer answer = Append(Json::array({event, event, reused, future, kind, nobody, odd}));
  ASSERT_TRUE(answer.ok()) << answer.body;
  EXPECT_EQ(CodeOf(answer, 0), "EVENT_RESULT_CODE_STORED");
  EXPECT_EQ(CodeOf(answer, 1), "EVENT_RESULT_CODE_DUPLICATE");
  EXPECT_EQ(CodeOf(answer, 3), "EVENT_RESULT_CODE_STORED");  // a trusted clock is believed
  EXPECT_EQ(CodeOf(answer, 4), "EVENT_RESULT_CODE_STORED");
  for (const auto& [index, reason] :
       {std::pair{2, "id_reused"}, std::pair{5, "no_identity"}, std::pair{6, "schema"}}) {
    const Json& result = answer.body.at("results").at(static_cast<size_t>(index));
    EXPECT_EQ(result.value("code", ""), "EVENT_RESULT_CODE_QUARANTINED");
    EXPECT_EQ(result.value("reason", ""), reason);
  }
  EXPECT_EQ(
      Ask(absl::StrCat("SELECT string_agg(f.flag, ' ' ORDER BY f.bit) FROM ingest.events AS e,"
                       " ingest.event_flags AS f WHERE e.flags & (1::bigint << f.bit) <> 0"
                       " AND e.event_type = 255 AND e.user_id = '",
                       login, "'")),
      "unknown_type trust_server");

  Json many = Json::array();
  for (int i = 0; i < 5001; ++i) many.push_back(Json::object());
  EXPECT_THAT(Append(many), Refuses(400, "BATCH_TOO_LARGE"));
  EXPECT_THAT(Call(kAppend, {{"source", absl::StrCat(kProject, "/sources/shop")}}),
              Refuses(403, "SOURCE_NOT_TRUSTED"));
}

TEST_F(HostileRpc, FollowersComeWhateverShapeTheirListHas) {
  ASSERT_TRUE(Eventually(IsConnected));
  const std::string first = Fresh("follower"), second = Fresh("follower");
  Override("/cgi-bin/user/get", {{"total", "2"},
                                 {"count", "2"},
                                 {"data", {{"openid", {first, second, nullptr, 7}}}},
                                 {"next_openid", nullptr}});
  Override("/cgi-bin/user/info/batchget",
           {{"user_info_list",
             {{{"subscribe", "1"},
               {"openid", first},
               {"subscribe_time", "1700000000"},
               {"subscribe_scene", "ADD_SCENE_FROM_MARS"},
               {"unionid", "union-" + first},
               {"tagid_list", nullptr}},
              {{"subscribe", 1}, {"openid", second}, {"unionid", nullptr}, {"sex", "1"}},
              nullptr,
              {{"openid", "of-somebody-else"}, {"unionid", "stolen"}}}}});
  Json run = Sync({{"beginDay", "2026-02-01"}, {"endDay", "2026-02-01"}});
  EXPECT_EQ(run.value("state", ""), "SYNC_RUN_STATE_SUCCEEDED") << run;
  Answer person;
  EXPECT_TRUE(Eventually([&] {
    person =
        Call("identity.v1.IdentityService/Resolve",
             {{"project", kProject}, {"identifier", absl::StrCat("unionid:open1:union-", first)}});
    return person.ok();
  })) << person.body;
  EXPECT_THAT(person.body.dump(), HasSubstr(absl::StrCat("openid:", kAccount, ":", first)));
  // What nobody asked about is not believed.
  EXPECT_THAT(Call("identity.v1.IdentityService/Resolve",
                   {{"project", kProject}, {"identifier", "unionid:open1:stolen"}}),
              Refuses(404, "IDENTIFIER_UNKNOWN"));
  ClearOverrides();

  // Nulls: nobody follows. A total without a list is not believed: asked again until it is there.
  Override("/cgi-bin/user/get",
           {{"total", 0}, {"count", 0}, {"data", nullptr}, {"next_openid", nullptr}});
  run = Sync({{"beginDay", "2026-02-01"}, {"endDay", "2026-02-01"}});
  EXPECT_EQ(run.value("state", ""), "SYNC_RUN_STATE_SUCCEEDED") << run;
  ClearOverrides();
  Override("/cgi-bin/user/get", {{"total", 5}, {"count", 5}, {"data", {{"openid", nullptr}}}});
  const Answer begun = Call(kSync, {{"app", AppName(kAccount)},
                                    {"requestId", Uuid()},
                                    {"beginDay", "2026-02-01"},
                                    {"endDay", "2026-02-01"}});
  ASSERT_TRUE(begun.ok()) << begun.body;
  const std::string name = begun.body.at("syncRun").at("name");
  EXPECT_TRUE(Eventually([&] {
    return Run(name).dump().find("counts followers but lists none") != std::string::npos;
  })) << Run(name);
  ClearOverrides();
  EXPECT_TRUE(Eventually([&] {
    stack().Advance(absl::Minutes(1));
    return Run(name).value("state", "") == "SYNC_RUN_STATE_SUCCEEDED";
  })) << Run(name);

  // A batch without anybody in it: those asked about stay undescribed, and the run says so.
  Override("/cgi-bin/user/get", {{"total", 1}, {"data", {{"openid", {Fresh("follower")}}}}});
  Override("/cgi-bin/user/info/batchget", {{"user_info_list", nullptr}});
  run = Sync({{"beginDay", "2026-02-01"}, {"endDay", "2026-02-01"}});
  EXPECT_EQ(run.value("state", ""), "SYNC_RUN_STATE_SUCCEEDED") << run;
  EXPECT_THAT(run.dump(), HasSubstr("\"rowsRefused\":\"1\"")) << run;
  ClearOverrides();
}

TEST_F(HostileRpc, FiguresComeWhateverShapeTheyHave) {
  ASSERT_TRUE(Eventually(IsConnected));
  const Json day = {{"beginDay", "2026-02-03"}, {"endDay", "2026-02-03"}, {"skipRoster", true}};
  const auto row = [](const Json& source, const Json& won, const Json& lost) {
    return Json{{"ref_date", "2026-02-03"},
                {"user_source", source},
                {"new_user", won},
                {"cancel_user", lost}};
  };
  Override("/datacube/getusersummary",
           {{"list",
             {row("30", "12", "3"),
              row(9999, 7, nullptr),
              row(30, 99, 99),
              row(1e30, 1, 1),
              row(nullptr, 1e300, "many"),
              nullptr,
              "row",
              {{"user_source", 1}, {"new_user", 1}},
              {{"ref_date", "2026-02-04"}, {"user_source", 1}, {"new_user", 1}}}}});
  Override("/datacube/getusercumulate",
           {{"list", {{{"ref_date", "2026-02-03"}, {"cumulate_user", "1234"}}}}});
  Json run = Sync(day);
  EXPECT_EQ(run.value("state", ""), "SYNC_RUN_STATE_SUCCEEDED") << run;
  std::string told;
  for (const Json& found : Rows("2026-02-03")) {
    absl::StrAppend(&told, found.value("userSource", "0"), ":", found.value("newUser", "?"), ":",
                    found.value("cancelUser", "?"), " ");
  }
  // Text is a number, a channel that nobody knows is kept, the last of two rows for one channel
  // stands, what is no number is unset.
  EXPECT_THAT(told, AllOf(HasSubstr("30:99:99 "), HasSubstr("9999:7:? "), Not(HasSubstr("30:12"))));
  const Answer growth =
      Call("insight.v1.InsightService/QueryFollowerGrowth",
           {{"project", kProject}, {"beginDay", "2026-02-03"}, {"endDay", "2026-02-03"}});
  EXPECT_TRUE(growth.ok()) << growth.body;
  EXPECT_THAT(growth.body.dump(), AllOf(HasSubstr("9999"), HasSubstr("1234")));
  ClearOverrides();

  // A list that is null takes nothing away that is known.
  const Json known = Rows("2026-02-05");
  Override("/datacube/getusersummary", {{"list", nullptr}});
  Override("/datacube/getusercumulate", {{"list", nullptr}});
  run = Sync({{"beginDay", "2026-02-05"}, {"endDay", "2026-02-05"}, {"skipRoster", true}});
  EXPECT_EQ(run.value("state", ""), "SYNC_RUN_STATE_SUCCEEDED") << run;
  EXPECT_EQ(Rows("2026-02-05").size(), known.size());
  ClearOverrides();

  // A refusal is told with what to do.
  Override("/datacube/getusersummary", {{"errcode", 48001}, {"errmsg", "api unauthorized"}});
  run = Sync({{"beginDay", "2026-02-06"}, {"endDay", "2026-02-06"}, {"skipRoster", true}});
  EXPECT_EQ(run.value("state", ""), "SYNC_RUN_STATE_FAILED") << run;
  const Answer freshness =
      Call("datacube.v1.StatisticsService/GetFreshness", {{"project", kProject}});
  EXPECT_THAT(freshness.body.dump(),
              AllOf(HasSubstr("FRESHNESS_STATE_REFUSED"), HasSubstr("must be verified")));
  ClearOverrides();
}

}  // namespace
}  // namespace datong::hostile
