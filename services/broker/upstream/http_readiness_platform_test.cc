#include "services/broker/upstream/http_readiness_platform.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {
namespace {

using nlohmann::json;

std::string Recorded(const std::string& name, const std::string& member = "response") {
  return json::parse(std::ifstream("testdata/" + name + ".json")).at(member).dump();
}

class HttpReadinessPlatformTest : public ::testing::Test {
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
  HttpReadinessPlatform platform_{server_.url(), http_, registry_};
};

TEST_F(HttpReadinessPlatformTest, BasicsAreReadAsRecorded) {
  server_.AnswerJson("/cgi-bin/account/getaccountbasicinfo", Recorded("getaccountbasicinfo"));
  absl::StatusOr<AccountBasics> basics = platform_.GetBasics(Secret("t"), soon());
  ASSERT_OK(basics);
  EXPECT_EQ(basics->principal_name, "深圳市腾讯计算机系统有限公司");
  EXPECT_EQ(basics->principal_type, 1);
  EXPECT_EQ(basics->customer_type, 1);
  EXPECT_EQ(basics->realname_status, 1);
  EXPECT_TRUE(basics->qualification_verified);
}

TEST_F(HttpReadinessPlatformTest, BasicsAreAskedByPostWhereGetIsRefused) {
  server_.AnswerWith([](const http::ServerRequest& request) {
    http::ServerResponse response;
    response.body = request.method == "GET" ? R"({"errcode":43002,"errmsg":"require POST"})"
                                            : Recorded("getaccountbasicinfo");
    return response;
  });
  EXPECT_OK(platform_.GetBasics(Secret("t"), soon()));
}

TEST_F(HttpReadinessPlatformTest, ProfilesOfBothKindsAreReadAsRecorded) {
  const std::string path = "/cgi-bin/component/api_get_authorizer_info";
  server_.AnswerJson(path, Recorded("api_get_authorizer_info", "response_mini_program"));
  absl::StatusOr<AccountProfile> mini = platform_.GetProfile("wxc", Secret("c"), "wxm", soon());
  ASSERT_OK(mini);
  EXPECT_EQ(mini->kind, AppKind::kMiniProgram);
  EXPECT_FALSE(mini->request_domains.empty());
  EXPECT_FALSE(mini->permission_sets.empty());
  EXPECT_EQ(LastBody(path), (json{{"component_appid", "wxc"}, {"authorizer_appid", "wxm"}}));
}

TEST_F(HttpReadinessPlatformTest, BindingsAreReadAsRecorded) {
  server_.AnswerJson("/cgi-bin/open/have", Recorded("open_have"));
  server_.AnswerJson("/cgi-bin/open/get", Recorded("open_get"));
  EXPECT_TRUE(*platform_.IsBound(Secret("t"), soon()));
  EXPECT_EQ(*platform_.GetOpenAccount(Secret("t"), "wx1", soon()), "appid_value");
  EXPECT_EQ(LastBody("/cgi-bin/open/get"), (json{{"appid", "wx1"}}));
}

TEST_F(HttpReadinessPlatformTest, AnAccountThatIsBoundToNoneIsAnErrcode) {
  server_.AnswerJson("/cgi-bin/open/get", R"({"errcode":89002,"errmsg":"open not exists"})");
  EXPECT_EQ(ErrcodeOf(platform_.GetOpenAccount(Secret("t"), "wx1", soon()).status()), 89002);
}

TEST_F(HttpReadinessPlatformTest, QuotaAndAddressesAreReadAsRecorded) {
  server_.AnswerJson("/cgi-bin/openapi/quota/get", Recorded("openapi_quota_get"));
  server_.AnswerJson("/cgi-bin/getcallbackip", Recorded("getcallbackip"));
  absl::StatusOr<QuotaLeft> quota =
      platform_.GetQuota(Secret("t"), "/cgi-bin/message/custom/send", soon());
  ASSERT_OK(quota);
  EXPECT_EQ(quota->daily_limit, 500000);
  EXPECT_EQ(quota->remain, 499988);
  EXPECT_EQ(LastBody("/cgi-bin/openapi/quota/get"),
            (json{{"cgi_path", "/cgi-bin/message/custom/send"}}));
  EXPECT_EQ(platform_.GetCallbackAddresses(Secret("t"), soon())->front(), "106.55.206.146");
}

}  // namespace
}  // namespace datong::broker
