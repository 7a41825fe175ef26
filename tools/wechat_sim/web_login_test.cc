#include "absl/strings/str_cat.h"
#include "common/http/request.h"
#include "tools/wechat_sim/testing/simulator_fixture.h"

// The pages of web logins, and what their codes and tokens are good for.
namespace datong::wechat_sim {
namespace {

constexpr char kPage[] = "/connect/oauth2/authorize";
constexpr char kBack[] = "redirect_uri=https%3A%2F%2Fh5.example%2Fback&response_type=code";

class WebLoginTest : public SimulatorFixture {
 protected:
  void SetUp() override {
    SimulatorFixture::SetUp();
    AppSpec site;
    site.appid = "wxs";
    site.secret = "ss";
    site.kind = "web_app";
    site.open_platform_account = "open1";
    sim_.AddApp(site);
    sim_.AddUsers("wxo", {{.openid = "o1", .unionid = "u1"},
                          {.openid = "fan", .unionid = "u2", .follows = {{.from = 1700000000}}}});
    sim_.AddUsers("wxs", {{.openid = "s1", .unionid = "u1"}});
  }
  std::string Query(const std::string& appid, const std::string& scope) {
    return absl::StrCat("appid=", appid, "&", kBack, "&scope=", scope, "&state=st");
  }
  std::string Decide(const std::string& query, const std::string& user, const std::string& decision,
                     const std::string& page = kPage) {
    return std::string(
        Send("POST", page, absl::StrCat(query, "&user=", user, "&decision=", decision))
            .headers.Get("Location"));
  }
  static std::string CodeOf(const std::string& location) {
    return http::QueryValue(location.substr(location.find('?') + 1), "code");
  }
  json Exchange(const std::string& code, const std::string& appid = "wxo",
                const std::string& secret = "os") {
    return Get(absl::StrCat("/sns/oauth2/access_token?grant_type=authorization_code&appid=", appid,
                            "&secret=", secret, "&code=", code));
  }
};

TEST_F(WebLoginTest, TheBaseScopeAndFollowersPassWithoutAPage) {
  for (const char* query : {"scope=snsapi_base&user=o1", "scope=snsapi_userinfo&user=fan"}) {
    const auto answer = Send("GET", absl::StrCat(kPage, "?appid=wxo&", kBack, "&state=st&", query));
    EXPECT_EQ(answer.status, 302) << query;
    EXPECT_EQ(answer.headers.Get("Location").rfind("https://h5.example/back?code=", 0), 0u);
  }
  const auto shown =
      Send("GET", absl::StrCat(kPage, "?", Query("wxo", "snsapi_userinfo"), "&user=o1"));
  EXPECT_EQ(shown.status, 200);
  EXPECT_NE(shown.body.find("name=\"decision\""), std::string::npos);
  EXPECT_EQ(
      Send("GET", absl::StrCat(kPage, "?", Query("wxo", "snsapi_base"), "&user=o1&forcePopup=true"))
          .status,
      200);
}

TEST_F(WebLoginTest, ACodeWorksOnceAndFiveMinutes) {
  const std::string code = CodeOf(Decide(Query("wxo", "snsapi_userinfo"), "o1", "confirm"));
  EXPECT_EQ(ErrorOf(Exchange("nonsense")), 40029);
  EXPECT_EQ(ErrorOf(Exchange(code, "wxo", "wrong")), 40125);
  EXPECT_EQ(Exchange(code)["unionid"], "u1");
  EXPECT_EQ(ErrorOf(Exchange(code)), 40163);
  const std::string late = CodeOf(Decide(Query("wxo", "snsapi_base"), "o1", "confirm"));
  sim_.Advance(absl::Minutes(5));
  EXPECT_EQ(ErrorOf(Exchange(late)), 42003);
}

TEST_F(WebLoginTest, TheBaseScopeTellsNeitherUnionidNorProfile) {
  const json answer = Exchange(CodeOf(Decide(Query("wxo", "snsapi_base"), "o1", "confirm")));
  EXPECT_FALSE(answer.contains("unionid"));
  EXPECT_EQ(ErrorOf(Get("/sns/userinfo?openid=o1&access_token=" +
                        answer["access_token"].get<std::string>())),
            48001);
}

TEST_F(WebLoginTest, ARefusalComesBackWithoutACode) {
  EXPECT_EQ(Decide(Query("wxo", "snsapi_userinfo"), "o1", "refuse"),
            "https://h5.example/back?state=st");
}

TEST_F(WebLoginTest, TheSnapshotPageLogsAVirtualAccountIn) {
  const json answer = Exchange(CodeOf(Decide(Query("wxo", "snsapi_userinfo"), "o1", "snapshot")));
  EXPECT_EQ(answer["is_snapshotuser"], 1);
  EXPECT_NE(answer["openid"], "o1");
  EXPECT_NE(answer["unionid"], "u1");
}

TEST_F(WebLoginTest, WebAppsHaveAPageOfTheirOwn) {
  const std::string query = Query("wxs", "snsapi_login");
  const json answer =
      Exchange(CodeOf(Decide(query, "s1", "confirm", "/connect/qrconnect")), "wxs", "ss");
  EXPECT_EQ(answer["openid"], "s1");
  EXPECT_EQ(answer["unionid"], "u1");
  EXPECT_NE(Send("GET", absl::StrCat(kPage, "?", query)).body.find("10016"), std::string::npos);
}

TEST_F(WebLoginTest, UserTokensLiveTwoHoursAndRefreshTokensThirtyDays) {
  const json first = Exchange(CodeOf(Decide(Query("wxo", "snsapi_userinfo"), "o1", "confirm")));
  const auto profile = [this](const json& of, const char* openid = "o1") {
    return Get(absl::StrCat("/sns/userinfo?openid=", openid,
                            "&access_token=", of["access_token"].get<std::string>()));
  };
  const auto refresh = [this, &first] {
    return Get("/sns/oauth2/refresh_token?appid=wxo&grant_type=refresh_token&refresh_token=" +
               first["refresh_token"].get<std::string>());
  };
  EXPECT_EQ(profile(first)["unionid"], "u1");
  EXPECT_EQ(ErrorOf(profile(first, "fan")), 40003);
  sim_.Advance(absl::Hours(2));
  EXPECT_EQ(ErrorOf(profile(first)), 42001);
  EXPECT_EQ(profile(refresh())["unionid"], "u1");
  EXPECT_EQ(ErrorOf(Get("/sns/oauth2/refresh_token?appid=wxo&grant_type=refresh_token&"
                        "refresh_token=nonsense")),
            40030);
  sim_.Advance(absl::Hours(30 * 24));
  EXPECT_EQ(ErrorOf(refresh()), 42002);
}

TEST_F(WebLoginTest, PagesTellWhatIsWrongWithTheirLink) {
  const auto shows = [this](const std::string& query, const char* number) {
    const auto answer = Send("GET", absl::StrCat(kPage, "?", query));
    return answer.status == 200 && answer.body.find(number) != std::string::npos;
  };
  EXPECT_TRUE(shows("appid=wxo&scope=snsapi_base", "10011"));
  EXPECT_TRUE(shows(absl::StrCat("appid=wxo&", kBack), "10010"));
  EXPECT_TRUE(shows(Query("wxo", "snsapi_login"), "10005"));
  EXPECT_TRUE(shows(Query("wxm", "snsapi_base"), "10016"));
  EXPECT_TRUE(shows(Query("wxo", "snsapi_base") + "&component_appid=wxc", "10015"));
  AppSpec official;
  official.appid = "wxd";
  official.secret = "s";
  official.kind = "official_account";
  official.web_domain = "other.example";
  sim_.AddApp(official);
  EXPECT_TRUE(shows(Query("wxd", "snsapi_base"), "10003"));
}

TEST_F(WebLoginTest, APaymentTellsTheUnionidForFiveMinutesToItsPayer) {
  sim_.AddUsers("wxm", {{.openid = "m1", .unionid = "u1"}, {.openid = "m2", .unionid = "u2"}});
  Admin("/admin/payments",
        {{"appid", "wxm"}, {"openid", "m1"}, {"mch_id", "m"}, {"out_trade_no", "n"}});
  const auto ask = [this](const char* openid) {
    return Get(absl::StrCat("/wxa/getpaidunionid?mch_id=m&out_trade_no=n&openid=", openid,
                            "&access_token=", ClassicToken("wxm", "ms")));
  };
  EXPECT_EQ(ask("m1")["unionid"], "u1");
  EXPECT_EQ(ErrorOf(ask("m2")), 89300);
  EXPECT_EQ(ErrorOf(ask("nobody")), 40003);
  sim_.Advance(absl::Minutes(5));
  EXPECT_EQ(ErrorOf(ask("m1")), 89300);
}

}  // namespace
}  // namespace datong::wechat_sim
