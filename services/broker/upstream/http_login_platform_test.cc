#include "services/broker/upstream/http_login_platform.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/http/request.h"
#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {
namespace {

using nlohmann::json;

class HttpLoginPlatformTest : public ::testing::Test {
 protected:
  static http::ClientOptions Options() {
    http::ClientOptions options;
    options.allow_private = true;
    return options;
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(5)); }
  // Answers `path` with the recorded payload of that name.
  void Record(const std::string& path, const std::string& name) {
    std::ifstream file("testdata/" + name + ".json");
    EXPECT_TRUE(file) << name;
    server_.AnswerJson(path, json::parse(file).at("response").dump());
  }
  std::string Asked(const std::string& path, const char* name) {
    return http::QueryValue(server_.requests(path).back().query, name);
  }

  http::FakeHttpServer server_;
  http::Client http_{Options()};
  metrics::Registry registry_;
  HttpLoginPlatform platform_{server_.url(), "https://open.weixin.qq.com", http_, registry_};
};

TEST_F(HttpLoginPlatformTest, PagesHaveTheirParametersInOrder) {
  WebLoginPage page;
  page.appid = "wx1";
  page.redirect_url = "https://h5.example/a?b=c";
  page.scope = "snsapi_userinfo";
  page.state = "s1";
  EXPECT_EQ(platform_.WebLoginUrl(page),
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx1&redirect_uri="
            "https%3A%2F%2Fh5.example%2Fa%3Fb%3Dc&response_type=code&scope=snsapi_userinfo&state=s1"
            "#wechat_redirect");
  page.component = "wxc";
  page.force_popup = true;
  EXPECT_NE(platform_.WebLoginUrl(page).find("&component_appid=wxc&forcePopup=true#"),
            std::string::npos);
  page.scope = "snsapi_login";
  EXPECT_EQ(platform_.WebLoginUrl(page).rfind("https://open.weixin.qq.com/connect/qrconnect?", 0),
            0u);
}

TEST_F(HttpLoginPlatformTest, CodesAreExchangedWithTheSecretOrInTheComponentsName) {
  Record("/sns/oauth2/access_token", "sns_oauth2_access_token");
  server_.AnswerJson("/sns/oauth2/access_token",
                     R"({"access_token":"t","openid":"o","scope":"s","is_snapshotuser":1})");
  server_.AnswerJson("/sns/oauth2/access_token", R"({"errcode":40163,"errmsg":"code been used"})");
  absl::StatusOr<WebAnswer> answer =
      platform_.ExchangeWebCode({"wx1", Secret("secret"), "", Secret()}, "code", soon());
  ASSERT_OK(answer);
  EXPECT_EQ(answer->openid, "OPENID");
  EXPECT_EQ(answer->unionid, "UNIONID");
  EXPECT_EQ(answer->scope, "snsapi_userinfo");
  EXPECT_EQ(answer->lifetime, absl::Seconds(7200));
  EXPECT_FALSE(answer->is_snapshot);
  EXPECT_EQ(Asked("/sns/oauth2/access_token", "secret"), "secret");
  EXPECT_EQ(Asked("/sns/oauth2/access_token", "grant_type"), "authorization_code");

  Record("/sns/oauth2/component/access_token", "sns_oauth2_component_access_token");
  ASSERT_OK(platform_.ExchangeWebCode({"wx1", Secret(), "wxc", Secret("ct")}, "code", soon()));
  EXPECT_EQ(Asked("/sns/oauth2/component/access_token", "component_access_token"), "ct");
  EXPECT_EQ(Asked("/sns/oauth2/component/access_token", "secret"), "");

  EXPECT_TRUE(
      platform_.ExchangeWebCode({"wx1", Secret("s"), "", Secret()}, "c", soon())->is_snapshot);
  EXPECT_EQ(
      ErrcodeOf(
          platform_.ExchangeWebCode({"wx1", Secret("s"), "", Secret()}, "c", soon()).status()),
      40163);
}

