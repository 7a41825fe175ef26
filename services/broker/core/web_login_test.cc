#include "services/broker/core/web_login.h"

#include "services/broker/testing/login_fixture.h"

namespace datong::broker {
namespace {

constexpr char kBrowser[] = "a-cookie-of-this-browser";

class WebLoginTest : public LoginFixture {
 protected:
  WebLoginOrder Order(WebScope scope = WebScope::kUnspecified) {
    WebLoginOrder order;
    order.redirect_url = "https://h5.example/back";
    order.scope = scope;
    order.browser_session = kBrowser;
    order.return_to = "/cart";
    return order;
  }
  std::string Begin(const std::string& appid = "wx-own", WebScope scope = WebScope::kUnspecified) {
    absl::StatusOr<WebLoginLink> link = web_.BuildUrl(AppOf(appid), Order(scope), soon());
    EXPECT_OK(link);
    return link.ok() ? link->state : "";
  }
  absl::StatusOr<WebUser> Return(const std::string& state, const std::string& code = "code",
                                 const std::string& browser = kBrowser,
                                 const std::string& appid = "wx-own") {
    return web_.LogIn(Entry(appid), {code, state, browser, false}, soon());
  }
  void GrantUserinfo() {
    users_platform_.web.scope = "snsapi_userinfo";
    users_platform_.web.unionid = "unionid-web";
    users_platform_.profile.unionid = "unionid-web";
    users_platform_.profile.nickname = "张三";
  }
};

TEST_F(WebLoginTest, TheBaseScopeTellsAnOpenidAndWhatWouldTellMore) {
  const std::string state = Begin();
  EXPECT_EQ(users_platform_.page.scope, "snsapi_base");
  absl::StatusOr<WebUser> user = Return(state);
  ASSERT_OK(user);
  EXPECT_EQ(user->user.openid, "openid-web");
  EXPECT_EQ(user->user.person, "projects/demo/persons/p1");
  EXPECT_EQ(user->user.status, UnionidStatus::kNeedsUserinfoScope);
  EXPECT_EQ(user->user.next_way, UnionidNextWay::kAskUserinfo);
  EXPECT_EQ(user->return_to, "/cart");
  EXPECT_EQ(LastEvidence().kind, "oauth.base");
}

TEST_F(WebLoginTest, TheUserinfoScopeTellsTheUnionid) {
  GrantUserinfo();
  absl::StatusOr<WebUser> user = Return(Begin("wx-own", WebScope::kUserinfo));
  ASSERT_OK(user);
  EXPECT_EQ(user->user.unionid, "unionid-web");
  EXPECT_EQ(user->user.status, UnionidStatus::kObtained);
  EXPECT_EQ(LastEvidence().kind, "oauth.userinfo");
  EXPECT_FALSE(LastEvidence().snapshot);
}

TEST_F(WebLoginTest, AUnionidThatTheTokenLacksIsReadFromTheProfile) {
  GrantUserinfo();
  users_platform_.web.unionid.clear();
  EXPECT_EQ(Return(Begin("wx-own", WebScope::kUserinfo))->user.unionid, "unionid-web");
  users_platform_.errcodes["GetWebProfile"] = -1;
  absl::StatusOr<WebUser> user = Return(Begin("wx-own", WebScope::kUserinfo));
  ASSERT_OK(user);  // the code is spent: the openid is worth keeping
  EXPECT_EQ(user->user.status, UnionidStatus::kNotTold);
}

TEST_F(WebLoginTest, AWebAppLogsInByQrCode) {
  users_platform_.web.scope = "snsapi_login";
  users_platform_.web.unionid = "unionid-web";
  const std::string state = Begin("wx-site");
  EXPECT_EQ(users_platform_.page.scope, "snsapi_login");
  absl::StatusOr<WebUser> user = Return(state, "code", kBrowser, "wx-site");
  ASSERT_OK(user);
  EXPECT_EQ(user->user.unionid, "unionid-web");
  EXPECT_EQ(LastEvidence().kind, "oauth.userinfo");
}

TEST_F(WebLoginTest, AnAccountBehindAComponentLogsInInItsName) {
  Connect();
  Begin("wx-account");
  EXPECT_EQ(users_platform_.page.component, "wx-comp");
}

TEST_F(WebLoginTest, AVirtualAccountIsNobody) {
  GrantUserinfo();
  users_platform_.web.is_snapshot = true;
  absl::StatusOr<WebUser> user = Return(Begin("wx-own", WebScope::kUserinfo));
  ASSERT_OK(user);
  EXPECT_EQ(user->user.status, UnionidStatus::kSnapshot);
  EXPECT_EQ(user->user.next_way, UnionidNextWay::kFullService);
  EXPECT_EQ(user->user.openid + user->user.unionid + user->user.person, "");
  EXPECT_TRUE(LastEvidence().snapshot);
  EXPECT_THAT(logins_.GetWebTokens("wx-own", "openid-web", soon()),
              IsError(absl::StatusCode::kNotFound, "WEB_LOGIN_UNKNOWN"));
}

TEST_F(WebLoginTest, ARefusalEndsTheLogin) {
  const std::string state = Begin();
  EXPECT_THAT(Return(state, ""), IsError(absl::StatusCode::kPermissionDenied, "USER_DECLINED"));
  EXPECT_THAT(Return(state), IsError(absl::StatusCode::kFailedPrecondition, "LOGIN_CODE_USED"));
  EXPECT_TRUE(peers_.evidence.empty());
}

TEST_F(WebLoginTest, AStateWorksOnceForItsBrowserAndAppAndTenMinutes) {
  const std::string state = Begin();
  const auto invalid = IsError(absl::StatusCode::kInvalidArgument, "LOGIN_STATE_INVALID");
  EXPECT_THAT(Return(state, "code", "the-cookie-of-another-one"), invalid);
  EXPECT_THAT(Return(state, "code", kBrowser, "wx-site"), invalid);
  EXPECT_THAT(Return("made-up-state"), invalid);
  EXPECT_EQ(users_platform_.calls["ExchangeWebCode"], 0);
  ASSERT_OK(Return(state));
  // A browser that asks twice is told so, and WeChat is not asked again.
  EXPECT_THAT(Return(state), IsError(absl::StatusCode::kFailedPrecondition, "LOGIN_CODE_USED"));
  EXPECT_EQ(users_platform_.calls["ExchangeWebCode"], 1);
  const std::string old = Begin();
  clock_.Advance(absl::Minutes(10));
  EXPECT_THAT(Return(old), invalid);
}

TEST_F(WebLoginTest, AFaultOfThePlatformLeavesTheStateToBeUsedAgain) {
  const std::string state = Begin();
  users_platform_.errcodes["ExchangeWebCode"] = -1;
  EXPECT_THAT(Return(state), IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  users_platform_.errcodes["ExchangeWebCode"] = 40029;
  EXPECT_THAT(Return(state), IsError(absl::StatusCode::kInvalidArgument, "LOGIN_CODE_INVALID"));
  users_platform_.errcodes.clear();
  EXPECT_OK(Return(state));
}

TEST_F(WebLoginTest, OrdersAreChecked) {
  const auto build = [&](const std::string& appid, const WebLoginOrder& order) {
    return web_.BuildUrl(AppOf(appid), order, soon());
  };
  const auto invalid = IsError(absl::StatusCode::kInvalidArgument, "WEB_LOGIN_INVALID");
  WebLoginOrder order = Order();
  order.redirect_url = "javascript:alert(1)";
  EXPECT_THAT(build("wx-own", order), invalid);
  order.redirect_url = "https://h5.example/ back";
  EXPECT_THAT(build("wx-own", order), invalid);
  order = Order();
  order.browser_session = "short";
  EXPECT_THAT(build("wx-own", order), invalid);
  EXPECT_THAT(build("wx-own", Order(WebScope::kLogin)), invalid);
  EXPECT_THAT(build("wx-site", Order(WebScope::kBase)), invalid);
  EXPECT_THAT(build("wx-mini", Order()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
}

TEST_F(WebLoginTest, TheTokenOfAUserIsRefreshedForThirtyDays) {
  GrantUserinfo();
  ASSERT_OK(Return(Begin("wx-own", WebScope::kUserinfo)));
  const auto get = [&] { return web_.GetUser(Entry("wx-own"), "openid-web", "zh_CN", soon()); };
  EXPECT_EQ(get()->profile->nickname, "张三");
  EXPECT_EQ(users_platform_.user_token, "user-token-1");
  clock_.Advance(absl::Hours(2));
  ASSERT_OK(get());
  EXPECT_EQ(users_platform_.user_token, "user-token-2");
  EXPECT_EQ(users_platform_.calls["RefreshWebToken"], 1);
  ASSERT_OK(web_.Check(Entry("wx-own"), "openid-web", soon()));
  clock_.Advance(absl::Hours(24 * 30));
  EXPECT_THAT(get(), IsError(absl::StatusCode::kFailedPrecondition, "WEB_LOGIN_EXPIRED"));
  EXPECT_THAT(web_.Check(Entry("wx-own"), "openid-web", soon()), IsOkAndHolds(false));
}

TEST_F(WebLoginTest, ADeadTokenAndADeadRefreshTokenAskForANewLogin) {
  GrantUserinfo();
  ASSERT_OK(Return(Begin("wx-own", WebScope::kUserinfo)));
  users_platform_.errcodes = {{"GetWebProfile", 42007}, {"RefreshWebToken", 42002}};
  EXPECT_THAT(web_.GetUser(Entry("wx-own"), "openid-web", "zh_CN", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "WEB_LOGIN_EXPIRED"));
  users_platform_.errcodes = {{"CheckWebToken", 40003}};
  EXPECT_THAT(web_.Check(Entry("wx-own"), "openid-web", soon()), IsOkAndHolds(false));
}

TEST_F(WebLoginTest, TheBaseScopeShowsNoProfile) {
  ASSERT_OK(Return(Begin()));
  EXPECT_THAT(web_.GetUser(Entry("wx-own"), "openid-web", "zh_CN", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "SCOPE_MISSING"));
  EXPECT_THAT(web_.GetUser(Entry("wx-own"), "somebody", "zh_CN", soon()),
              IsError(absl::StatusCode::kNotFound, "WEB_LOGIN_UNKNOWN"));
}

}  // namespace
}  // namespace datong::broker
