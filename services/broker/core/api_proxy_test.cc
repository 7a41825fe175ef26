#include "services/broker/core/api_proxy.h"

#include "common/time/shanghai.h"
#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class ApiProxyTest : public CoreFixture {
 protected:
  absl::StatusOr<ApiAnswer> Call(bool repeatable = true) {
    ApiCall call;
    call.method = "POST";
    call.path = "/datacube/getusersummary";
    call.json = "{}";
    return proxy_.Call("wx-own", call, repeatable, soon());
  }
  ApiProxy proxy_{{.most_tries = 3,
                   .backoff_first = absl::Milliseconds(1),
                   .backoff_longest = absl::Milliseconds(1)},
                  tokens_,
                  platform_,
                  metrics_,
                  clock_};
};

TEST_F(ApiProxyTest, AnErrcodeOfOtherClassesIsAnAnswer) {
  platform_.api_answers = {{R"({"errcode":61500,"errmsg":"date format error"})", 61500, "date"}};
  absl::StatusOr<ApiAnswer> answer = Call();
  ASSERT_OK(answer);
  EXPECT_EQ(answer->errcode, 61500);
  EXPECT_EQ(platform_.calls("Call"), 1);
}

TEST_F(ApiProxyTest, ARefusedTokenIsReplacedAndTheCallRepeatedOnce) {
  platform_.api_answers = {{"{}", 40001, "invalid"}, {R"({"ok":1})", 0, ""}};
  EXPECT_OK(Call());
  EXPECT_EQ(platform_.tokens_used, (std::vector<std::string>{"token-1", "token-2"}));
}

TEST_F(ApiProxyTest, AFreshTokenThatIsRefusedTooIsAConflict) {
  platform_.api_answers = {{"{}", 40001, "invalid"}};
  EXPECT_THAT(Call(), IsError(absl::StatusCode::kAborted, "TOKEN_CONFLICT"));
  EXPECT_EQ(platform_.calls("Call"), 2);
}

TEST_F(ApiProxyTest, AUsedUpQuotaStopsThePathUntilMidnightInShanghai) {
  platform_.api_answers = {{"{}", 45009, "reach max api daily quota limit"}, {"{}", 0, ""}};
  const absl::Status first = Call().status();
  EXPECT_THAT(first, IsError(absl::StatusCode::kResourceExhausted, "API_QUOTA_EXHAUSTED"));
  const absl::Time midnight = ShanghaiMidnight(ShanghaiDay(clock_.Now()) + 1);
  EXPECT_EQ(GetRetryDelay(first), midnight - clock_.Now());
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Call(), IsError(absl::StatusCode::kResourceExhausted, "API_QUOTA_EXHAUSTED"));
  EXPECT_EQ(platform_.calls("Call"), 1);
  clock_.Set(midnight);
  EXPECT_OK(Call());
}

TEST_F(ApiProxyTest, AMinuteLimitWaitsForTheNextMinute) {
  platform_.api_answers = {{"{}", 45011, "minute"}, {"{}", 0, ""}};
  EXPECT_THAT(Call(), IsError(absl::StatusCode::kResourceExhausted, "API_RATE_LIMITED"));
  clock_.Advance(absl::Minutes(1));
  EXPECT_OK(Call());
}

TEST_F(ApiProxyTest, ABusyPlatformIsAskedAgainWhenThatDoesNoHarm) {
  platform_.api_answers = {{"{}", -1, "system error"}, {"{}", -1, "system error"}, {"{}", 0, ""}};
  EXPECT_OK(Call());
  EXPECT_EQ(platform_.calls("Call"), 3);
}

TEST_F(ApiProxyTest, ACallThatMayNotBeRepeatedIsUnavailableAtOnce) {
  platform_.FailNext("Call", {absl::UnavailableError("reset")});
  EXPECT_THAT(Call(false), IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_EQ(platform_.calls("Call"), 1);
}

TEST_F(ApiProxyTest, PathsThatLeakOrEscapeAreRefused) {
  for (const char* path : {"", "/", "cgi-bin/user/get", "/a/../b", "/a?b=c", "/a#b", "//host/x",
                           "/cgi-bin/token", "/cgi-bin/stable_token", "/sns/jscode2session",
                           "/cgi-bin/component/api_query_auth", "/a b"}) {
    EXPECT_THAT(ApiProxy::CheckPath(path),
                IsError(absl::StatusCode::kInvalidArgument, "API_PATH_INVALID"))
        << path;
  }
  EXPECT_OK(ApiProxy::CheckPath("/cgi-bin/user/info/batchget"));
}

}  // namespace
}  // namespace datong::broker
