// One refresher at a time, whatever happens to it, and whatever the clock does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <iostream>

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

constexpr char kPath[] = "/cgi-bin/stable_token";

void ExpectRightHistory(Fleet& fleet, const std::vector<TokenRead>& reads) {
  const auto writes = fleet.Writes();
  ASSERT_OK(writes);
  EXPECT_THAT(Violations({*writes, reads}), IsEmpty());
}

// A thousand callers over four replicas in the full length.
ReaderOptions Crowd() {
  return Deep() ? ReaderOptions{.per_replica = 250, .pause = absl::Milliseconds(400)}
                : ReaderOptions{.per_replica = 8, .pause = absl::Milliseconds(20)};
}

void ExpectQuickReads(const std::vector<TokenRead>& reads) {
  const absl::Duration p99 = CachedP99(reads);
  std::cout << reads.size() << " reads; 99 of 100 from memory took at most "
            << absl::FormatDuration(p99) << "\n";
  if (Deep()) {
    EXPECT_LT(p99, absl::Milliseconds(50));
  }
}

TEST(LeaseTest, AtTheMomentOfExpiryThereIsOneCallForEachTokenOverFourReplicas) {
  auto started = Fleet::Start({.replicas = 4, .own_apps = 5});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Readers readers(fleet, Crowd());
  ASSERT_TRUE(readers.AwaitAnswers(Deep() ? 5000 : 400));
  EXPECT_EQ(fleet.simulator().Calls(kPath), 5);
  for (const absl::Duration step : {absl::Seconds(7300), absl::Seconds(7000), absl::Hours(3)}) {
    SCOPED_TRACE(absl::FormatDuration(step));
    const int64_t before = fleet.simulator().Calls(kPath);
    ASSERT_OK(fleet.MoveClock(step));
    EXPECT_TRUE(readers.AwaitAnswers(Deep() ? 20'000 : 1000));
    EXPECT_TRUE(Eventually([&] {
      return fleet.Ask(absl::StrCat(
                 "SELECT count(*) FROM broker.tokens WHERE expires_at > to_timestamp(",
                 absl::ToUnixSeconds(fleet.simulator().Now()), ") + interval '1 hour'")) == "5";
    }));
    EXPECT_EQ(fleet.simulator().Calls(kPath), before + 5);
  }
  const std::vector<TokenRead> reads = readers.Stop();
  EXPECT_THAT(readers.refusals(), IsEmpty());
  ExpectQuickReads(reads);
  ExpectRightHistory(fleet, reads);
}

TEST(LeaseTest, AClockThatStepsBackStartsNoStorm) {
  auto started = Fleet::Start({.replicas = 2, .own_apps = 5});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  ASSERT_OK(fleet.MoveClock(absl::Hours(3)));
  Readers readers(fleet, {.per_replica = 2});
  ASSERT_TRUE(readers.AwaitAnswers(200));
  const int64_t before = fleet.simulator().Calls(kPath);
  ASSERT_OK(fleet.MoveClock(-absl::Minutes(10)));
  ASSERT_TRUE(readers.AwaitAnswers(400));
  EXPECT_LE(fleet.simulator().Calls(kPath), before + 5);
  ASSERT_OK(fleet.MoveClock(absl::Minutes(10)));
  ASSERT_TRUE(readers.AwaitAnswers(400));
  EXPECT_LE(fleet.simulator().Calls(kPath), before + 10);
  const std::vector<TokenRead> reads = readers.Stop();
  EXPECT_THAT(readers.refusals(), IsEmpty());
  ExpectRightHistory(fleet, reads);
}

// It wakes up with a token in its hands that is no longer wanted.
TEST(LeaseTest, TheLateWriteOfAFrozenHolderIsFenced) {
  auto started = Fleet::Start({.replicas = 4, .own_apps = 0, .authorizers = 1});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Replica& frozen = fleet.replica(0);
  constexpr char kFenced[] = "datong_token_fenced_writes_total{kind=\"authorizer_access_token\"}";
  const auto generation = [&] {
    return std::stoll(fleet.Ask("SELECT generation FROM broker.tokens WHERE appid = 'wxauth0'"));
  };
  for (size_t i = 1; i < fleet.size(); ++i) ASSERT_OK(fleet.replica(i).Stop());
  const int64_t before = generation();

  // The first word of the write of what the platform answered, on its way.
  constexpr char kRefresh[] = "/cgi-bin/component/api_authorizer_token";
  const int64_t calls = fleet.simulator().Calls(kRefresh);
  std::atomic<bool> is_on_its_way{false};
  fleet.database().SetTap([&](Direction direction, absl::string_view bytes) {
    if (direction == Direction::kToClient || is_on_its_way ||
        !absl::StrContains(bytes, "FOR SHARE") || !absl::StrContains(bytes, "token/wxauth0") ||
        fleet.simulator().Calls(kRefresh) == calls) {
      return Verdict::kPass;
    }
    is_on_its_way = true;
    return Verdict::kHold;
  });
  ASSERT_OK(fleet.MoveClock(absl::Seconds(6400)));
  ASSERT_TRUE(Eventually([&] { return is_on_its_way.load(); })) << frozen.log();
  frozen.Signal(SIGSTOP);
  ASSERT_TRUE(Eventually([&] { return frozen.process().StateNow() == 'T'; }));
  ASSERT_EQ(generation(), before);

  const Deadline thaw = Deadline::After(absl::Seconds(Deep() ? 60 : 0));
  if (!Deep()) {
    fleet.Ask(
        "UPDATE broker.leases SET expires_at = clock_timestamp() WHERE name = 'token/wxauth0'");
  }
  for (size_t i = 1; i < fleet.size(); ++i) ASSERT_OK(fleet.replica(i).Start());
  for (size_t i = 1; i < fleet.size(); ++i) ASSERT_OK(fleet.replica(i).WaitReady());
  ReaderOptions crowd = Crowd();
  crowd.deadline = absl::Seconds(2);
  crowd.appids = {"wxauth0"};
  Readers readers(fleet, crowd);
  EXPECT_TRUE(Eventually([&] { return generation() != before && thaw.Passed(); }, absl::Minutes(3)))
      << fleet.replica(1).log();
  const int64_t taken_over = generation();
  EXPECT_EQ(taken_over, before + 1);
  // That of the frozen one, and two of who took over: the refresh token that it held was void.
  EXPECT_LE(fleet.simulator().Calls(kRefresh), calls + 3);
  fleet.database().SetTap(nullptr);
  fleet.database().Release();
  frozen.Signal(SIGCONT);
  EXPECT_TRUE(Eventually([&] { return frozen.Metric(kFenced) == 1; })) << frozen.log();
  // It serves what the other one stored.
  EXPECT_TRUE(readers.AwaitAnswers(Deep() ? 5000 : 100));
  EXPECT_EQ(generation(), taken_over);
  EXPECT_EQ(frozen.Metric(kFenced), 1);
  for (size_t i = 1; i < fleet.size(); ++i) {
    EXPECT_EQ(fleet.replica(i).Metric("datong_token_fenced_writes_total"), 0);
  }
  EXPECT_LE(fleet.simulator().Calls(kRefresh), calls + 3);
  std::vector<TokenRead> reads = readers.Stop();
  ExpectRightHistory(fleet, reads);
  // Whoever asks the frozen one gets no answer meanwhile.
  reads.erase(
      std::remove_if(reads.begin(), reads.end(),
                     [&](const TokenRead& read) { return read.reader < crowd.per_replica; }),
      reads.end());
  ExpectQuickReads(reads);
}

}  // namespace
}  // namespace datong::faults
