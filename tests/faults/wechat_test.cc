// WeChat slow, broken, or reached by a bad line, while tokens fall due.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/matchers.h"
#include "tests/faults/deep.h"
#include "tests/faults/fleet.h"
#include "tests/faults/readers.h"

namespace datong::faults {
namespace {

using ::testing::IsEmpty;

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(400);
constexpr absl::Duration kLongestBackoff = absl::Seconds(2);
constexpr char kPath[] = "/cgi-bin/stable_token";

struct Trouble {
  const char* name;
  wechat_sim::FaultSpec fault;  // of the simulator, where it has a kind
  Weather weather;              // of the way to it
  friend std::ostream& operator<<(std::ostream& out, const Trouble& t) { return out << t.name; }
};

// Of one app by one replica: a wait is half of its limit at least, and the limits double.
int64_t MostTries(absl::Duration within) {
  int64_t tries = 1;
  absl::Duration limit = kFirstBackoff;
  for (absl::Duration at; at <= within;
       at += limit / 2, limit = std::min(2 * limit, kLongestBackoff)) {
    ++tries;
  }
  return tries;
}

wechat_sim::FaultSpec Always(const char* kind, int64_t ms = 0) {
  return {.path = "/cgi-bin/", .kind = kind, .count = -1, .ms = ms};
}

class WechatTest : public ::testing::TestWithParam<Trouble> {
 protected:
  static std::string FreshTokens(Fleet& fleet) {
    return fleet.Ask(
        absl::StrCat("SELECT count(*) FROM broker.tokens WHERE expires_at > to_timestamp(",
                     absl::ToUnixSeconds(fleet.simulator().Now()), ") + interval '1 hour'"));
  }
};

TEST_P(WechatTest, OldTokensAreServedCallsStayFewAndAllIsWellAfterwards) {
  auto started = Fleet::Start(
      {.replicas = 2,
       .own_apps = 3,
       .settings = {{"broker.backoff_first", absl::FormatDuration(kFirstBackoff)},
                    {"broker.backoff_longest", absl::FormatDuration(kLongestBackoff)}}});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Readers readers(fleet, {.per_replica = 2});
  ASSERT_TRUE(readers.AwaitAnswers(200));
  ASSERT_EQ(readers.refused(), 0);

  if (!GetParam().fault.kind.empty()) fleet.simulator().AddFault(GetParam().fault);
  fleet.wechat().SetWeather(GetParam().weather);
  fleet.wechat().ResetAll();  // what is connected already knows no such line
  const int64_t before = fleet.simulator().Calls(kPath);
  const int64_t tries_before = fleet.wechat().connections();
  const absl::Time begin = absl::Now();
  ASSERT_OK(fleet.MoveClock(absl::Seconds(7000)));
  // Each app was tried again by now, wherever that is not the end of it.
  const Deadline end = Deadline::After(absl::Seconds(Deep() ? 60 : 2));
  EXPECT_TRUE(Eventually([&] { return end.Passed(); }, absl::Minutes(3)));
  EXPECT_TRUE(readers.AwaitAnswers(200));
  const int64_t calls = fleet.simulator().Calls(kPath) - before;
  const int64_t tries = fleet.wechat().connections() - tries_before;
  const absl::Duration elapsed = absl::Now() - begin;
  const int64_t most = 2 * 3 * MostTries(elapsed);
  std::cout << calls << " calls and " << tries << " connections in "
            << absl::FormatDuration(elapsed) << ", " << most << " allowed\n";
  EXPECT_LE(calls, most);
  // A client asks once more on a fresh connection where a kept one dies under it.
  EXPECT_LE(tries, 2 * most);
  EXPECT_THAT(readers.refusals(), IsEmpty());

  ASSERT_OK(fleet.simulator().Admin("DELETE", "/admin/faults"));
  fleet.wechat().SetWeather({});
  EXPECT_TRUE(Eventually([&] { return FreshTokens(fleet) == "3"; })) << fleet.replica(0).log();
  EXPECT_TRUE(readers.AwaitAnswers(100));
  const std::vector<TokenRead> reads = readers.Stop();
  EXPECT_THAT(readers.refusals(), IsEmpty());
  const auto writes = fleet.Writes();
  ASSERT_OK(writes);
  EXPECT_THAT(Violations({*writes, reads}), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Troubles, WechatTest,
    ::testing::Values(
        Trouble{"slow", Always("slow", 700), {}}, Trouble{"http_5xx", Always("http"), {}},
        Trouble{"busy", Always("errcode"), {}}, Trouble{"truncated", Always("truncate"), {}},
        Trouble{"resets_30_percent", {}, {.reset_chance = 0.3}},
        Trouble{"cut_line", {}, {.to_client = {.cut_after_bytes = 100}}},
        Trouble{"black_hole", {}, {.black_hole = true}},
        Trouble{"thin_line",
                {},
                {.to_client = {.delay = absl::Milliseconds(100), .bytes_per_second = 2000}}}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace datong::faults
