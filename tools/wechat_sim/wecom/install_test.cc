#include <fstream>

#include "absl/strings/str_split.h"
#include "tools/wechat_sim/testing/wecom_fixture.h"

namespace datong::wechat_sim {
namespace {

class WecomInstallTest : public WecomFixture {
 protected:
  std::string PreAuthCode() {
    return Get("/cgi-bin/service/get_pre_auth_code?suite_access_token=" + SuiteToken())
        .value("pre_auth_code", "");
  }
  std::string Link(const std::string& code) {
    return "suite_id=wws1&state=s1&pre_auth_code=" + http::UrlEncode(code) +
           "&redirect_uri=" + http::UrlEncode("http://suite.example/wecom/back");
  }
  std::vector<std::string> ParameterNames(const std::string& url) {
    std::vector<std::string> names;
    for (const absl::string_view pair : absl::StrSplit(url.substr(url.find('?') + 1), '&')) {
      names.emplace_back(pair.substr(0, pair.find('=')));
    }
    return names;
  }
  std::string Location(const http::ClientResponse& response) {
    EXPECT_EQ(response.status, 302) << response.body;
    return std::string(response.headers.Get("Location"));
  }
};

TEST_F(WecomInstallTest, ATokenAskedForAgainIsTheSame) {
  const json first = Get("/cgi-bin/gettoken?corpid=WW1&corpsecret=corp-secret");
  EXPECT_EQ(first["errcode"], 0);
  sim_.Advance(absl::Hours(1));
  const json again = Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret");
  EXPECT_EQ(again["access_token"], first["access_token"]);
  EXPECT_NEAR(again["expires_in"].get<int>(), 3600, 2);
  sim_.Advance(absl::Hours(1));
  EXPECT_NE(AppToken(), first["access_token"]);
}

TEST_F(WecomInstallTest, WrongCredentialsAreNamed) {
  AddWecomCorp(sim_, {.corpid = "ww2", .secret = "other-secret"});
  const auto token = [this](const std::string& query) {
    return ErrorOf(Get("/cgi-bin/gettoken?" + query));
  };
  EXPECT_EQ(token("corpsecret=x"), 41002);
  EXPECT_EQ(token("corpid=ww1"), 41004);
  EXPECT_EQ(token("corpid=none&corpsecret=x"), 40013);
  EXPECT_EQ(token("corpid=wws1&corpsecret=suite-secret"), 40013) << "a suite is no corp";
  EXPECT_EQ(token("corpid=ww1&corpsecret=x"), 40001);
  EXPECT_EQ(token("corpid=ww1&corpsecret=other-secret"), 40091);
  const std::string error = Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=x")["errmsg"];
  EXPECT_THAT(error, ::testing::MatchesRegex("invalid credential, hint: \\[[0-9]+\\], from ip: "
                                             "127.0.0.1, more info at .*query\\?e=40001"));
  EXPECT_EQ(ErrorOf(SuiteTokenAnswer("x")), 40085);
  EXPECT_EQ(ErrorOf(SuiteTokenAnswer("x", "none")), 40083);
  EXPECT_EQ(ErrorOf(Post("/cgi-bin/service/get_suite_token", {{"suite_id", "wws1"}})), 41024);
  EXPECT_EQ(json::parse(Send("POST", "/cgi-bin/service/get_suite_token", "{x").body)["errcode"],
            47001);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/service/get_pre_auth_code")), 41022);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/service/get_pre_auth_code?suite_access_token=x")), 40082);
}

TEST_F(WecomInstallTest, TwoThousandWrongSecretsAnHourLockTheDoorForAnHour) {
  sim_.Advance(absl::Minutes(5));  // away from the change of the hour
  for (int i = 0; i < 2001; ++i) Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=x");
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret")), 45009);
  sim_.Advance(absl::Minutes(61));
  EXPECT_NE(AppToken(), "");
}

TEST_F(WecomInstallTest, ATicketLivesHalfAnHourAndTheTokenStaysTheSame) {
  const std::string first(SuitePush("suite_ticket").Text("SuiteTicket"));
  const json token = SuiteTokenAnswer(first);
  sim_.Advance(absl::Minutes(10));
  Wecom("tickets/push", {{"suite_id", "wws1"}});
  const std::string second(SuitePush("suite_ticket").Text("SuiteTicket"));
  EXPECT_NE(second, first);
  EXPECT_EQ(SuiteTokenAnswer(second)["suite_access_token"], token["suite_access_token"]);
  sim_.Advance(absl::Minutes(21));
  EXPECT_EQ(ErrorOf(SuiteTokenAnswer(first)), 40085);
}

