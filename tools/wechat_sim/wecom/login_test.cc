#include "tools/wechat_sim/testing/wecom_fixture.h"

namespace datong::wechat_sim {
namespace {

class WecomLoginTest : public WecomFixture {
 protected:
  std::string Code(json body) {
    body.emplace("appid", "ww1");
    return Wecom("codes", body)["code"];
  }
  json Visit(const std::string& code, const std::string& path = "auth/getuserinfo") {
    return Get("/cgi-bin/" + path + "?code=" + code + "&access_token=" + AppToken());
  }
  json ThirdParty(const std::string& code) {
    return Get("/cgi-bin/service/auth/getuserinfo3rd?code=" + code +
               "&suite_access_token=" + SuiteToken());
  }
  std::string Add(const std::string& person) {
    return Wecom("contacts", {{"corpid", "ww1"},
                              {"change", "add_external_contact"},
                              {"userid", "lisi"},
                              {"person", person}})["external_userid"];
  }
};

TEST_F(WecomLoginTest, AMembersCodeIsGoodOnceAndForFiveMinutes) {
  const std::string code = Code({{"userid", "lisi"}});
  const json first = Visit(code);
  EXPECT_EQ(first["userid"], "lisi");
  EXPECT_FALSE(first.contains("user_ticket")) << "only with snsapi_privateinfo";
  EXPECT_EQ(ErrorOf(Visit(code)), 40029);
  const std::string late = Code({{"userid", "lisi"}});
  sim_.Advance(absl::Minutes(5));
  EXPECT_EQ(ErrorOf(Visit(late)), 40029);
}

TEST_F(WecomLoginTest, AUserTicketOpensTheDetailForHalfAnHour) {
  const json visit = Visit(Code({{"userid", "lisi"}, {"scope", "snsapi_privateinfo"}}));
  const auto detail = [&](const std::string& ticket) {
    return Post("/cgi-bin/auth/getuserdetail?access_token=" + AppToken(),
                {{"user_ticket", ticket}});
  };
  EXPECT_EQ(detail(visit["user_ticket"])["userid"], "lisi");
  EXPECT_EQ(ErrorOf(detail("")), 84090);
  EXPECT_EQ(ErrorOf(detail("x")), 84015);
  sim_.Advance(absl::Minutes(30));
  EXPECT_EQ(ErrorOf(detail(visit["user_ticket"])), 84014);
}

TEST_F(WecomLoginTest, AVisitorIsTiedToTheCustomerOnlyWhenHeIsOne) {
  EXPECT_FALSE(Visit(Code({{"person", "p1"}})).contains("external_userid"));
  const std::string id = Add("p1");
  const json visit = Visit(Code({{"person", "p1"}}));
  EXPECT_EQ(visit["external_userid"], id);
  EXPECT_FALSE(visit.contains("userid"));
  EXPECT_EQ(Visit(Code({{"person", "p1"}}))["openid"], visit["openid"]);
  EXPECT_TRUE(Visit(Code({{"person", "p1"}}), "user/getuserinfo").contains("OpenId"));
}

TEST_F(WecomLoginTest, ACodeFromAnotherDomainIsRefused) {
  Wecom("corps",
        {{"corpid", "ww1"},
         {"agents",
          {{{"agentid", 1000002}, {"secret", "corp-secret"}, {"trusted_domain", "h5.example"}}}}});
  EXPECT_EQ(ErrorOf(Visit(Code({{"userid", "lisi"}, {"domain", "evil.example"}}))), 50001);
  EXPECT_EQ(ErrorOf(Visit(Code({{"userid", "lisi"}, {"domain", "h5.example"}}))), 0);
}

TEST_F(WecomLoginTest, TheLoginPageIsWecomsWhenTheAppidIs) {
  const std::string link = "appid=ww1&response_type=code&scope=snsapi_base&state=s&redirect_uri=" +
                           http::UrlEncode("http://h5.example/back");
  const std::string page = "/connect/oauth2/authorize";
  EXPECT_THAT(Send("GET", page + "?" + link).body, ::testing::HasSubstr("企业微信登录"));
  const http::ClientResponse silent = Send("GET", page + "?" + link + "&user=lisi");
  ASSERT_EQ(silent.status, 302) << silent.body;
  const std::string location(silent.headers.Get("Location"));
  EXPECT_TRUE(absl::EndsWith(location, "&state=s"));
  EXPECT_EQ(Visit(http::QueryValue(location.substr(location.find('?') + 1), "code"))["userid"],
            "lisi");
  EXPECT_EQ(Send("POST", page, link + "&decision=refuse").headers.Get("Location"),
            "http://h5.example/back?state=s");
  EXPECT_THAT(Send("GET", page + "?appid=wxo&" + link.substr(10)).body,
              ::testing::Not(::testing::HasSubstr("企业微信登录")));
}

TEST_F(WecomLoginTest, ASuiteSeesMembersAsItsProviderDoes) {
  const json install = InstallWecomSuite(sim_, "wws1", "ww1");
  const json body = {{"appid", "wws1"}, {"corpid", "ww1"}, {"userid", "lisi"}};
  const json visit = ThirdParty(Code(body));
  EXPECT_EQ(visit["corpid"], install["corpid"]);
  EXPECT_EQ(visit["open_userid"], OpenUserid("lisi"));
  EXPECT_EQ(visit["userid"], OpenUserid("lisi"));
  EXPECT_EQ(ThirdParty(Code({{"appid", "wws1"}, {"person", "p1"}})).size(), 3u)
      << "errcode, errmsg and openid";
  EXPECT_EQ(ErrorOf(ThirdParty(Code({{"userid", "lisi"}}))), 40029) << "a code of the corp's app";
}

TEST_F(WecomLoginTest, MiniProgramsLogStaffInWithoutOpenidOrUnionid) {
  const auto login = [&](const std::string& code) {
    return Get("/cgi-bin/miniprogram/jscode2session?grant_type=authorization_code&js_code=" + code +
               "&access_token=" + AppToken());
  };
  const json own = login(Code({{"kind", "mini_program"}, {"userid", "lisi"}}));
  EXPECT_EQ(own["corpid"], "ww1");
  EXPECT_EQ(own["userid"], "lisi");
  EXPECT_FALSE(own.contains("openid"));
  EXPECT_EQ(ErrorOf(login(Code({{"userid", "lisi"}}))), 40029) << "a web code";
  AddWecomCorp(sim_, {.corpid = "ww2", .secret = "secret-2", .members = {"wangwu"}});
  const json foreign =
      login(Code({{"kind", "mini_program"}, {"corpid", "ww2"}, {"userid", "wangwu"}}));
  EXPECT_NE(foreign["userid"], "wangwu") << "encrypted";
  const std::string token = Get("/cgi-bin/gettoken?corpid=ww2&corpsecret=secret-2")["access_token"];
  EXPECT_EQ(
      Post("/cgi-bin/miniprogram/transfer_session?access_token=" + token,
           {{"userid", foreign["userid"]}, {"session_key", foreign["session_key"]}})["userid"],
      "wangwu");
}

}  // namespace
}  // namespace datong::wechat_sim
