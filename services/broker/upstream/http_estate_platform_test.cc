#include "services/broker/upstream/http_estate_platform.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"

namespace datong::broker {
namespace {

using nlohmann::json;

TEST(HttpEstatePlatformTest, AListIsReadAsRecordedAndATokenMayBeMissing) {
  const std::string path = "/cgi-bin/component/api_get_authorizer_list";
  http::FakeHttpServer server;
  http::ClientOptions options;
  options.allow_private = true;
  http::Client http(options);
  metrics::Registry registry;
  HttpEstatePlatform platform(server.url(), http, registry);
  json page = json::parse(std::ifstream("testdata/api_get_authorizer_list.json"))["response"];
  page["list"][1].erase("refresh_token");
  server.AnswerJson(path, page.dump());
  absl::StatusOr<AuthorizerListPage> answer =
      platform.ListAuthorizers("wxc", Secret("c"), 500, Deadline::After(absl::Seconds(5)));
  ASSERT_OK(answer);
  EXPECT_EQ(answer->total, 33);
  ASSERT_EQ(answer->authorizers.size(), 2u);
  EXPECT_EQ(answer->authorizers[0].appid, "authorizer_appid_1");
  EXPECT_EQ(answer->authorizers[0].refresh_token.Expose(), "refresh_token_1");
  EXPECT_EQ(answer->authorizers[0].authorized, absl::FromUnixSeconds(1558000607));
  EXPECT_TRUE(answer->authorizers[1].refresh_token.empty());
  EXPECT_EQ(json::parse(server.requests(path)[0].body),
            (json{{"component_appid", "wxc"}, {"offset", 500}, {"count", 500}}));
}

}  // namespace
}  // namespace datong::broker
