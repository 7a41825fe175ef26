#include "services/broker/upstream/http_platform_client.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"

namespace datong::broker {
namespace {

using nlohmann::json;

// A member of one of the recorded payloads of testdata/.
std::string Recorded(const std::string& name, const std::string& member = "response") {
  std::ifstream file("testdata/" + name + ".json");
  EXPECT_TRUE(file) << name;
  return json::parse(file).at(member).dump();
}

class HttpPlatformClientTest : public ::testing::Test {
 protected:
  static http::ClientOptions Options() {
    http::ClientOptions options;
    options.allow_private = true;
    return options;
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(5)); }
  json LastBody(const std::string& path) { return json::parse(server_.requests(path).back().body); }

  http::FakeHttpServer server_;
  http::Client http_{Options()};
  metrics::Registry registry_;
  HttpPlatformClient client_{
      {server_.url(), "https://mp.weixin.qq.com", "https://open.weixin.qq.com"}, http_, registry_};
};

TEST_F(HttpPlatformClientTest, StableToken) {
  server_.AnswerJson("/cgi-bin/stable_token", Recorded("stable_token"));
  absl::StatusOr<FetchedToken> token =
      client_.FetchStableToken("wx1", Secret("secret"), false, soon());
  ASSERT_OK(token);
  EXPECT_FALSE(token->token.empty());
  EXPECT_GT(token->lifetime, absl::ZeroDuration());
  EXPECT_EQ(LastBody("/cgi-bin/stable_token"), (json{{"grant_type", "client_credential"},
                                                     {"appid", "wx1"},
                                                     {"secret", "secret"},
                                                     {"force_refresh", false}}));
}

TEST_F(HttpPlatformClientTest, ClassicToken) {
  server_.AnswerJson("/cgi-bin/token", Recorded("token"));
  absl::StatusOr<FetchedToken> token = client_.FetchClassicToken("wx1", Secret("s&s"), soon());
  ASSERT_OK(token);
  EXPECT_FALSE(token->token.empty());
  EXPECT_EQ(token->lifetime, absl::Seconds(7200));
  EXPECT_EQ(server_.requests("/cgi-bin/token")[0].query,
            "grant_type=client_credential&appid=wx1&secret=s%26s");
}

TEST_F(HttpPlatformClientTest, ComponentCallsCarryTheTokenInTheQueryAndTheDocumentedBody) {
  server_.AnswerJson("/cgi-bin/component/api_query_auth", Recorded("api_query_auth"));
  absl::StatusOr<GrantedAuthorization> granted =
      client_.QueryAuthorization("wxc", Secret("t&1"), "code@@@1", soon());
  ASSERT_OK(granted);
  EXPECT_EQ(granted->appid, "wxf8b4f85f3a794e77");
  EXPECT_EQ(granted->permission_sets, (std::vector<int32_t>{1, 2, 3}));
  EXPECT_FALSE(granted->token.refresh_token.empty());
  EXPECT_EQ(server_.requests("/cgi-bin/component/api_query_auth")[0].query,
            "component_access_token=t%261");
  EXPECT_EQ(LastBody("/cgi-bin/component/api_query_auth"),
            (json{{"component_appid", "wxc"}, {"authorization_code", "code@@@1"}}));
}

TEST_F(HttpPlatformClientTest, KindsOfAccountsAreToldApartByMiniProgramInfo) {
  const std::string path = "/cgi-bin/component/api_get_authorizer_info";
  server_.AnswerJson(path, Recorded("api_get_authorizer_info", "response_official_account"));
  server_.AnswerJson(path, Recorded("api_get_authorizer_info", "response_mini_program"));
  absl::StatusOr<AccountDetails> official =
      client_.GetAuthorizerInfo("wxc", Secret("t"), "wx1", soon());
  ASSERT_OK(official);
  EXPECT_EQ(official->kind, AppKind::kOfficialAccount);
  EXPECT_EQ(official->service_type, 2);
  EXPECT_EQ(official->verify_type, 0);
  EXPECT_EQ(official->principal_name, "腾讯计算机系统有限公司");
  EXPECT_EQ(official->refresh_token.Expose(), "refreshtoken@@@example");
  absl::StatusOr<AccountDetails> mini =
      client_.GetAuthorizerInfo("wxc", Secret("t"), "wx2", soon());
  ASSERT_OK(mini);
  EXPECT_EQ(mini->kind, AppKind::kMiniProgram);
  EXPECT_EQ(mini->verify_type, -1);
}

TEST_F(HttpPlatformClientTest, OtherAnswersAreReadAsRecorded) {
  server_.AnswerJson("/cgi-bin/component/api_component_token", Recorded("api_component_token"));
  EXPECT_OK(client_.FetchComponentToken("wxc", Secret("s"), Secret("ticket"), soon()));
  server_.AnswerJson("/cgi-bin/component/api_create_preauthcode",
                     Recorded("api_create_preauthcode"));
  EXPECT_OK(client_.CreatePreAuthCode("wxc", Secret("t"), soon()));
  server_.AnswerJson("/cgi-bin/component/api_authorizer_token", Recorded("api_authorizer_token"));
  EXPECT_OK(client_.FetchAuthorizerToken("wxc", Secret("t"), "wx1", Secret("r"), soon()));
  server_.AnswerJson("/sns/jscode2session", Recorded("sns_jscode2session"));
  EXPECT_EQ(client_.Login("wx1", Secret("s"), "code", soon())->openid,
            "o6_bmjrPTlm6_2sgVt7hMZOPfL2M");
  server_.AnswerJson("/sns/component/jscode2session", Recorded("sns_component_jscode2session"));
  EXPECT_OK(client_.LoginThroughComponent("wx1", "wxc", Secret("t"), "code", soon()));
  server_.AnswerJson("/cgi-bin/user/info/batchget", Recorded("user_info_batchget"));
  absl::StatusOr<std::vector<UserInfo>> users =
      client_.GetUsers(Secret("t"), {"otvxTs4dckWG7imySrJd6jSi0CWE"}, soon());
  ASSERT_OK(users);
  EXPECT_EQ((*users)[0].unionid, "oR5GjjgEhCMJFyzaVZdrxZ2zRRF4");
  EXPECT_EQ((*users)[1].unionid, "");
}

TEST_F(HttpPlatformClientTest, AnErrcodeIsAnErrorThatKeepsCodeAndText) {
  server_.AnswerJson("/sns/jscode2session",
                     R"({"errcode":"40029","errmsg":"invalid code rid: 1"})");
  const absl::Status status = client_.Login("wx1", Secret("s"), "code", soon()).status();
  EXPECT_EQ(ErrcodeOf(status), 40029);
  EXPECT_EQ(ErrmsgOf(status), "invalid code rid: 1");
  EXPECT_EQ(ErrorClassOf(status), wechat::ErrorClass::kLoginAgain);
}

TEST_F(HttpPlatformClientTest, ServerErrorsAndTruncatedAnswersAreUnavailable) {
  server_.AnswerJson("/cgi-bin/stable_token", "<html>502</html>", 502);
  server_.AnswerJson("/cgi-bin/stable_token", R"({"access_token":"abc)");
  server_.AnswerJson("/cgi-bin/stable_token", R"({"access_token":"abc"})");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(
        absl::IsUnavailable(client_.FetchStableToken("wx1", Secret("s"), false, soon()).status()));
  }
}

