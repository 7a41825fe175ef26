#include "services/broker/core/login.h"

#include "services/broker/core/evidence.h"
#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class LoginTest : public CoreFixture {
 protected:
  absl::StatusOr<LoggedIn> LogIn(const std::string& appid = "wx-mini") {
    return login_.LogIn("demo", appid, "js-code", soon());
  }
  Login login_{{}, store_, store_, tokens_, platform_, peers_, clock_};
};

TEST_F(LoginTest, TellsIdsAndPersonAndSendsTheEvidenceOnce) {
  absl::StatusOr<LoggedIn> user = LogIn();
  ASSERT_OK(user);
  EXPECT_EQ(user->openid, "openid-1");
  EXPECT_EQ(user->unionid, "unionid-1");
  EXPECT_EQ(user->person, "projects/demo/persons/p1");
  ASSERT_EQ(peers_.evidence.size(), 1u);
  EXPECT_EQ(peers_.evidence[0].kind, "mp.code2session");
  EXPECT_EQ(store_.pending_jobs(JobKind::kEvidence), 0u);
}

TEST_F(LoginTest, WithoutIdentityTheEvidenceFollowsLater) {
  peers_.status = absl::UnavailableError("down");
  absl::StatusOr<LoggedIn> user = LogIn();
  ASSERT_OK(user);
  EXPECT_EQ(user->person, "");
  clock_.Advance(absl::Minutes(1));
  const std::vector<Job> jobs = *store_.Claim(JobKind::kEvidence, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(DecodeEvidence(jobs[0].payload)->unionid, "unionid-1");
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
  EXPECT_THAT(LogIn("wx-none"), IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
}

}  // namespace
}  // namespace datong::broker