TEST_F(WecomInstallTest, TheInstallPageGivesACodeThatIsGoodOnceAndPushesNothing) {
  const std::string code = PreAuthCode();
  EXPECT_EQ(Send("GET", "/3rdapp/install?" + Link(code)).status, 200);
  const std::string location =
      Location(Send("POST", "/3rdapp/install", Link(code) + "&corp=ww1&decision=confirm"));
  EXPECT_TRUE(absl::StartsWith(location, "http://suite.example/wecom/back?auth_code="));
  EXPECT_TRUE(absl::EndsWith(location, "&expires_in=600&state=s1"));
  const json page = json::parse(std::ifstream("wecom/testdata/install_url.json"));
  EXPECT_EQ(ParameterNames(location), ParameterNames(page["response"]["redirect"]));
  const std::string auth_code =
      http::QueryValue(location.substr(location.find('?') + 1), "auth_code");
  const json permanent = Service("v2/get_permanent_code", SuiteToken(), {{"auth_code", auth_code}});
  EXPECT_EQ(permanent["errcode"], 0);
  EXPECT_EQ(permanent["state"], "s1");
  EXPECT_FALSE(permanent.contains("access_token"));
  EXPECT_NE(permanent["auth_corp_info"]["corpid"], "ww1") << "the provider's own view";
  EXPECT_EQ(ErrorOf(Service("v2/get_permanent_code", SuiteToken(), {{"auth_code", auth_code}})),
            40078);
  EXPECT_EQ(ErrorOf(Service("v2/get_permanent_code", SuiteToken(), {{"auth_code", "short"}})),
            40058);
  for (const wechat::Message& push : SuitePushes())
    EXPECT_EQ(push.Text("InfoType"), "suite_ticket");
  EXPECT_NE(Send("POST", "/3rdapp/install", Link(code) + "&corp=ww1&decision=confirm").status, 302)
      << "a pre_auth_code is good once";
}

TEST_F(WecomInstallTest, ARefusalComesBackWithoutACode) {
  const std::string location =
      Location(Send("POST", "/3rdapp/install", Link(PreAuthCode()) + "&corp=ww1&decision=refuse"));
  EXPECT_EQ(location, "http://suite.example/wecom/back?state=s1");
}

TEST_F(WecomInstallTest, ThePageChecksItsLink) {
  Wecom("suites",
        {{"suite_id", "wws1"}, {"redirect_domain", "suite.example"}, {"is_published", false}});
  const std::string code = PreAuthCode();
  const auto page = [&](const std::string& link) {
    return Send("GET", "/3rdapp/install?" + link, "", "http://suite.example/start").body;
  };
  EXPECT_THAT(page(Link(code)), ::testing::HasSubstr("set_session_info must come first"));
  EXPECT_EQ(ErrorOf(Service("set_session_info", SuiteToken(),
                            {{"pre_auth_code", code}, {"session_info", {{"auth_type", 1}}}})),
            0);
  EXPECT_THAT(page(Link(code)), ::testing::HasSubstr("安装应用"));
  EXPECT_THAT(page(Link("x")), ::testing::HasSubstr("pre_auth_code is invalid"));
  EXPECT_THAT(Send("GET", "/3rdapp/install?" + Link(code)).body,
              ::testing::HasSubstr("must stand on suite.example"));
  sim_.Advance(absl::Minutes(20));
  EXPECT_THAT(page(Link(code)), ::testing::HasSubstr("expired"));
}

TEST_F(WecomInstallTest, FromTheMarketTheCodeIsPushed) {
  InstallWecomSuite(sim_, "wws1", "ww1");
  const wechat::Message push = SuitePush("create_auth");
  EXPECT_FALSE(push.Has("AuthCorpId")) << "the corp is learned from the code";
  const json permanent = Service("get_permanent_code", SuiteToken(),
                                 {{"auth_code", std::string(push.Text("AuthCode"))}});
  EXPECT_EQ(permanent["auth_corp_info"]["corp_name"], "ww1");
  EXPECT_NE(permanent.value("access_token", ""), "");
  const json both = {{"auth_corpid", permanent["auth_corp_info"]["corpid"]},
                     {"permanent_code", permanent["permanent_code"]}};
  const json token = Service("get_corp_token", SuiteToken(), both);
  EXPECT_EQ(token["access_token"], permanent["access_token"]);
  EXPECT_EQ(Service("get_auth_info", SuiteToken(), both)["auth_corp_info"]["corp_name"], "ww1");
  EXPECT_EQ(ErrorOf(Service("get_corp_token", SuiteToken(),
                            {{"auth_corpid", both["auth_corpid"]}, {"permanent_code", "x"}})),
            40084);
}

TEST_F(WecomInstallTest, AnUncollectedAuthCodeEndsAfterTenMinutes) {
  const json install = InstallWecomSuite(sim_, "wws1", "ww1");
  const std::string token = SuiteToken();
  sim_.Advance(absl::Minutes(10));
  EXPECT_EQ(ErrorOf(Service("v2/get_permanent_code", token, {{"auth_code", install["auth_code"]}})),
            40078);
}