TEST_F(HttpPlatformClientTest, AProxiedCallIsPassedAsItIs) {
  server_.AnswerJson("/cgi-bin/user/get", R"({"total":0,"count":0,"next_openid":""})");
  ApiCall call;
  call.path = "/cgi-bin/user/get";
  call.query = {{"next_openid", "o&1"}};
  absl::StatusOr<ApiAnswer> answer = client_.Call(Secret("t"), call, soon());
  ASSERT_OK(answer);
  EXPECT_EQ(answer->errcode, 0);
  EXPECT_EQ(server_.requests("/cgi-bin/user/get")[0].query, "access_token=t&next_openid=o%261");
}

TEST_F(HttpPlatformClientTest, PagesForComputersAndPhones) {
  AuthorizationPage page;
  page.component = "wxc";
  page.pre_auth_code = "preauthcode@@@1";
  page.redirect_url = "https://d.example/authorize/l/callback";
  EXPECT_EQ(client_.AuthorizationPageUrl(page),
            "https://mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid=wxc"
            "&pre_auth_code=preauthcode%40%40%401"
            "&redirect_uri=https%3A%2F%2Fd.example%2Fauthorize%2Fl%2Fcallback&auth_type=3");
  page.mobile = true;
  page.biz_appid = "wx1";
  EXPECT_EQ(client_.AuthorizationPageUrl(page),
            "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1"
            "&component_appid=wxc&pre_auth_code=preauthcode%40%40%401"
            "&redirect_uri=https%3A%2F%2Fd.example%2Fauthorize%2Fl%2Fcallback&auth_type=3"
            "&biz_appid=wx1#wechat_redirect");
}

}  // namespace
}  // namespace datong::broker