TEST_F(HttpLoginPlatformTest, UserTokensAreRefreshedAndReadProfiles) {
  Record("/sns/oauth2/refresh_token", "sns_oauth2_refresh_token");
  EXPECT_OK(platform_.RefreshWebToken({"wx1", Secret(), "", Secret()}, Secret("r"), soon()));
  EXPECT_EQ(Asked("/sns/oauth2/refresh_token", "refresh_token"), "r");
  Record("/sns/userinfo", "sns_userinfo");
  absl::StatusOr<WebProfileAnswer> profile =
      platform_.GetWebProfile(Secret("t"), "OPENID", "zh_CN", soon());
  ASSERT_OK(profile);
  EXPECT_EQ(profile->unionid, "o6_bmasdasdsad6_2sgVt7hMZOPfL");
  EXPECT_EQ(profile->privileges.size(), 2u);
  Record("/sns/auth", "sns_auth");
  EXPECT_OK(platform_.CheckWebToken(Secret("t"), "OPENID", soon()));
}

TEST_F(HttpLoginPlatformTest, SessionsPhonesAndPayments) {
  Record("/wxa/checksession", "wxa_checksession");
  EXPECT_OK(platform_.CheckSession(Secret("t"), "o", "sig", soon()));
  EXPECT_EQ(Asked("/wxa/checksession", "sig_method"), "hmac_sha256");
  Record("/wxa/resetusersessionkey", "wxa_resetusersessionkey");
  EXPECT_EQ(platform_.ResetSessionKey(Secret("t"), "o", "sig", soon())->Expose(), "SESSIONKEY");
  Record("/wxa/business/getuserphonenumber", "wxa_getuserphonenumber");
  absl::StatusOr<PhoneAnswer> phone = platform_.GetPhoneNumber(Secret("t"), "code", "", soon());
  ASSERT_OK(phone);
  EXPECT_EQ(phone->country_code, "86");
  EXPECT_EQ(phone->watermark_appid, "xxxx");
  EXPECT_EQ(json::parse(server_.requests("/wxa/business/getuserphonenumber").back().body),
            (json{{"code", "code"}}));
  Record("/wxa/getpaidunionid", "wxa_getpaidunionid");
  EXPECT_THAT(platform_.GetPaidUnionid(Secret("t"), "o", {"", "m", "n"}, soon()),
              IsOkAndHolds("oTmHYjg-tElZ68xxxxxxxxhy1Rgk"));
  EXPECT_EQ(Asked("/wxa/getpaidunionid", "out_trade_no"), "n");
  EXPECT_EQ(Asked("/wxa/getpaidunionid", "transaction_id"), "");
}

TEST_F(HttpLoginPlatformTest, FollowersAndMoves) {
  Record("/cgi-bin/user/info", "user_info");
  absl::StatusOr<FollowerInfo> info = platform_.GetFollower(Secret("t"), "o", soon());
  ASSERT_OK(info);
  EXPECT_TRUE(info->follows);
  EXPECT_EQ(info->unionid, "o6_bmasdasdsad6_2sgVt7hMZOPfL");
  EXPECT_EQ(info->qr_scene, "98765");
  EXPECT_EQ(info->tag_ids, (std::vector<int64_t>{128, 2}));
  Record("/cgi-bin/user/info/batchget", "user_info_batchget");
  absl::StatusOr<std::vector<FollowerInfo>> infos =
      platform_.GetFollowers(Secret("t"), {"a", "b"}, soon());
  ASSERT_OK(infos);
  EXPECT_TRUE((*infos)[0].follows);
  EXPECT_FALSE((*infos)[1].follows);
  Record("/cgi-bin/changeopenid", "changeopenid");
  absl::StatusOr<std::vector<ChangedOpenid>> changed =
      platform_.ChangeOpenids(Secret("t"), "gh_1", {"a"}, soon());
  ASSERT_OK(changed);
  EXPECT_EQ((*changed)[0].new_openid, "o2FwqwI9xCsVadFah_HtpPfaR-X4");
  EXPECT_EQ((*changed)[1].error, "ori_openid error");
  EXPECT_EQ(json::parse(server_.requests("/cgi-bin/changeopenid").back().body)["from_appid"],
            "gh_1");
}

}  // namespace
}  // namespace datong::broker
