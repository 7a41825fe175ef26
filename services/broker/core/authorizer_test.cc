#include "services/broker/core/authorizer.h"

#include <thread>

#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class AuthorizerTest : public CoreFixture {
 protected:
  AuthorizerTest() {
    GiveTicket();
    link_ = authorizer_.CreateLink("demo", "wx-comp", AuthorizationType::kBoth, "", soon())->id;
  }
  absl::Status Push(const std::string& code) {
    return authorizer_.OnAuthorized("demo", "wx-comp", "wx-account", code, "preauthcode@@@1",
                                    soon());
  }
  std::string link_;
};

TEST_F(AuthorizerTest, TheButtonMakesACodeAndLeadsBackToTheLaunchPagesDomain) {
  absl::StatusOr<Authorizer::Beginning> beginning = authorizer_.Begin(link_, false, soon());
  ASSERT_OK(beginning);
  EXPECT_EQ(beginning->url,
            "https://page/wx-comp/preauthcode@@@1/pc?https://datong.example/authorize/" + link_ +
                "/callback");
  EXPECT_EQ(beginning->expires, clock_.Now() + absl::Seconds(1800));
}

TEST_F(AuthorizerTest, AnExpiredLinkOpensNothing) {
  clock_.Advance(absl::Hours(24 * 8));
  EXPECT_THAT(authorizer_.Begin(link_, false, soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "LINK_EXPIRED"));
  EXPECT_THAT(authorizer_.Begin("nonsense", false, soon()),
              IsError(absl::StatusCode::kNotFound, "LINK_UNKNOWN"));
}

TEST_F(AuthorizerTest, OnlyComponentsHaveLinks) {
  EXPECT_THAT(authorizer_.CreateLink("demo", "wx-own", AuthorizationType::kBoth, "", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
  EXPECT_THAT(authorizer_.CreateLink("other", "wx-comp", AuthorizationType::kBoth, "", soon()),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
}

TEST_F(AuthorizerTest, RedirectThenPushExchangeTheCodeOnce) {
  absl::StatusOr<Authorization> authorization = authorizer_.Complete(link_, "code-1", soon());
  ASSERT_OK(authorization);
  EXPECT_EQ(authorization->appid, "wx-account");
  EXPECT_EQ(authorization->nick_name, "Shop");
  EXPECT_EQ(authorization->permission_sets, (std::vector<int32_t>{1, 2}));
  EXPECT_OK(Push("code-1"));
  EXPECT_EQ(platform_.calls("QueryAuthorization"), 1);
  EXPECT_EQ(store_.GetLink(link_, soon())->appid, "wx-account");
}

TEST_F(AuthorizerTest, PushThenRedirectExchangeTheCodeOnce) {
  ASSERT_OK(authorizer_.Begin(link_, false, soon()));
  ASSERT_OK(Push("code-1"));
  EXPECT_EQ(store_.GetLink(link_, soon())->appid, "wx-account");  // found by the pre-auth code
  EXPECT_OK(authorizer_.Complete(link_, "code-1", soon()));
  EXPECT_EQ(platform_.calls("QueryAuthorization"), 1);
}

TEST_F(AuthorizerTest, RedirectAndPushAtTheSameMomentExchangeTheCodeOnce) {
  std::thread push([&] { EXPECT_OK(Push("code-1")); });
  EXPECT_OK(authorizer_.Complete(link_, "code-1", soon()));
  push.join();
  EXPECT_EQ(platform_.calls("QueryAuthorization"), 1);
}

TEST_F(AuthorizerTest, AReusedOrExpiredCodeIsToldApart) {
  platform_.FailNext("QueryAuthorization", {Errcode(61009), Errcode(61010)});
  EXPECT_THAT(authorizer_.Complete(link_, "code-1", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "AUTHORIZATION_CODE_INVALID"));
  EXPECT_THAT(authorizer_.Complete(link_, "code-2", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "AUTHORIZATION_CODE_EXPIRED"));
}

TEST_F(AuthorizerTest, APushRecoversAnAccountWhoseCodeWasSpentByACrash) {
  platform_.FailNext("QueryAuthorization", {Errcode(61009)});
  ASSERT_OK(Push("code-1"));
  EXPECT_OK(store_.GetAuthorization("demo", "wx-account", soon()));
  EXPECT_NE(tokens_.FindCached("wx-account"), nullptr);
}

TEST_F(AuthorizerTest, AuthorisingAnewReplacesBothTokensAtOnce) {
  ASSERT_OK(authorizer_.Complete(link_, "code-1", soon()));
  platform_.granted.token = {Secret("granted-2"), absl::Seconds(7200), Secret("refresh-2")};
  ASSERT_OK(Push("code-2"));
  EXPECT_EQ(tokens_.FindCached("wx-account")->token.Expose(), "granted-2");
}

TEST_F(AuthorizerTest, UnauthorizedDropsTheTokensAndTellsTheFeed) {
  ASSERT_OK(authorizer_.Complete(link_, "code-1", soon()));
  const std::string cursor = store_.ReadFeed("demo", "", 100, soon())->next_cursor;
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK(authorizer_.OnUnauthorized("wx-comp", "wx-account", clock_.Now(), soon()));
  EXPECT_THAT(tokens_.Get("wx-account", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_REVOKED"));
  const absl::StatusOr<AccountFeedPage> page = store_.ReadFeed("demo", cursor, 100, soon());
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].authorization->state, AppState::kRevoked);
}

TEST_F(AuthorizerTest, AnOldUnauthorizedDoesNotUndoANewAuthorisation) {
  const absl::Time before = clock_.Now();
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK(authorizer_.Complete(link_, "code-1", soon()));
  ASSERT_OK(authorizer_.OnUnauthorized("wx-comp", "wx-account", before, soon()));
  EXPECT_OK(tokens_.Get("wx-account", soon()));
}

TEST_F(AuthorizerTest, DetailsThatFailComeLaterAndTheFeedWaitsForThem) {
  platform_.FailNext("GetAuthorizerInfo", {absl::UnavailableError("down")});
  ASSERT_OK(authorizer_.Complete(link_, "code-1", soon()));
  EXPECT_FALSE(store_.GetAuthorization("demo", "wx-account", soon())->details_known);
  EXPECT_EQ(store_.pending_jobs(JobKind::kAuthorizerDetails), 1u);
  ASSERT_OK(authorizer_.FetchDetails("wx-account", soon()));
  EXPECT_TRUE(store_.GetAuthorization("demo", "wx-account", soon())->details_known);
}

}  // namespace
}  // namespace datong::broker
