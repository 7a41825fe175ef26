#include "services/broker/core/api_proxy.h"

#include "common/time/shanghai.h"
#include "services/broker/testing/core_fixture.h"
#include "services/broker/testing/fake_api_usage_store.h"

namespace datong::broker {
namespace {

class ApiProxyTest : public CoreFixture {
 protected:
  absl::StatusOr<ApiAnswer> Call(bool repeatable = true) {
    ApiCall call;
    call.method = "POST";
    call.path = "/datacube/getusersummary";
    call.json = "{}";
    return proxy_.Call("wx-own", call, {.repeatable = repeatable}, soon());
  }
  absl::StatusOr<ApiAnswer> Read(absl::Duration max_age, const std::string& openid = "o1") {
    ApiCall call;
    call.path = "/cgi-bin/user/info";
    call.query = {{"openid", openid}};
    return proxy_.Call("wx-own", call, {.max_age = max_age}, soon());
  }
  bool Exports(const std::string& series) {
    return registry_.Serialize().find(series + "\n") != std::string::npos;
  }
  static ApiProxyOptions ProxyOptions() {
    ApiProxyOptions options;
    options.most_tries = 3;
    options.backoff_first = absl::Milliseconds(1);
    options.backoff_longest = absl::Milliseconds(1);
    options.breaker = {5, absl::Milliseconds(1), absl::Milliseconds(1)};
    options.conflicts = {3, absl::Minutes(1), absl::Minutes(1)};
    options.own_callers = {"datacube"};
    return options;
  }
  FakeApiUsageStore usage_store_;
  ApiMetrics api_metrics_{registry_, /*per_app=*/true};
  ApiUsage usage_{{}, usage_store_, api_metrics_, clock_};
  ApiProxy proxy_{ProxyOptions(), tokens_, platform_, usage_, api_metrics_, clock_};
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

TEST_F(ApiProxyTest, ErrorsCarryThePlatformsIdOfTheCall) {
  const std::string rid = "663b9ca2-18a1a0bf-04e2780c";
  platform_.api_answers = {{"{}", 45009, "reach max api daily quota limit rid: " + rid}};
  const std::optional<ErrorInfo> info = GetErrorInfo(Call().status());
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->metadata.at("rid"), rid);
}

TEST_F(ApiProxyTest, AnAnswerThatIsYoungEnoughComesFromMemory) {
  platform_.api_answers = {{R"({"n":1})", 0, ""}, {R"({"n":2})", 0, ""}, {R"({"n":3})", 0, ""}};
  EXPECT_FALSE(Read(absl::Minutes(1))->is_cached);
  clock_.Advance(absl::Seconds(59));
  absl::StatusOr<ApiAnswer> again = Read(absl::Minutes(1));
  EXPECT_TRUE(again->is_cached);
  EXPECT_EQ(again->json, R"({"n":1})");
  EXPECT_EQ(Read(absl::Minutes(1), "o2")->json, R"({"n":2})");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Read(absl::Minutes(1))->json, R"({"n":3})");
  EXPECT_FALSE(Read(absl::ZeroDuration())->is_cached);
  EXPECT_TRUE(Exports(R"(datong_upstream_cache_total{result="hit"} 1)"));
}

TEST_F(ApiProxyTest, FailuresAreNeverKept) {
  platform_.api_answers = {{"{}", 40003, "invalid openid"}, {R"({"n":1})", 0, ""}};
  EXPECT_EQ(Read(absl::Minutes(1))->errcode, 40003);
  EXPECT_EQ(Read(absl::Minutes(1))->json, R"({"n":1})");
}

TEST_F(ApiProxyTest, OnlyHarmlessCallsMayBeAnsweredFromMemory) {
  ApiCall call;
  call.method = "POST";
  call.path = "/cgi-bin/message/custom/send";
  EXPECT_THAT(proxy_.Call("wx-own", call, {.max_age = absl::Seconds(1)}, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "MAX_AGE_INVALID"));
  EXPECT_THAT(Read(absl::Hours(2)), IsError(absl::StatusCode::kInvalidArgument, "MAX_AGE_INVALID"));
}

TEST_F(ApiProxyTest, APathThatFailsAgainAndAgainIsAskedByProbesAlone) {
  std::vector<absl::Status> failures(6, absl::UnavailableError("reset"));
  platform_.FailNext("Call", failures);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Call(false).ok());
  EXPECT_TRUE(Exports(R"(datong_upstream_breaker_open{api="/datacube/getusersummary"} 1)"));
  // Soon a probe goes through and fails, and later one that closes the circuit.
  const Deadline deadline = Deadline::After(absl::Seconds(30));
  while (!Call(false).ok() && !deadline.Passed()) {
  }
  EXPECT_EQ(platform_.calls("Call"), 7);
  EXPECT_TRUE(Exports(R"(datong_upstream_breaker_open{api="/datacube/getusersummary"} 0)"));
  EXPECT_OK(Call(false));
}

TEST_F(ApiProxyTest, AnAppWhoseFreshTokensAreRefusedCostsNoMoreRefreshes) {
  platform_.api_answers = {{"{}", 40001, "invalid"}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Call(), IsError(absl::StatusCode::kAborted, "TOKEN_CONFLICT"));
    clock_.Advance(absl::Minutes(1));
  }
  const int calls = platform_.calls("Call");
  const absl::Status refused = Call().status();
  EXPECT_THAT(refused, IsError(absl::StatusCode::kAborted, "TOKEN_CONFLICT"));
  EXPECT_TRUE(GetRetryDelay(refused).has_value());
  EXPECT_EQ(platform_.calls("Call"), calls);
}

TEST_F(ApiProxyTest, AskedForItsQuotaThePlatformKnowsBetter) {
  for (int i = 0; i < 20; ++i) EXPECT_OK(Call());
  platform_.api_answers = {
      {R"({"errcode":0,"quota":{"daily_limit":100,"used":89,"remain":11}})", 0, "ok"},
      {"{}", 0, ""}};
  ASSERT_OK(usage_.Flush(soon()));
  proxy_.CheckQuotas(soon());
  EXPECT_TRUE(
      Exports(R"(datong_upstream_calls_limit{api="/datacube/getusersummary",app="wx-own"} 100)"));
  EXPECT_OK(Call());
  // The reserve of ten is not for other teams.
  EXPECT_THAT(Call(), IsError(absl::StatusCode::kResourceExhausted, "API_QUOTA_EXHAUSTED"));
  ApiCall call;
  call.path = "/datacube/getusersummary";
  EXPECT_EQ(proxy_.PurposeOf("datacube"), ApiPurpose::kOwn);
  EXPECT_EQ(proxy_.PurposeOf("anonymous"), ApiPurpose::kCaller);
  EXPECT_OK(proxy_.Call("wx-own", call, {.purpose = ApiPurpose::kOwn}, soon()));
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
