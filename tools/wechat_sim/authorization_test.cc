#include "tools/wechat_sim/testing/simulator_fixture.h"

namespace datong::wechat_sim {
namespace {

class AuthorizationTest : public SimulatorFixture {
 protected:
  std::string PreAuthCode() {
    return Component("api_create_preauthcode", token_, json::object()).value("pre_auth_code", "");
  }
  std::string PageTarget(const std::string& code) {
    return "/cgi-bin/componentloginpage?component_appid=wxc&auth_type=3&pre_auth_code=" +
           http::UrlEncode(code) + "&redirect_uri=" + http::UrlEncode(kRedirect);
  }
  std::string FormBody(const std::string& code, const std::string& account,
                       const std::string& rest = "&decision=confirm") {
    return "component_appid=wxc&auth_type=3&pre_auth_code=" + http::UrlEncode(code) +
           "&redirect_uri=" + http::UrlEncode(kRedirect) + "&account=" + account + rest;
  }
  // Confirms on the page; the code of the redirect.
  std::string Authorize(const std::string& account, const std::string& rest = "&decision=confirm") {
    const http::ClientResponse response =
        Send("POST", "/cgi-bin/componentloginpage", FormBody(PreAuthCode(), account, rest));
    EXPECT_EQ(response.status, 302) << response.body;
    const std::string location(response.headers.Get("Location"));
    EXPECT_TRUE(absl::StartsWith(location, std::string(kRedirect) + "&auth_code="));
    return http::QueryValue(location.substr(location.find('?') + 1), "auth_code");
  }
  json QueryAuth(const std::string& code) {
    return Component("api_query_auth", token_, {{"authorization_code", code}});
  }
  json Refresh(const std::string& refresh_token) {
    return Component("api_authorizer_token", token_,
                     {{"authorizer_appid", "wxo"}, {"authorizer_refresh_token", refresh_token}});
  }
  std::vector<std::string> EventTypes() {
    std::vector<std::string> types;
    for (const wechat::Message& push : Pushes("/events", "wxc")) {
      if (push.Text("InfoType") != "component_verify_ticket") {
        types.emplace_back(push.Text("InfoType"));
      }
    }
    return types;
  }

