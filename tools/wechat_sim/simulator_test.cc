#include "tools/wechat_sim/simulator.h"

#include <atomic>
#include <thread>

#include "tools/wechat_sim/testing/simulator_fixture.h"

namespace datong::wechat_sim {
namespace {

class SimulatorTest : public SimulatorFixture {
 protected:
  std::string token_;
  void UseToken() { token_ = ClassicToken("wxo", "os"); }
  json UserGet(const std::string& next = "") {
    return Get("/cgi-bin/user/get?access_token=" + token_ + "&next_openid=" + next);
  }
  json Statistics(const std::string& name, const std::string& begin, const std::string& end) {
    return Post("/datacube/" + name + "?access_token=" + token_,
                {{"begin_date", begin}, {"end_date", end}});
  }
};

TEST_F(SimulatorTest, AClassicTokenLivesFiveMinutesBesideTheNext) {
  const std::string first = ClassicToken("wxo", "os");
  const std::string second = ClassicToken("wxo", "os");
  EXPECT_GT(first.size(), 200u);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip?access_token=" + first)), 0);
  sim_.Advance(absl::Seconds(300));
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip?access_token=" + first)), 40001);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip?access_token=" + second)), 0);
  sim_.Advance(absl::Seconds(6900));
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip?access_token=" + second)), 42001);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip?access_token=x")), 40014);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip")), 41001);
}

TEST_F(SimulatorTest, AStableTokenStaysUntilItsLastFiveMinutes) {
  const json first = Stable();
  EXPECT_FALSE(first.contains("errcode"));
  sim_.Advance(absl::Seconds(6000));
  const json same = Stable();
  EXPECT_EQ(same["access_token"], first["access_token"]);
  EXPECT_NEAR(same["expires_in"].get<int>(), 1200, 2);
  sim_.Advance(absl::Seconds(950));
  const json next = Stable();
  EXPECT_NE(next["access_token"], first["access_token"]);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip?access_token=" +
                        first["access_token"].get<std::string>())),
            0);
}

TEST_F(SimulatorTest, AForcedStableTokenKillsTheOneBefore) {
  const std::string first = Stable()["access_token"];
  const std::string forced = Stable(true)["access_token"];
  EXPECT_NE(forced, first);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/getcallbackip?access_token=" + first)), 40001);
  EXPECT_EQ(Stable(true)["access_token"], forced) << "within 30 s nothing is refreshed";
  for (int i = 1; i < 20; ++i) {
    sim_.Advance(absl::Seconds(31));
    EXPECT_EQ(ErrorOf(Stable(true)), 0) << i;
  }
  sim_.Advance(absl::Seconds(31));
  EXPECT_EQ(ErrorOf(Stable(true)), 45009);
}

TEST_F(SimulatorTest, WrongCredentialsAreNamed) {
  const auto token = [this](const std::string& query) {
    return ErrorOf(Get("/cgi-bin/token?" + query));
  };
  EXPECT_EQ(token("grant_type=x&appid=wxo&secret=os"), 40002);
  EXPECT_EQ(token("grant_type=client_credential&secret=os"), 41002);
  EXPECT_EQ(token("grant_type=client_credential&appid=wxo"), 41004);
  EXPECT_EQ(token("grant_type=client_credential&appid=none&secret=os"), 40013);
  EXPECT_EQ(token("grant_type=client_credential&appid=wxo&secret=no"), 40125);
  EXPECT_EQ(token("grant_type=client_credential&appid=wxc&secret=cs"), 61024);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/stable_token")), 43002);
  EXPECT_EQ(json::parse(Send("POST", "/cgi-bin/stable_token").body)["errcode"], 44002);
  EXPECT_EQ(json::parse(Send("POST", "/cgi-bin/stable_token", "{x").body)["errcode"], 47001);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/unheard/of")), 40066);
}

TEST_F(SimulatorTest, ALoginCodeIsGoodOnceAndForFiveMinutes) {
  sim_.AddUsers("wxm", {{.openid = "o1", .unionid = "u1"}, {.openid = "ob", .blocked = true}});
  const auto login = [this](const std::string& code) {
    return Get("/sns/jscode2session?appid=wxm&secret=ms&grant_type=authorization_code&js_code=" +
               code);
  };
  const std::string code = sim_.MintJsCode("wxm", "o1");
  const json session = login(code);
  EXPECT_EQ(session["openid"], "o1");
  EXPECT_EQ(session["unionid"], "u1");
  EXPECT_EQ(ErrorOf(login(code)), 40163);
  EXPECT_EQ(ErrorOf(login("nonsense")), 40029);
  EXPECT_EQ(ErrorOf(login(sim_.MintJsCode("wxm", "ob"))), 40226);
  const std::string late = sim_.MintJsCode("wxm", "o1");
  sim_.Advance(absl::Minutes(5));
  EXPECT_EQ(ErrorOf(login(late)), 40029);
  Admin("/admin/apps", {{"appid", "wxm"}, {"open_platform_account", ""}});
  EXPECT_FALSE(login(sim_.MintJsCode("wxm", "o1")).contains("unionid"));
}