TEST_F(WecomInstallTest, ACancellationKillsTheTokenAndThePermanentCode) {
  const json install = InstallWecomSuite(sim_, "wws1", "ww1");
  const json both = {{"auth_corpid", install["corpid"]},
                     {"permanent_code", install["permanent_code"]}};
  const std::string token = Service("get_corp_token", SuiteToken(), both)["access_token"];
  Wecom("cancel_auth", {{"suite_id", "wws1"}, {"corpid", "ww1"}});
  EXPECT_EQ(SuitePush("cancel_auth").Text("AuthCorpId"), install["corpid"].get<std::string>());
  EXPECT_EQ(ErrorOf(Service("get_corp_token", SuiteToken(), both)), 48004);
  EXPECT_NE(InstallWecomSuite(sim_, "wws1", "ww1")["permanent_code"], install["permanent_code"]);
  EXPECT_EQ(ErrorOf(Service("get_corp_token", SuiteToken(), both)), 40084);
}

TEST_F(WecomInstallTest, AnAgencyBuiltAppTakesItsPermanentCodeForASecret) {
  AddWecomSuite(sim_, {.suite_id = "dk1", .callback_url = receiver_.url() + "/template"});
  const json link =
      Post("/cgi-bin/service/get_customized_auth_url?provider_access_token=" + ProviderToken(),
           {{"state", "st"}, {"templateid_list", {"dk1"}}});
  const std::string url = link["qrcode_url"];
  EXPECT_EQ(Send("GET", url).status, 200);
  EXPECT_EQ(Send("POST", "/3rdapp/customized",
                 url.substr(url.find('?') + 1) + "&corp=ww1&decision=confirm")
                .status,
            200);
  const auto push = [this](const std::string& info_type) {
    return SuitePush(info_type, "/template", "dk1");
  };
  EXPECT_EQ(push("create_auth").Text("State"), "st");
  const std::string ticket(push("suite_ticket").Text("SuiteTicket"));
  const std::string suite_token = SuiteTokenAnswer(ticket, "dk1")["suite_access_token"];
  const json permanent =
      Service("get_permanent_code", suite_token,
              {{"auth_code", std::string(push("create_auth").Text("AuthCode"))}});
  EXPECT_FALSE(permanent.contains("access_token"));
  const std::string corpid = permanent["auth_corp_info"]["corpid"];
  const std::string secret = permanent["permanent_code"];
  const std::string query = "/cgi-bin/gettoken?corpid=" + corpid + "&corpsecret=";
  EXPECT_EQ(ErrorOf(Get(query + secret)), 0);
  Wecom("reset_permanent_code", {{"suite_id", "dk1"}, {"corpid", "ww1"}});
  const wechat::Message reset = push("reset_permanent_code");
  EXPECT_NE(ErrorOf(Get(query + secret)), 0);
  const json renewed = Service("get_permanent_code", suite_token,
                               {{"auth_code", std::string(reset.Text("AuthCode"))}});
  EXPECT_EQ(ErrorOf(Get(query + renewed["permanent_code"].get<std::string>())), 0);
}

TEST_F(WecomInstallTest, OnlyListedAddressesGetASuiteToken) {
  const std::string ticket(SuitePush("suite_ticket").Text("SuiteTicket"));
  Wecom("suites", {{"suite_id", "wws1"}, {"allowed_ips", {"203.0.113.7"}}});
  EXPECT_EQ(ErrorOf(SuiteTokenAnswer(ticket)), 60020);
}

TEST_F(WecomInstallTest, CallbackUrlsAreCheckedWithAnEncryptedEchostr) {
  const auto answer_as = [this](const std::string& receive_id) {
    const auto crypto =
        wechat::PushCrypto::Create(Secret(kWecomToken), Secret(kWecomAesKey), receive_id);
    receiver_.AnswerWith([crypto](const http::ServerRequest& request) {
      http::ServerResponse response;
      response.body = crypto->VerifyUrl(wechat::ParsePushQuery(request.query)).value_or("no");
      return response;
    });
  };
  answer_as("wwprovider");
  EXPECT_EQ(Wecom("verify_callback", {{"suite_id", "wws1"}})["ok"], true)
      << "a suite's URLs are checked for its provider";
  EXPECT_EQ(Wecom("verify_callback", {{"corpid", "ww1"}})["ok"], false);
  answer_as("ww1");
  EXPECT_EQ(Wecom("verify_callback", {{"corpid", "ww1"}})["ok"], true);
}

TEST_F(WecomInstallTest, OldAnswersHaveNoErrcode) {
  Wecom("settings", {{"omit_errcode", true}});
  EXPECT_FALSE(SuiteTokenAnswer(std::string(SuitePush("suite_ticket").Text("SuiteTicket")))
                   .contains("errcode"));
}

}  // namespace
}  // namespace datong::wechat_sim
