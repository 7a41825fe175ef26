// Processes that die at any instant, and come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/matchers.h"
#include "tests/faults/deep.h"
#include "tests/faults/fleet.h"
#include "tests/faults/readers.h"

namespace datong::faults {
namespace {

using ::testing::IsEmpty;

// Tokens of before are still good for 200 s, or over.
constexpr absl::Duration kDue = absl::Seconds(7000);
constexpr absl::Duration kOver = absl::Seconds(7300);

int64_t RefreshCalls(Fleet& fleet) {
  return fleet.simulator().Calls("/cgi-bin/stable_token") +
         fleet.simulator().Calls("/cgi-bin/component/api_component_token") +
         fleet.simulator().Calls("/cgi-bin/component/api_authorizer_token");
}

// What everybody sees once all is quiet: each replica serves each token, and no app was lost.
void ExpectAllWell(Fleet& fleet, Readers& readers) {
  EXPECT_TRUE(readers.AwaitAnswers(static_cast<int64_t>(100 * fleet.size())));
  EXPECT_EQ(fleet.Ask("SELECT string_agg(appid || ' ' || state_detail, ', ') FROM broker.apps "
                      "WHERE state <> 1"),
            "");
  const std::vector<TokenRead> reads = readers.Stop();
  const auto writes = fleet.Writes();
  ASSERT_OK(writes);
  EXPECT_THAT(Violations({*writes, reads}), IsEmpty());
}

TEST(KillTest, RandomProcessesDieUnderLoadAndNoTokenIsLost) {
  auto started = Fleet::Start({.replicas = 3, .own_apps = 3, .authorizers = 2});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Readers readers(fleet, {.per_replica = 2});
  std::mt19937 random(20'26);
  const Deadline end = Deadline::After(absl::Minutes(5));
  int deaths = 0;
  absl::Duration slowest;
  for (int round = 0; Deep() ? !end.Passed() : round < 6; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    Replica& victim = fleet.replica(random() % fleet.size());
    const int64_t before = RefreshCalls(fleet);
    // At some instant of the refreshes that the clock sets off.
    const absl::Duration when = absl::Milliseconds(random() % 60);
    ASSERT_OK(fleet.MoveClock(round % 2 == 0 ? kDue : kOver));
    absl::SleepFor(when);
    victim.Kill();
    ++deaths;
    // The lease of the dead one runs out by the database's clock: here at once, deep after its
    // time.
    if (!Deep()) fleet.Ask("UPDATE broker.leases SET expires_at = clock_timestamp()");
    EXPECT_TRUE(readers.AwaitAnswers(100));
    const absl::Time begin = absl::Now();
    ASSERT_OK(victim.Start());
    ASSERT_OK(victim.WaitReady());
    slowest = std::max(slowest, absl::Now() - begin);
    EXPECT_TRUE(Eventually([&] {
      return fleet.Ask("SELECT count(*) FROM broker.tokens WHERE expires_at < to_timestamp(" +
                       absl::StrCat(absl::ToUnixSeconds(fleet.simulator().Now())) + ")") == "0";
    })) << fleet.Ask("SELECT string_agg(appid, ', ') FROM broker.tokens");
    // One call for each token, and one more for each that died with its refresher.
    EXPECT_LE(RefreshCalls(fleet) - before, 2 * static_cast<int64_t>(fleet.appids().size()));
  }
  ExpectAllWell(fleet, readers);
  std::cout << deaths << " deaths; the slowest start to ready took "
            << absl::FormatDuration(slowest) << "\n";
  if (Deep()) {
    EXPECT_LT(slowest, absl::Seconds(5));
  }
}

// The worst instant: the platform has made a token, and the old one's days are counted; with an
// authorizer's, the refresh token held is void too.
TEST(KillTest, ADeathBetweenThePlatformsAnswerAndTheCommitIsRecovered) {
  auto started = Fleet::Start({.replicas = 2, .own_apps = 1, .authorizers = 1});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Replica& first = fleet.replica(0);
  Replica& second = fleet.replica(1);
  for (const char* appid : {"wxauth0", "wxown0"}) {
    SCOPED_TRACE(appid);
    ASSERT_OK(second.Stop());
    const std::string calls = appid == std::string("wxown0")
                                  ? "/cgi-bin/stable_token"
                                  : "/cgi-bin/component/api_authorizer_token";
    const int64_t before = fleet.simulator().Calls(calls);
    // The write of that token stays on its way.
    std::atomic<bool> is_on_its_way{false};
    fleet.database().SetTap([&](Direction direction, absl::string_view bytes) {
      if (direction == Direction::kToClient || !absl::StrContains(bytes, appid) ||
          !absl::StrContains(bytes, "INSERT INTO broker.tokens")) {
        return Verdict::kPass;
      }
      is_on_its_way = true;
      return Verdict::kHold;
    });
    ASSERT_OK(fleet.MoveClock(kDue));
    ASSERT_TRUE(Eventually([&] { return is_on_its_way.load(); })) << first.log();
    EXPECT_EQ(fleet.simulator().Calls(calls), before + 1);
    first.Kill();
    fleet.database().SetTap(nullptr);
    if (!Deep()) fleet.Ask("UPDATE broker.leases SET expires_at = clock_timestamp()");

    Readers readers(fleet, {.per_replica = 2, .appids = {appid}});
    ASSERT_OK(second.Start());
    ASSERT_OK(second.WaitReady());
    const std::string generation =
        fleet.Ask(absl::StrCat("SELECT generation FROM broker.tokens WHERE appid = '", appid, "'"));
    EXPECT_TRUE(readers.AwaitAnswers(20));
    EXPECT_TRUE(Eventually([&] {
      return fleet.Ask(absl::StrCat("SELECT count(*) FROM broker.tokens WHERE appid = '", appid,
                                    "' AND expires_at > to_timestamp(",
                                    absl::ToUnixSeconds(fleet.simulator().Now()),
                                    ") + "
                                    "interval '1 hour'")) == "1";
    })) << second.log();
    EXPECT_LE(fleet.simulator().Calls(calls), before + 3);  // two for a refresh token that is void
    ASSERT_OK(first.Start());
    ASSERT_OK(first.WaitReady());
    ExpectAllWell(fleet, readers);
  }
}

}  // namespace
}  // namespace datong::faults