TEST_F(SimulatorTest, TheFollowerListPagesByTenThousand) {
  std::vector<UserSpec> users;
  for (int i = 0; i < 20000; ++i) {
    users.push_back({.openid = absl::StrCat("o", i),
                     .unionid = absl::StrCat("u", i),
                     .follows = {{.from = 1700000000}}});
  }
  sim_.AddUsers("wxo", users);
  UseToken();
  const json first = UserGet();
  EXPECT_EQ(first["total"], 20000);
  EXPECT_EQ(first["count"], 10000);
  EXPECT_EQ(first["next_openid"], "o9999");
  const json second = UserGet("o9999");
  EXPECT_EQ(second["data"]["openid"][0], "o10000");
  const json end = UserGet("o19999");
  EXPECT_EQ(end["count"], 0);
  EXPECT_FALSE(end.contains("data"));
  EXPECT_EQ(ErrorOf(UserGet("stranger")), 40003);
}

TEST_F(SimulatorTest, OneBadOpenidSpoilsItsBatch) {
  sim_.AddUsers("wxo", {{.openid = "o1", .unionid = "u1", .follows = {{.from = 1700000000}}},
                        {.openid = "o2", .follows = {{.from = 1700000000}}, .broken = true},
                        {.openid = "o3"}});
  UseToken();
  const auto batch = [this](const std::vector<std::string>& openids) {
    json list = json::array();
    for (const std::string& openid : openids) list.push_back({{"openid", openid}});
    return Post("/cgi-bin/user/info/batchget?access_token=" + token_, {{"user_list", list}});
  };
  EXPECT_EQ(UserGet()["total"], 2);
  const json good = batch({"o1", "o3"});
  EXPECT_EQ(good["user_info_list"][0]["unionid"], "u1");
  EXPECT_EQ(good["user_info_list"][1], (json{{"subscribe", 0}, {"openid", "o3"}}));
  EXPECT_EQ(ErrorOf(batch({"o1", "o2"})), 40003);
  EXPECT_EQ(ErrorOf(batch(std::vector<std::string>(101, "o1"))), 40032);
}

TEST_F(SimulatorTest, StatisticsAgreeWithTheFollowerList) {
  sim_.AddUsers("wxo", {{.openid = "o1", .follows = {{.from = 1700000000}}}});
  const absl::Time day = ShanghaiMidnight(absl::CivilDay(2026, 3, 3));
  sim_.SetNow(day + absl::Hours(9));
  sim_.Follow("wxo", "o2", "ADD_SCENE_QR_CODE");
  sim_.Follow("wxo", "o3", "ADD_SCENE_SEARCH");
  sim_.Unfollow("wxo", "o1");
  sim_.SetNow(day + absl::Hours(24 + 9));
  UseToken();
  const json summary = Statistics("getusersummary", "2026-03-03", "2026-03-03");
  EXPECT_EQ(summary["list"],
            json::parse(R"([{"ref_date":"2026-03-03","user_source":0,"new_user":0,"cancel_user":1},
                            {"ref_date":"2026-03-03","user_source":1,"new_user":1,"cancel_user":0},
                            {"ref_date":"2026-03-03","user_source":30,"new_user":1,"cancel_user":0}])"));
  const json cumulate = Statistics("getusercumulate", "2026-03-02", "2026-03-03");
  EXPECT_EQ(cumulate["list"][0]["cumulate_user"], 1);
  EXPECT_EQ(cumulate["list"][1]["cumulate_user"], 2);
  EXPECT_EQ(UserGet()["total"], 2);
}

TEST_F(SimulatorTest, SpansAndDatesAreChecked) {
  UseToken();
  const auto ask = [this](const std::string& begin, const std::string& end) {
    return ErrorOf(Statistics("getusersummary", begin, end));
  };
  EXPECT_EQ(ask("2026-02-23", "2026-03-01"), 0);
  EXPECT_EQ(ask("2026-02-22", "2026-03-01"), 61501);  // eight days
  EXPECT_EQ(ask("2026-03-02", "2026-03-02"), 61501);  // today
  EXPECT_EQ(ask("2026-03-01", "2026-02-28"), 61501);
  EXPECT_EQ(ask("2014-11-30", "2014-11-30"), 61501);
  EXPECT_EQ(ask("20260301", "20260301"), 61500);
  EXPECT_EQ(ask("2026-02-30", "2026-02-30"), 61500);
}

