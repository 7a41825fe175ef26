#include "services/broker/core/api_usage.h"

#include <gtest/gtest.h>

#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/time/shanghai.h"
#include "services/broker/core/answer_cache.h"
#include "services/broker/core/circuit_breaker.h"
#include "services/broker/core/quota_stop.h"
#include "services/broker/testing/fake_api_usage_store.h"

namespace datong::broker {
namespace {

constexpr char kPath[] = "/cgi-bin/user/get";

class ApiUsageTest : public ::testing::Test {
 protected:
  static Deadline soon() { return Deadline::After(absl::Seconds(5)); }
  absl::Status Take(ApiUsage& usage, ApiPurpose purpose = ApiPurpose::kCaller) {
    return usage.Take("wx-a", kPath, purpose, soon());
  }
  void SetQuota(ApiUsage& usage, int64_t limit, int64_t used) {
    ASSERT_OK(usage.SetQuota({"wx-a", kPath}, {.daily_limit = limit, .used = used}, soon()));
  }
  int64_t stored() {
    const auto rows = *store_.ListUsage("wx-a", soon());
    return rows.empty() ? -1 : rows[0].used;
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  FakeApiUsageStore store_;
  metrics::Registry registry_;
  ApiMetrics metrics_{registry_, /*per_app=*/true};
  ApiUsage one_{{}, store_, metrics_, clock_};
  ApiUsage two_{{}, store_, metrics_, clock_};
};

TEST_F(ApiUsageTest, CallsOfAllReplicasAreCountedTogetherAndInBatches) {
  for (int i = 0; i < 30; ++i) EXPECT_OK(Take(one_));
  for (int i = 0; i < 12; ++i) EXPECT_OK(Take(two_));
  EXPECT_EQ(store_.adds(), 2);  // each read it once
  ASSERT_OK(one_.Flush(soon()));
  ASSERT_OK(two_.Flush(soon()));
  ASSERT_OK(two_.Flush(soon()));
  EXPECT_EQ(stored(), 42);
  EXPECT_NE(registry_.Serialize().find(
                "datong_upstream_calls_today{api=\"/cgi-bin/user/get\",app=\"wx-a\"} 42"),
            std::string::npos);
}

TEST_F(ApiUsageTest, TheReserveIsForOurOwnFunctions) {
  EXPECT_OK(Take(one_));
  ASSERT_OK(one_.Flush(soon()));
  SetQuota(one_, 100, 88);
  EXPECT_OK(Take(one_));
  EXPECT_OK(Take(one_));
  const absl::Status refused = Take(one_);
  EXPECT_THAT(refused, IsError(absl::StatusCode::kResourceExhausted, "API_QUOTA_EXHAUSTED"));
  EXPECT_EQ(GetRetryDelay(refused), ShanghaiMidnight(ShanghaiDay(clock_.Now()) + 1) - clock_.Now());
  for (int i = 0; i < 10; ++i) EXPECT_OK(Take(one_, ApiPurpose::kOwn));
  EXPECT_FALSE(Take(one_, ApiPurpose::kOwn).ok());
  clock_.Set(ShanghaiMidnight(ShanghaiDay(clock_.Now()) + 1));
  ASSERT_OK(one_.Flush(soon()));
  EXPECT_OK(Take(one_));
}

TEST_F(ApiUsageTest, AStopReachesTheOtherReplicasAndEndsWhenCallsAreLeft) {
  EXPECT_OK(Take(one_));
  EXPECT_OK(Take(two_));
  const absl::Time midnight = ShanghaiMidnight(ShanghaiDay(clock_.Now()) + 1);
  EXPECT_FALSE(one_.Stop("wx-a", kPath, {midnight, true}).ok());
  ASSERT_OK(one_.Flush(soon()));
  EXPECT_OK(Take(two_));
  ASSERT_OK(two_.Flush(soon()));
  EXPECT_THAT(Take(two_), IsError(absl::StatusCode::kResourceExhausted, "API_QUOTA_EXHAUSTED"));
  // Somebody clears the quota: the platform is asked now and then, by one replica.
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(two_.TakeChecks(soon()).size(), 1u);
  EXPECT_TRUE(one_.TakeChecks(soon()).empty());
  SetQuota(two_, 100, 0);
  EXPECT_OK(Take(two_));
}

TEST_F(ApiUsageTest, WithoutTheDatabaseCallsGoOnAndAreCountedLater) {
  store_.SetReachable(false);
  EXPECT_OK(Take(one_));
  EXPECT_OK(Take(one_));
  EXPECT_FALSE(one_.Flush(soon()).ok());
  store_.SetReachable(true);
  ASSERT_OK(one_.Flush(soon()));
  EXPECT_EQ(stored(), 2);
}

TEST_F(ApiUsageTest, AnAppHasARateAndAnInterfaceTheOneThatThePlatformTold) {
  ApiUsage slow({.app_calls_per_second = 0.001}, store_, metrics_, clock_);
  EXPECT_THAT(Take(slow), IsError(absl::StatusCode::kResourceExhausted, "API_RATE_LIMITED"));
  EXPECT_OK(Take(one_));
  ASSERT_OK(one_.Flush(soon()));
  ASSERT_OK(
      one_.SetQuota({"wx-a", kPath}, {.rate_calls = 2, .rate_period = absl::Hours(1)}, soon()));
  int passed = 0;
  while (passed < 10 && Take(one_).ok()) ++passed;
  EXPECT_EQ(passed, 2);
}

TEST_F(ApiUsageTest, ARateIsThatOfAllReplicasTogether) {
  EXPECT_OK(Take(one_));
  ASSERT_OK(one_.Flush(soon()));
  ASSERT_OK(
      one_.SetQuota({"wx-a", kPath}, {.rate_calls = 20, .rate_period = absl::Hours(9)}, soon()));
  EXPECT_OK(Take(two_));
  for (int i = 0; i < 10; ++i) EXPECT_OK(Take(one_));
  ASSERT_OK(one_.Flush(soon()));
  ASSERT_OK(two_.Flush(soon()));  // hears of ten calls of the other one, and made one itself
  int passed = 0;
  while (passed < 30 && Take(two_).ok()) ++passed;
  EXPECT_EQ(passed, 9);
}

TEST_F(ApiUsageTest, AQuotaIsAskedForAfterSomeCallsAndSeldom) {
  for (int i = 0; i < 19; ++i) EXPECT_OK(Take(one_));
  ASSERT_OK(one_.Flush(soon()));
  EXPECT_TRUE(one_.TakeChecks(soon()).empty());
  EXPECT_OK(Take(one_));
  EXPECT_EQ(one_.TakeChecks(soon()).size(), 1u);
  EXPECT_TRUE(one_.TakeChecks(soon()).empty());
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(one_.TakeChecks(soon()).size(), 1u);
}

struct StopCase {
  int errcode;
  const char* errmsg;
  const char* until;  // of Shanghai
  bool is_quota;
};
std::ostream& operator<<(std::ostream& out, const StopCase& c) {
  return out << c.errcode << " " << c.errmsg;
}
class QuotaStopTest : public ::testing::TestWithParam<StopCase> {};
TEST_P(QuotaStopTest, EndsWhenThePlatformSaysSo) {
  const absl::TimeZone zone = ShanghaiTimeZone();
  const absl::Time now = absl::FromCivil(absl::CivilSecond(2026, 11, 20, 13, 5, 30), zone);
  const ApiStop stop = StopAfter(GetParam().errcode, GetParam().errmsg, now);
  EXPECT_EQ(absl::FormatTime("%Y-%m-%d %H:%M:%S", stop.until, zone), GetParam().until);
  EXPECT_EQ(stop.is_quota, GetParam().is_quota);
}
INSTANTIATE_TEST_SUITE_P(
    Codes, QuotaStopTest,
    ::testing::Values(StopCase{45009, "reach max api daily quota limit", "2026-11-21 00:00:00",
                               true},
                      StopCase{45009, "reach max api minute quota", "2026-11-20 13:06:00", false},
                      StopCase{45011, "api minute-quota reach limit", "2026-11-20 13:06:00", false},
                      StopCase{45104, "", "2026-11-21 00:00:00", true},
                      StopCase{45040, "", "2026-12-01 00:00:00", true},
                      StopCase{48006, "", "2026-12-01 00:00:00", true},
                      StopCase{89506, "", "2026-11-21 13:05:30", true},
                      StopCase{89507, "", "2026-11-20 14:05:30", true}));

TEST(AnswerCacheTest, KeepsWithinItsRoomWhatWasUsedLast) {
  FakeClock clock(absl::FromUnixSeconds(1'700'000'000));
  AnswerCache cache(20'000, clock);
  for (int i = 0; i < 100; ++i) {
    cache.Put(std::to_string(i), {std::string(500, 'x'), 0, ""});
    EXPECT_TRUE(cache.Find("0", absl::Hours(1)).has_value());
    EXPECT_LE(cache.bytes(), 20'000u);
  }
  EXPECT_FALSE(cache.Find("1", absl::Hours(1)).has_value());
  cache.Put("large", {std::string(2'000, 'x'), 0, ""});
  EXPECT_FALSE(cache.Find("large", absl::Hours(1)).has_value());
}

TEST(CircuitBreakerTest, OneProbeDecidesForAll) {
  CircuitBreaker breaker({2, absl::Milliseconds(1), absl::Milliseconds(1)});
  using Outcome = CircuitBreaker::Outcome;
  breaker.Leave("a", Outcome::kBad);
  breaker.Leave("a", Outcome::kGood);
  breaker.Leave("a", Outcome::kBad);
  EXPECT_EQ(breaker.Enter("a"), absl::ZeroDuration());
  breaker.Leave("a", Outcome::kBad);
  EXPECT_EQ(breaker.Enter("b"), absl::ZeroDuration());
  const Deadline deadline = Deadline::After(absl::Seconds(30));
  while (breaker.Enter("a") > absl::ZeroDuration() && !deadline.Passed()) {
  }
  EXPECT_GT(breaker.Enter("a"), absl::ZeroDuration());  // while the probe is under way
  breaker.Leave("a", Outcome::kGood);
  EXPECT_EQ(breaker.Enter("a"), absl::ZeroDuration());
}

}  // namespace
}  // namespace datong::broker