  static constexpr char kRedirect[] = "http://suite.example/authorize/l1/callback?state=s";
  static constexpr char kReferer[] = "http://suite.example/authorize/l1";
  std::string token_;
};

TEST_F(AuthorizationTest, TicketsComeOnceAskedForAndByTheClock) {
  EXPECT_EQ(Post("/cgi-bin/component/api_start_push_ticket",
                 {{"component_appid", "wxc"}, {"component_secret", "cs"}})["errmsg"],
            "ok");
  const std::string first = Ticket(1);
  EXPECT_TRUE(absl::StartsWith(first, "ticket@@@"));
  EXPECT_EQ(Post("/cgi-bin/component/api_start_push_ticket",
                 {{"component_appid", "wxc"}, {"component_secret", "cs"}})["errmsg"],
            "in a normal state");
  sim_.Advance(absl::Minutes(10));
  EXPECT_NE(Ticket(2), first);
  EXPECT_EQ(ErrorOf(ComponentTokenAnswer(first)), 0) << "older tickets stay good";
  sim_.Advance(absl::Hours(12));
  EXPECT_EQ(ErrorOf(ComponentTokenAnswer(first)), 61005);
  EXPECT_EQ(ErrorOf(ComponentTokenAnswer("ticket@@@none")), 61006);
}

TEST_F(AuthorizationTest, TheWholeFlowByPageRedirectAndPush) {
  token_ = ComponentToken();
  const std::string code = PreAuthCode();
  const http::ClientResponse page = Send("GET", PageTarget(code), "", kReferer);
  EXPECT_THAT(page.body, ::testing::HasSubstr("name=\"account\" value=\"wxo\""));
  EXPECT_THAT(page.body, ::testing::HasSubstr("value=\"confirm\""));
  const std::string auth_code = Authorize("wxo");
  const json info = QueryAuth(auth_code)["authorization_info"];
  EXPECT_EQ(info["authorizer_appid"], "wxo");
  EXPECT_EQ(ErrorOf(QueryAuth(auth_code)), 61009) << "one use";
  EXPECT_EQ(EventTypes(), std::vector<std::string>{"authorized"});
  const auto pushes = Pushes("/events", "wxc");
  EXPECT_EQ(pushes.back().Text("AuthorizationCode"), auth_code);
  EXPECT_TRUE(absl::StartsWith(std::string(pushes.back().Text("PreAuthCode")), "preauthcode@@@"));

  const std::string access = info["authorizer_access_token"];
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" + access)), 0);
  const json refreshed = Refresh(info["authorizer_refresh_token"]);
  EXPECT_EQ(refreshed["authorizer_refresh_token"], info["authorizer_refresh_token"]);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" + access)), 0) << "overlap";
  sim_.Advance(absl::Seconds(300));
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" + access)), 40001);
  EXPECT_EQ(ErrorOf(Refresh("refreshtoken@@@none")), 61023);

  const json list = Component("api_get_authorizer_list", token_, {{"offset", 0}, {"count", 500}});
  EXPECT_EQ(list["total_count"], 1);
  EXPECT_EQ(list["list"][0]["refresh_token"], info["authorizer_refresh_token"]);
  EXPECT_EQ(ErrorOf(Component("api_get_authorizer_list", token_, {{"count", 501}})), 40170);
}

TEST_F(AuthorizationTest, ThePageRefusesWhatWeChatRefuses) {
  token_ = ComponentToken();
  const auto refused = [this](const std::string& target, const std::string& referer) {
    const std::string body = Send("GET", target, "", referer).body;
    return body.find("<form") == std::string::npos;
  };
  const std::string code = PreAuthCode();
  EXPECT_FALSE(refused(PageTarget(code), kReferer));
  EXPECT_TRUE(refused(PageTarget(code), ""));
  EXPECT_TRUE(refused(PageTarget(code), "http://elsewhere.example/"));
  EXPECT_TRUE(refused(PageTarget("preauthcode@@@none"), kReferer));
  Admin("/admin/apps", {{"appid", "wxc"}, {"launch_domain", "other.example"}});
  EXPECT_TRUE(refused(PageTarget(code), kReferer));
  Admin("/admin/apps", {{"appid", "wxc"}, {"launch_domain", "suite.example"}});
  EXPECT_FALSE(refused(PageTarget(code), kReferer));
  Send("POST", "/cgi-bin/componentloginpage", FormBody(code, "wxo"));
  EXPECT_TRUE(refused(PageTarget(code), kReferer)) << "used";
  const std::string old = PreAuthCode();
  sim_.Advance(absl::Minutes(30));
  EXPECT_TRUE(refused(PageTarget(old), kReferer)) << "expired";
}

TEST_F(AuthorizationTest, ARefusalRedirectsWithoutACode) {
  token_ = ComponentToken();
  const http::ClientResponse response = Send("POST", "/wxaopen/safe/bindcomponent",
                                             FormBody(PreAuthCode(), "wxo", "&decision=refuse"));
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(response.headers.Get("Location"), kRedirect);
  EXPECT_TRUE(EventTypes().empty());
}

TEST_F(AuthorizationTest, OnlyTheChosenSetsAreGranted) {
  token_ = ComponentToken();
  const json info = QueryAuth(Authorize("wxo", "&set=1&set=3&set=999&decision=confirm"));
  EXPECT_EQ(info["authorization_info"]["func_info"].size(), 2u);
  const std::string access = info["authorization_info"]["authorizer_access_token"];
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" + access)), 61007);
  EXPECT_EQ(Get("/cgi-bin/open/have?access_token=" + access)["have_open"], true);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" + token_)), 61015);
  EXPECT_EQ(ErrorOf(Component("api_create_preauthcode", access, json::object())), 61014);
}

TEST_F(AuthorizationTest, ReauthorisationKillsTheTokenBefore) {
  token_ = ComponentToken();
  const json first = QueryAuth(Authorize("wxo"))["authorization_info"];
  const json second = QueryAuth(Authorize("wxo", "&set=2&decision=confirm"))["authorization_info"];
  EXPECT_EQ(second["authorizer_refresh_token"], first["authorizer_refresh_token"]);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" +
                        first["authorizer_access_token"].get<std::string>())),
            40001);
  EXPECT_THAT(EventTypes(), ::testing::UnorderedElementsAre("authorized", "updateauthorized"));
}

