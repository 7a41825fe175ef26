#include <fstream>
#include <set>

#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/http/request.h"
#include "tools/wechat_sim/testing/shapes.h"
#include "tools/wechat_sim/testing/simulator_fixture.h"

// Each answer has the keys and types of the documents' example.
namespace datong::wechat_sim {
namespace {

json Load(const std::string& name) {
  return json::parse(std::ifstream("testdata/" + name + ".json"));
}

class ShapesTest : public SimulatorFixture {
 protected:
  void SetUp() override {
    SimulatorFixture::SetUp();
    sim_.AddUsers("wxo", {{.openid = "o1", .unionid = "u1", .follows = {{.from = 1700000000}}}});
    sim_.AddUsers("wxm", {{.openid = "m1", .unionid = "u1"}});
    component_ = ComponentToken();
    own_ = ClassicToken("wxo", "os");
  }
  json Authorized(const std::string& appid) {
    const json made = Admin("/admin/authorize", {{"component_appid", "wxc"}, {"appid", appid}});
    return Component("api_query_auth", component_, {{"authorization_code", made["auth_code"]}});
  }
  void Expect(const std::string& name, const json& answer,
              const std::vector<std::string>& known = {}) {
    EXPECT_EQ(Problems(Load(name)["response"], answer), known) << name << "\n" << answer;
  }
  std::string component_;
  std::string own_;
};

TEST_F(ShapesTest, Tokens) {
  Expect("token", Get("/cgi-bin/token?grant_type=client_credential&appid=wxo&secret=os"));
  Expect("stable_token", Stable());
}

TEST_F(ShapesTest, Components) {
  Expect("api_start_push_ticket", Post("/cgi-bin/component/api_start_push_ticket",
                                       {{"component_appid", "wxc"}, {"component_secret", "cs"}}));
  Expect("api_component_token", ComponentTokenAnswer(Ticket()));
  Expect("api_create_preauthcode", Component("api_create_preauthcode", component_, json::object()));
  const json info = Authorized("wxo");
  Expect("api_query_auth", info);
  Expect("api_authorizer_token",
         Component("api_authorizer_token", component_,
                   {{"authorizer_appid", "wxo"},
                    {"authorizer_refresh_token",
                     info["authorization_info"]["authorizer_refresh_token"]}}));
  Expect("api_get_authorizer_list",
         Component("api_get_authorizer_list", component_, {{"offset", 0}, {"count", 100}}));
  const std::string access = info["authorization_info"]["authorizer_access_token"];
  Expect("get_authorizer_option",
         Post("/cgi-bin/component/get_authorizer_option?access_token=" + own_,
              {{"option_name", "voice_recognize"}}));
  Expect("set_authorizer_option",
         Post("/cgi-bin/component/set_authorizer_option?access_token=" + own_,
              {{"option_name", "voice_recognize"}, {"option_value", "1"}}));
  Expect("component_clear_quota_v2",
         Post("/cgi-bin/component/clear_quota/v2",
              {{"appid", "wxo"}, {"component_appid", "wxc"}, {"appsecret", "cs"}}));
}

TEST_F(ShapesTest, AuthorizerInfo) {
  const json page = Load("api_get_authorizer_info");
  Authorized("wxo");
  Authorized("wxm");
  const auto info = [this](const std::string& appid) {
    return Component("api_get_authorizer_info", component_, {{"authorizer_appid", appid}});
  };
  // Documented, but not in the example of the official account.
  EXPECT_EQ(Problems(page["response_official_account"], info("wxo")),
            (std::vector<std::string>{"/authorizer_info/basic_config is extra",
                                      "/authorizer_info/signature is extra"}));
  json mini = page["response_mini_program"];
  // Only on some entries.
  mini["authorization_info"]["func_info"][0].erase("confirm_info");
  json answer = info("wxm");
  json& network = answer["authorizer_info"]["MiniProgramInfo"]["network"];
  for (auto it = network.begin(); it != network.end();) {
    it = it.key().rfind("New", 0) == 0 ? network.erase(it) : std::next(it);
  }
  EXPECT_EQ(Problems(mini, answer), std::vector<std::string>{});
}

TEST_F(ShapesTest, Logins) {
  Expect("sns_jscode2session",
         Get("/sns/jscode2session?appid=wxm&secret=ms&grant_type=authorization_code&js_code=" +
             sim_.MintJsCode("wxm", "m1")));
  Authorized("wxm");
  Expect("sns_component_jscode2session",
         Get("/sns/component/jscode2session?appid=wxm&grant_type=authorization_code&js_code=" +
             sim_.MintJsCode("wxm", "m1") +
             "&component_appid=wxc&component_access_token=" + component_));
  EXPECT_EQ(Send("GET", "/sns/jscode2session").headers.Get("Content-Type"), "text/plain");
}

// The code that the page of a web login gives to the browser.
TEST_F(ShapesTest, WebLogins) {
  const auto code = [this](const std::string& more) {
    const std::string to(
        Send("POST", "/connect/oauth2/authorize",
             "appid=wxo&redirect_uri=https%3A%2F%2Fh5.example%2F&response_type=code&"
             "scope=snsapi_userinfo&state=s&user=o1&decision=confirm" +
                 more)
            .headers.Get("Location"));
    return http::QueryValue(to.substr(to.find('?') + 1), "code");
  };
  const json answer =
      Get("/sns/oauth2/access_token?appid=wxo&secret=os&grant_type=authorization_code&code=" +
          code(""));
  Expect("sns_oauth2_access_token", answer);
  const std::string user =
      "?access_token=" + answer["access_token"].get<std::string>() + "&openid=o1";
  Expect("sns_userinfo", Get("/sns/userinfo" + user));
  Expect("sns_auth", Get("/sns/auth" + user));
  Expect("sns_oauth2_refresh_token",
         Get("/sns/oauth2/refresh_token?appid=wxo&grant_type=refresh_token&refresh_token=" +
             answer["refresh_token"].get<std::string>()));
  Authorized("wxo");
  Expect("sns_oauth2_component_access_token",
         Get("/sns/oauth2/component/access_token?appid=wxo&grant_type=authorization_code&code=" +
             code("&component_appid=wxc") +
             "&component_appid=wxc&component_access_token=" + component_));
}

TEST_F(ShapesTest, Sessions) {
  const std::string key =
      Get("/sns/jscode2session?appid=wxm&secret=ms&grant_type=authorization_code&js_code=" +
          sim_.MintJsCode("wxm", "m1"))["session_key"];
  const std::string at = "?access_token=" + ClassicToken("wxm", "ms");
  const std::string signed_by = at + "&openid=m1&sig_method=hmac_sha256&signature=";
  const std::string good = BytesToHex(crypto::HmacSha256(Secret(key), ""));
  Expect("wxa_checksession", Get("/wxa/checksession" + signed_by + good));
  Expect("wxa_resetusersessionkey", Get("/wxa/resetusersessionkey" + signed_by + good));
  EXPECT_EQ(ErrorOf(Get("/wxa/checksession" + signed_by + good)), 87009);
  const json phone =
      Admin("/admin/phone_codes", {{"appid", "wxm"}, {"openid", "m1"}, {"number", "13800000000"}});
  Expect("wxa_getuserphonenumber",
         Post("/wxa/business/getuserphonenumber" + at, {{"code", phone["code"]}}));
  const json paid = Admin("/admin/payments", {{"appid", "wxm"}, {"openid", "m1"}});
  Expect("wxa_getpaidunionid", Get("/wxa/getpaidunionid" + at + "&openid=m1&transaction_id=" +
                                   paid["transaction_id"].get<std::string>()));
  Expect("wxa_getpluginopenpid",
         Post("/wxa/getpluginopenpid" + at, {{"code", sim_.MintJsCode("wxm", "m1")}}));
}

TEST_F(ShapesTest, Moves) {
  Admin("/admin/moves", {{"appid", "wxo"},
                         {"old_appid", "wx-old"},
                         {"old_user_name", "gh_old"},
                         {"openids", {{"old1", "new1"}}}});
  const auto change = [this](const char* from) {
    return Post("/cgi-bin/changeopenid?access_token=" + own_,
                {{"from_appid", from}, {"openid_list", {"old1", "old2"}}});
  };
  json page = Load("changeopenid")["response"];
  const json answer = change("gh_old");
  EXPECT_EQ(Problems(page["result_list"][0], answer["result_list"][0]),
            (std::vector<std::string>{}));
  EXPECT_EQ(Problems(page["result_list"][1], answer["result_list"][1]),
            (std::vector<std::string>{}));
  EXPECT_EQ(ErrorOf(change("wx-old")), 0);
  EXPECT_EQ(ErrorOf(change("wx-none")), 63178);
  sim_.Advance(absl::Hours(15 * 24));
  own_ = ClassicToken("wxo", "os");
  EXPECT_EQ(ErrorOf(change("wx-old")), 63178);
}

TEST_F(ShapesTest, Followers) {
  Expect("user_get", Get("/cgi-bin/user/get?access_token=" + own_));
  Expect("user_info", Get("/cgi-bin/user/info?openid=o1&access_token=" + own_));
  Expect("user_info_batchget", Post("/cgi-bin/user/info/batchget?access_token=" + own_,
                                    {{"user_list", {{{"openid", "o1"}, {"lang", "zh_CN"}}}}}));
}

TEST_F(ShapesTest, Statistics) {
  const json range = {{"begin_date", "2026-02-24"}, {"end_date", "2026-03-01"}};
  Expect("getusersummary", Post("/datacube/getusersummary?access_token=" + own_, range));
  const json page = Load("getusercumulate")["response"];
  for (const std::string& problem :
       Problems(page, Post("/datacube/getusercumulate?access_token=" + own_, range))) {
    EXPECT_EQ(problem, "/list[]/user_source is extra") << "only what live answers have too";
  }
}

TEST_F(ShapesTest, Accounts) {
  const std::string at = "?access_token=" + own_;
  Expect("getaccountbasicinfo", Get("/cgi-bin/account/getaccountbasicinfo" + at));
  Expect("open_get", Post("/cgi-bin/open/get" + at, {{"appid", "wxo"}}));
  Expect("open_have", Get("/cgi-bin/open/have" + at));
  Admin("/admin/apps", {{"appid", "wxo"}, {"open_platform_account", ""}});
  const json made = Post("/cgi-bin/open/create" + at, {{"appid", "wxo"}});
  Expect("open_create", made);
  const json bound = {{"appid", "wxo"}, {"open_appid", made["open_appid"]}};
  Expect("open_unbind", Post("/cgi-bin/open/unbind" + at, bound));
  Expect("open_bind", Post("/cgi-bin/open/bind" + at, bound));
  EXPECT_EQ(Post("/cgi-bin/open/bind" + at, bound)["errcode"], 89000);
  Expect("getticket", Get("/cgi-bin/ticket/getticket" + at + "&type=jsapi"));
  Expect("getcallbackip", Get("/cgi-bin/getcallbackip" + at));
  Expect("get_api_domain_ip", Get("/cgi-bin/get_api_domain_ip" + at));
  Expect("openapi_quota_get",
         Post("/cgi-bin/openapi/quota/get" + at, {{"cgi_path", "/cgi-bin/message/custom/send"}}));
  Expect("clear_quota", Post("/cgi-bin/clear_quota" + at, {{"appid", "wxo"}}));
  Expect("clear_quota_v2",
         Post("/cgi-bin/clear_quota/v2", {{"appid", "wxo"}, {"appsecret", "os"}}));
}

TEST_F(ShapesTest, Pushes) {
  std::map<std::string, std::vector<std::string>> page;
  const json pushes = Load("pushes");
  for (const json& push : pushes["pushes"]) {
    page[push["id"]] = NamesOf(*wechat::ParseMessage(push["plaintext"].get<std::string>()));
  }
  sim_.Follow("wxo", "o2");
  Admin("/admin/follow", {{"appid", "wxo"}, {"openid", "o3"}, {"qr_scene", "7"}});
  sim_.Unfollow("wxo", "o2");
  sim_.Push("wxo", "o1", {{"MsgType", "text"}, {"Content", "x"}});
  sim_.Push("wxo", "o1", {{"MsgType", "event"}, {"Event", "CLICK"}, {"EventKey", "k"}});
  std::set<std::vector<std::string>> own;
  for (const auto& push : SimulatorFixture::Pushes("/own", "wxo", "otok"))
    own.insert(NamesOf(push));
  EXPECT_EQ(own,
            (std::set<std::vector<std::string>>{page["subscribe"], page["subscribe_qr"],
                                                page["unsubscribe"], page["text"], page["CLICK"]}));
  Authorized("wxo");
  Admin("/admin/authorize",
        {{"component_appid", "wxc"}, {"appid", "wxo"}, {"sets", json::array({1})}});
  Admin("/admin/unauthorize", {{"component_appid", "wxc"}, {"appid", "wxo"}});
  std::map<std::string, std::vector<std::string>> events;
  for (const auto& push : SimulatorFixture::Pushes("/events", "wxc")) {
    events[std::string(push.Text("InfoType"))] = NamesOf(push);
  }
  for (const char* type :
       {"component_verify_ticket", "authorized", "updateauthorized", "unauthorized"}) {
    EXPECT_EQ(events[type], page[type]) << type;
  }
}

}  // namespace
}  // namespace datong::wechat_sim