TEST_F(SimulatorTest, YesterdayIsNotReadyBeforeEight) {
  sim_.SetNow(ShanghaiMidnight(absl::CivilDay(2026, 3, 3)) + absl::Hours(7));
  UseToken();
  EXPECT_EQ(ErrorOf(Statistics("getusersummary", "2026-03-02", "2026-03-02")), 61503);
  EXPECT_EQ(ErrorOf(Statistics("getusersummary", "2026-03-01", "2026-03-01")), 0);
  Admin("/admin/settings", {{"not_ready", "empty"}});
  EXPECT_EQ(Statistics("getusersummary", "2026-03-02", "2026-03-02"),
            json::parse(R"({"list":[]})"));
  Admin("/admin/settings", {{"not_ready", "null"}});
  EXPECT_TRUE(Statistics("getusersummary", "2026-03-02", "2026-03-02")["list"].is_null());
  Admin("/admin/settings", {{"not_ready", "missing"}});
  EXPECT_EQ(Statistics("getusercumulate", "2026-03-01", "2026-03-02")["list"].size(), 1u);
}

TEST_F(SimulatorTest, FaultsComeAsScripted) {
  UseToken();
  const std::string url = "/cgi-bin/getcallbackip?access_token=" + token_;
  sim_.AddFault({.path = "/cgi-bin/getcallbackip", .kind = "errcode", .count = 2});
  EXPECT_EQ(ErrorOf(Get(url)), -1);
  EXPECT_EQ(ErrorOf(Get(url)), -1);
  EXPECT_EQ(ErrorOf(Get(url)), 0);
  sim_.AddFault({.path = "/cgi-bin/", .kind = "http", .status = 502});
  EXPECT_EQ(Send("GET", url).status, 502);
  sim_.AddFault({.path = "/cgi-bin/", .kind = "truncate"});
  EXPECT_TRUE(Get(url).is_discarded());
  sim_.AddFault({.path = "/cgi-bin/", .kind = "reset", .count = -1});
  http::ClientRequest request;
  request.url = sim_.url() + url;
  EXPECT_THAT(client_.Send(request, Deadline::After(absl::Seconds(5))),
              IsError(absl::StatusCode::kUnavailable, "HTTP_UNREACHABLE"));
  Admin("/admin/faults", json::object(), "DELETE");
  sim_.AddFault({.path = "/datacube/", .kind = "null_list", .date = "2026-02-28"});
  EXPECT_TRUE(Statistics("getusersummary", "2026-03-01", "2026-03-01")["list"].is_array());
  EXPECT_TRUE(Statistics("getusersummary", "2026-02-27", "2026-03-01")["list"].is_null());
  sim_.AddFault({.path = "/datacube/", .kind = "text_numbers"});
  EXPECT_EQ(Statistics("getusersummary", "2026-03-01", "2026-03-01")["list"][0]["new_user"], "0");
  sim_.AddFault({.path = "/cgi-bin/", .kind = "expire"});
  EXPECT_EQ(ErrorOf(Get(url)), 42001);
  EXPECT_EQ(ErrorOf(Get(url)), 42001);
}

TEST_F(SimulatorTest, AnOverrideAnswersFromAFile) {
  UseToken();
  Admin("/admin/overrides", {{"path", "/datacube/getusersummary"},
                             {"appid", "wxo"},
                             {"date", "2026-03-01"},
                             {"file", "testdata/getusersummary.community-2019-11.json"}});
  EXPECT_EQ(Statistics("getusersummary", "2026-03-01", "2026-03-01")["list"][0]["cancel_user"], 4);
  EXPECT_EQ(Statistics("getusersummary", "2026-02-28", "2026-02-28")["list"][0]["cancel_user"], 0);
  token_ = "x";
  EXPECT_EQ(ErrorOf(Statistics("getusersummary", "2026-03-01", "2026-03-01")), 40014);
}

TEST_F(SimulatorTest, QuotasEndTheDayAndCanBeCleared) {
  UseToken();
  Admin("/admin/quota", {{"appid", "wxo"}, {"path", "/cgi-bin/user/get"}, {"daily_limit", 1}});
  EXPECT_EQ(ErrorOf(UserGet()), 0);
  EXPECT_EQ(ErrorOf(UserGet()), 45009);
  const json quota = Post("/cgi-bin/openapi/quota/get?access_token=" + token_,
                          {{"cgi_path", "/cgi-bin/user/get"}});
  EXPECT_EQ(quota["quota"], (json{{"daily_limit", 1}, {"used", 1}, {"remain", 0}}));
  EXPECT_EQ(ErrorOf(Post("/cgi-bin/clear_quota?access_token=" + token_, {{"appid", "wxo"}})), 0);
  EXPECT_EQ(ErrorOf(UserGet()), 0);
}

