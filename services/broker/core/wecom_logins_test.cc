#include "services/broker/core/wecom_logins.h"

#include <gmock/gmock.h>

#include "services/broker/testing/wecom_fixture.h"

namespace datong::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WecomLoginsTest : public WecomFixture {
 protected:
  WecomLogins logins_{directory_, store_, store_, broker_, wecom_, wecom_, sender_, clock_};
};

TEST_F(WecomLoginsTest, AVisitorWhoIsACustomerIsAPersonByBothIds) {
  wecom_.visitor.openid = "o1";
  wecom_.visitor.external_userid = "wm1";
  absl::StatusOr<WecomLoggedIn> user = logins_.LogInWeb("demo", "ww1", "code", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->person, "projects/demo/persons/p1");
  ASSERT_EQ(peers_.evidence.size(), 1u);
  EXPECT_EQ(peers_.evidence[0].kind, "wecom.oauth_userinfo");
  EXPECT_THAT(peers_.evidence[0].other_ids, ElementsAre("wopenid:ww1:o1", "ext:ww1/self:wm1"));
  EXPECT_EQ(store_.pending_jobs(JobKind::kEvidence), 0u);
}

TEST_F(WecomLoginsTest, ThroughASuiteTheOpenidIsTheProviders) {
  GiveSuiteTicket();
  wecom_.visitor.openid = "o1";
  ASSERT_OK(logins_.LogInWeb("demo", "wws1", "code", soon()));
  EXPECT_THAT(peers_.evidence.at(0).other_ids, ElementsAre("wopenid:wwprov:o1"));
}

TEST_F(WecomLoginsTest, StaffAreToldAsSuchAndNeverBecomePersons) {
  wecom_.visitor.userid = "zhangsan";
  absl::StatusOr<WecomLoggedIn> user = logins_.LogInWeb("demo", "ww1", "code", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->visitor.userid, "zhangsan");
  EXPECT_EQ(user->person, "");
  ASSERT_OK(logins_.LogInMiniProgram("demo", "ww1", "js", soon()));
  EXPECT_THAT(peers_.evidence, IsEmpty());
}

TEST_F(WecomLoginsTest, AMemberWhoLetThemBeToldHasDetailsAndIsLoggedInWithoutThem) {
  wecom_.visitor.userid = "zhangsan";
  EXPECT_FALSE(logins_.LogInWeb("demo", "ww1", "code", soon())->details.has_value());
  wecom_.visitor.user_ticket = Secret("ticket-1");
  EXPECT_EQ(logins_.LogInWeb("demo", "ww1", "code", soon())->details->mobile, "mobile-by-ticket-1");
  wecom_.failures["GetStaffDetails"] = {FakeWecomPlatform::Errcode(84014)};
  const absl::StatusOr<WecomLoggedIn> user = logins_.LogInWeb("demo", "ww1", "code", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->visitor.userid, "zhangsan");
  EXPECT_FALSE(user->details.has_value());
}

TEST_F(WecomLoginsTest, AnEncryptedMemberIsTheirOwnCorpsOnceItKnowsTheMiniProgram) {
  GiveSuiteTicket();
  wecom_.staff = {"ww1", "wmEncrypted", "", Secret("key-1")};
  ASSERT_OK(logins_.LogInMiniProgram("demo", "wws1", "js", soon()));
  const auto transfer = [&](const std::string& userid) {
    return logins_.TransferSession("demo", "ww1", "wws1", {"ww1", userid}, soon());
  };
  EXPECT_THAT(transfer("wmEncrypted"), IsOkAndHolds("plain-wmEncrypted"));
  EXPECT_EQ(store_.GetSession("ww1", {"ww1", "plain-wmEncrypted"}, soon())->Expose(),
            "plain-key-1");
  EXPECT_THAT(transfer("nobody"), IsError(absl::StatusCode::kNotFound, "SESSION_UNKNOWN"));
  EXPECT_THAT(logins_.TransferSession("demo", "wws1", "wws1", {"ww1", "wmEncrypted"}, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
}

TEST_F(WecomLoginsTest, WithoutIdentityTheEvidenceOfASpentCodeIsKept) {
  wecom_.visitor.openid = "o1";
  peers_.status = absl::UnavailableError("down");
  absl::StatusOr<WecomLoggedIn> user = logins_.LogInWeb("demo", "ww1", "code", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->person, "");
  EXPECT_EQ(store_.pending_jobs(JobKind::kEvidence), 1u);
}

TEST_F(WecomLoginsTest, RefusalsAreTheBrokersOwnErrors) {
  wecom_.failures["GetVisitor"] = {FakeWecomPlatform::Errcode(40029),
                                   FakeWecomPlatform::Errcode(45009),
                                   FakeWecomPlatform::Errcode(-1)};
  EXPECT_THAT(logins_.LogInWeb("demo", "ww1", "code", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "LOGIN_CODE_INVALID"));
  EXPECT_THAT(logins_.LogInWeb("demo", "ww1", "code", soon()),
              IsError(absl::StatusCode::kResourceExhausted, "API_RATE_LIMITED"));
  EXPECT_THAT(logins_.LogInWeb("demo", "ww1", "code", soon()),
              IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_THAT(logins_.LogInWeb("demo", "wx-mini", "code", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
  EXPECT_THAT(logins_.LogInWeb("other", "ww1", "code", soon()),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
}

TEST_F(WecomLoginsTest, TheLoginPageIsTheCorpsOrTheSuites) {
  WecomLoginPage page;
  page.redirect_url = "https://shop.example/cb";
  EXPECT_THAT(logins_.MakeUrl("demo", "ww1", page, soon()),
              IsOkAndHolds("https://login/ww1?https://shop.example/cb"));
  page.state = "a-b";
  EXPECT_THAT(logins_.MakeUrl("demo", "ww1", page, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "REDIRECT_INVALID"));
}

}  // namespace
}  // namespace datong::broker