TEST_F(AuthorizationTest, AfterUnauthorisingNothingWorks) {
  token_ = ComponentToken();
  const json info = QueryAuth(Authorize("wxo"))["authorization_info"];
  Admin("/admin/unauthorize", {{"component_appid", "wxc"}, {"appid", "wxo"}});
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/user/get?access_token=" +
                        info["authorizer_access_token"].get<std::string>())),
            40001);
  EXPECT_EQ(ErrorOf(Refresh(info["authorizer_refresh_token"])), 61003);
  EXPECT_THAT(EventTypes(), ::testing::UnorderedElementsAre("authorized", "unauthorized"));
  const json again = QueryAuth(Authorize("wxo"))["authorization_info"];
  EXPECT_NE(again["authorizer_refresh_token"], info["authorizer_refresh_token"]);
  EXPECT_EQ(ErrorOf(Refresh(info["authorizer_refresh_token"])), 61023);
}

TEST_F(AuthorizationTest, ARotatedRefreshTokenLivesUntilTheNewOneIsUsed) {
  Admin("/admin/apps", {{"appid", "wxc"}, {"rotate_refresh_tokens", true}});
  token_ = ComponentToken();
  const std::string first =
      QueryAuth(Authorize("wxo"))["authorization_info"]["authorizer_refresh_token"];
  const std::string second = Refresh(first)["authorizer_refresh_token"];
  EXPECT_NE(second, first);
  EXPECT_EQ(ErrorOf(Refresh(first)), 0);
  EXPECT_EQ(ErrorOf(Refresh(second)), 0);
  EXPECT_EQ(ErrorOf(Refresh(first)), 61023);
}

TEST_F(AuthorizationTest, MiniProgramsLogInThroughTheComponent) {
  token_ = ComponentToken();
  const auto login = [this](const std::string& code) {
    return Get("/sns/component/jscode2session?appid=wxm&grant_type=authorization_code&js_code=" +
               code + "&component_appid=wxc&component_access_token=" + token_);
  };
  sim_.AddUsers("wxm", {{.openid = "o1", .unionid = "u1"}});
  EXPECT_EQ(ErrorOf(login(sim_.MintJsCode("wxm", "o1"))), 61003);
  QueryAuth(Authorize("wxm"));
  const json session = login(sim_.MintJsCode("wxm", "o1"));
  EXPECT_EQ(session["openid"], "o1");
  EXPECT_EQ(session["unionid"], "u1");
}

TEST_F(AuthorizationTest, MessagesOfAnAuthorisedAccountGoToTheComponent) {
  sim_.Follow("wxo", "o1");
  EXPECT_EQ(Pushes("/own", "wxo", "otok").size(), 1u);
  token_ = ComponentToken();
  QueryAuth(Authorize("wxo"));
  Admin("/admin/follow", {{"appid", "wxo"}, {"openid", "o2"}, {"qr_scene", "shop7"}});
  const auto pushes = Pushes("/wxo/messages", "wxc");
  ASSERT_EQ(pushes.size(), 1u);
  EXPECT_EQ(pushes[0].Text("Event"), "subscribe");
  EXPECT_EQ(pushes[0].Text("EventKey"), "qrscene_shop7");
  EXPECT_EQ(pushes[0].Text("FromUserName"), "o2");
}

}  // namespace
}  // namespace datong::wechat_sim
