#include "services/broker/core/login.h"

#include "services/broker/core/evidence.h"
#include "services/broker/testing/login_fixture.h"

namespace datong::broker {
namespace {

class LoginTest : public LoginFixture {
 protected:
  absl::StatusOr<KnownUser> LogIn(const std::string& appid = "wx-mini") {
    return login_.LogIn(Entry(appid), "js-code", soon());
  }
};

TEST_F(LoginTest, TellsIdsAndPersonAndSendsTheEvidenceOnce) {
  absl::StatusOr<KnownUser> user = LogIn();
  ASSERT_OK(user);
  EXPECT_EQ(user->openid, "openid-1");
  EXPECT_EQ(user->unionid, "unionid-1");
  EXPECT_EQ(user->person, "projects/demo/persons/p1");
  EXPECT_EQ(user->status, UnionidStatus::kObtained);
  EXPECT_EQ(user->next_way, UnionidNextWay::kNone);
  ASSERT_EQ(peers_.evidence.size(), 1u);
  EXPECT_EQ(LastEvidence().kind, "mp.code2session");
  EXPECT_EQ(store_.pending_jobs(JobKind::kEvidence), 0u);
  EXPECT_OK(logins_.GetSession("wx-mini", "openid-1", soon()));
}

TEST_F(LoginTest, WithoutAUnionidTheNextWayToItIsTold) {
  platform_.login.unionid.clear();
  EXPECT_EQ(LogIn()->next_way, UnionidNextWay::kDecrypt);
  EXPECT_EQ(LogIn()->status, UnionidStatus::kNotTold);
  AppEntry unbound = Entry("wx-mini");
  unbound.app.open_platform_account.clear();
  absl::StatusOr<KnownUser> user = login_.LogIn(unbound, "js-code", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->status, UnionidStatus::kNotBound);
  EXPECT_EQ(user->next_way, UnionidNextWay::kBindApp);
  platform_.login.unionid = "unionid-1";
  EXPECT_EQ(login_.LogIn(unbound, "js-code", soon())->next_way, UnionidNextWay::kNameAccount);
}

TEST_F(LoginTest, EveryNextWayHasWordsInBothLanguages) {
  for (int way = 2; way <= 7; ++way) {
    EXPECT_STRNE(NextStepInEnglish(static_cast<UnionidNextWay>(way)), "") << way;
    EXPECT_STRNE(NextStepInChinese(static_cast<UnionidNextWay>(way)), "") << way;
  }
}

TEST_F(LoginTest, WithoutIdentityTheEvidenceFollowsLater) {
  peers_.status = absl::UnavailableError("down");
  absl::StatusOr<KnownUser> user = LogIn();
  ASSERT_OK(user);
  EXPECT_EQ(user->person, "");
  const std::vector<Job> jobs = *store_.Claim(JobKind::kEvidence, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(DecodeEvidence(jobs[0].payload)->unionid, "unionid-1");
}

TEST_F(LoginTest, ALoginThatCannotBeStoredIsNotAnswered) {
  const AppEntry entry = Entry("wx-mini");
  peers_.status = absl::UnavailableError("down");
  store_.SetReachable(false);
  EXPECT_FALSE(login_.LogIn(entry, "js-code", soon()).ok());
}

TEST_F(LoginTest, AMiniProgramBehindAComponentAsksWithItsToken) {
  platform_.details.kind = AppKind::kMiniProgram;
  Connect();
  ASSERT_OK(LogIn("wx-account"));
  EXPECT_EQ(platform_.calls("LoginThroughComponent"), 1);
  EXPECT_EQ(peers_.evidence[0].kind, "mp.component_jscode2session");
}

TEST_F(LoginTest, RefusalsAreToldApart) {
  struct Case {
    int errcode;
    absl::StatusCode code;
    const char* reason;
  };
  for (const Case& one : {Case{40029, absl::StatusCode::kInvalidArgument, "LOGIN_CODE_INVALID"},
                          Case{40163, absl::StatusCode::kFailedPrecondition, "LOGIN_CODE_USED"},
                          Case{42003, absl::StatusCode::kInvalidArgument, "LOGIN_CODE_INVALID"},
                          Case{40226, absl::StatusCode::kPermissionDenied, "USER_BLOCKED"},
                          Case{45011, absl::StatusCode::kResourceExhausted, "API_RATE_LIMITED"},
                          Case{40125, absl::StatusCode::kFailedPrecondition, "APP_BAD_CONFIG"},
                          Case{-1, absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"}}) {
    platform_.FailNext("Login", {Errcode(one.errcode)});
    EXPECT_THAT(LogIn(), IsError(one.code, one.reason)) << one.errcode;
  }
  EXPECT_THAT(LogIn("wx-own"), IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
  EXPECT_THAT(cache_.Get("demo", "wx-none", soon()),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
  EXPECT_THAT(cache_.Get("other", "wx-mini", soon()),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
}

}  // namespace
}  // namespace datong::broker