TEST_F(SimulatorTest, AccountsOfTheWrongKindMayNot) {
  const std::string mini = ClassicToken("wxm", "ms");
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" + mini)), 48001);
  Admin("/admin/apps", {{"appid", "wxo"}, {"verified", false}});
  UseToken();
  EXPECT_EQ(ErrorOf(UserGet()), 48001);
}

TEST_F(SimulatorTest, TheClockIsReadAndMovedOverHttp) {
  const json before = Get("/admin/clock");
  const json after = Post("/admin/clock", {{"advance_s", 3600}});
  EXPECT_NEAR(after["offset_ms"].get<double>() - before["offset_ms"].get<double>(), 3.6e6, 5);
  const json set = Post("/admin/clock", {{"set", "2026-05-01T00:00:00+08:00"}});
  EXPECT_NEAR(set["now_ms"].get<double>(), 1777564800000.0, 5000);
  EXPECT_EQ(Send("POST", "/admin/clock", "{}").status, 400);
  EXPECT_EQ(Send("GET", "/admin/none").status, 404);
}

TEST_F(SimulatorTest, WhoMovesTheClockGoesOnWhenAllFollowIt) {
  std::atomic<int64_t> has_ms = Get("/admin/clock?follower=f")["offset_ms"].get<int64_t>();
  std::atomic<bool> stop = false;
  std::thread follower([&] {
    while (!stop) {
      const json clock = Get(absl::StrCat("/admin/clock?follower=f&offset_ms=", has_ms.load()));
      has_ms = clock["offset_ms"].get<int64_t>();
    }
  });
  for (int hours = 1; hours <= 20; ++hours) {
    const json moved = Post("/admin/clock", {{"advance_s", 3600}});
    EXPECT_EQ(has_ms.load(), moved["offset_ms"].get<int64_t>());
  }
  stop = true;
  follower.join();
}

TEST_F(SimulatorTest, TokensCanBeEndedAndCallsAreCounted) {
  UseToken();
  EXPECT_EQ(Admin("/admin/tokens/expire", {{"appid", "wxo"}, {"how", "invalidate"}})["tokens"], 1);
  EXPECT_EQ(ErrorOf(UserGet()), 40001);
  const json calls = Admin("/admin/calls", json::object(), "GET");
  EXPECT_EQ(calls["paths"]["/cgi-bin/user/get"]["errcodes"]["40001"], 1);
  EXPECT_EQ(calls["paths"]["/cgi-bin/token"]["apps"]["wxo"], 1);
  EXPECT_EQ(sim_.Calls("/cgi-bin/token"), 1);
  Admin("/admin/reset", json::object());
  EXPECT_EQ(Admin("/admin/apps", json::object(), "GET")["apps"].size(), 0u);
}

TEST_F(SimulatorTest, TheTruthHoldsThePopulation) {
  sim_.AddUsers("wxo", {{.openid = "o1",
                         .unionid = "u1",
                         .person = "p1",
                         .follows = {{.from = 1, .until = 2, .scene = "ADD_SCENE_WXA"}}}});
  const json truth = Admin("/admin/truth?appid=wxo", json::object(), "GET");
  EXPECT_EQ(truth["apps"]["wxo"]["users"][0],
            json::parse(R"({"openid":"o1","unionid":"u1","person":"p1",
                            "follows":[{"from":1,"until":2,"scene":"ADD_SCENE_WXA"}]})"));
  EXPECT_EQ(truth["apps"]["wxo"]["followers"], 0);
}

TEST_F(SimulatorTest, CustomerMessagesAreKept) {
  sim_.AddUsers("wxo", {{.openid = "o1"}});
  UseToken();
  const std::string url = "/cgi-bin/message/custom/send?access_token=" + token_;
  const json message = {{"touser", "o1"}, {"msgtype", "text"}, {"text", {{"content", "你好"}}}};
  EXPECT_EQ(ErrorOf(Post(url, message)), 0);
  EXPECT_EQ(ErrorOf(Post(url, {{"touser", "none"}, {"msgtype", "text"}})), 40003);
  EXPECT_EQ(Admin("/admin/messages", json::object(), "GET")["messages"][0]["body"], message);
}

}  // namespace
}  // namespace datong::wechat_sim
