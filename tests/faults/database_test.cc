// PostgreSQL silent, and PostgreSQL gone with a standby to take over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/rpc/client.h"
#include "common/testing/matchers.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "tests/faults/deep.h"
#include "tests/faults/fleet.h"
#include "tests/faults/readers.h"

namespace datong::faults {
namespace {

using ::testing::IsEmpty;

int ThreadsOf(const Replica& replica) {
  std::ifstream file(absl::StrCat("/proc/", replica.process().pid(), "/status"));
  int threads = 0;
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "Threads:") && absl::SimpleAtoi(line.substr(8), &threads)) break;
  }
  return threads;
}

std::string RecordedReads(const Fleet& fleet) {
  return fleet.Ask(
      "SELECT coalesce(sum(count), 0) FROM broker.access_log WHERE action = 'read_token'");
}

void ExpectRightHistory(Fleet& fleet, const std::vector<TokenRead>& reads) {
  const auto writes = fleet.Writes();
  ASSERT_OK(writes);
  // A replica cannot hear of what was stored while it cannot reach the store.
  EXPECT_THAT(Violations({*writes, reads}, {.longest_stale = absl::InfiniteDuration()}), IsEmpty());
}

TEST(DatabaseTest, ThroughABlackHoleTokensAreReadAndEachReadIsRecordedOnce) {
  auto started = Fleet::Start({.replicas = 2, .own_apps = 3});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Readers readers(fleet, {.per_replica = 2});
  ASSERT_TRUE(readers.AwaitAnswers(200));
  ASSERT_EQ(readers.refused(), 0);
  const int threads = ThreadsOf(fleet.replica(0));

  fleet.database().SetWeather({.black_hole = true});
  const Deadline end = Deadline::After(absl::Seconds(Deep() ? 60 : 0));
  // Their refresh is due while nothing can be stored: the old ones go on being served.
  ASSERT_OK(fleet.MoveClock(absl::Seconds(7000)));
  EXPECT_TRUE(Eventually(
      [&] {
        return end.Passed() &&
               fleet.replica(0).Metric("datong_audit_writes_total{result=\"spooled\"}") > 2 &&
               fleet.replica(1).Metric("datong_audit_writes_total{result=\"spooled\"}") > 2 &&
               fleet.replica(0).Metric(
                   "datong_token_requests_total{kind=\"stable_access_token\",result=\"stale_"
                   "served\"}") > 0;
      },
      absl::Minutes(3)));
  EXPECT_TRUE(readers.AwaitAnswers(200));
  EXPECT_EQ(readers.refused(), 0);
  EXPECT_LE(ThreadsOf(fleet.replica(0)), threads + 8);

  fleet.database().SetWeather({});
  const absl::Time back = absl::Now();
  EXPECT_TRUE(Eventually([&] {
    return fleet.Ask(absl::StrCat(
               "SELECT count(*) FROM broker.tokens WHERE expires_at > to_timestamp(",
               absl::ToUnixSeconds(fleet.simulator().Now()), ") + interval '1 hour'")) == "3";
  }));
  const absl::Duration recovery = absl::Now() - back;
  std::cout << "refreshed " << absl::FormatDuration(recovery) << " after the database was back\n";
  EXPECT_LT(recovery, absl::Seconds(Deep() ? 10 : 60));
  EXPECT_TRUE(readers.AwaitAnswers(200));
  const std::vector<TokenRead> reads = readers.Stop();
  EXPECT_THAT(readers.refusals(), IsEmpty());
  EXPECT_TRUE(Eventually([&] { return RecordedReads(fleet) == absl::StrCat(readers.answered()); }))
      << RecordedReads(fleet) << " recorded, " << readers.answered() << " made";
  ExpectRightHistory(fleet, reads);
}

// The refresh token held is void once the platform has answered: there is no asking again.
TEST(DatabaseTest, AnAnswerOfThePlatformIsStoredThoughTheConnectionBreaksAtThatMoment) {
  auto started = Fleet::Start({.replicas = 1, .own_apps = 0, .authorizers = 1});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  constexpr char kPath[] = "/cgi-bin/component/api_authorizer_token";
  const int64_t before = fleet.simulator().Calls(kPath);
  std::atomic<int> broken{0};
  fleet.database().SetTap([&](Direction direction, absl::string_view bytes) {
    if (direction == Direction::kToClient || broken == 2 || !absl::StrContains(bytes, "wxauth0") ||
        !absl::StrContains(bytes, "INSERT INTO broker.tokens")) {
      return Verdict::kPass;
    }
    ++broken;
    return Verdict::kReset;
  });
  ASSERT_OK(fleet.MoveClock(absl::Seconds(7000)));
  EXPECT_TRUE(Eventually([&] {
    return fleet.Ask(absl::StrCat("SELECT count(*) FROM broker.tokens WHERE appid = 'wxauth0' AND "
                                  "expires_at > to_timestamp(",
                                  absl::ToUnixSeconds(fleet.simulator().Now()),
                                  ") + interval '1 hour'")) == "1";
  })) << fleet.replica(0).log();
  EXPECT_EQ(broken, 2);
  EXPECT_EQ(fleet.simulator().Calls(kPath), before + 1);
}

// Creates apps one after the other and remembers which were acknowledged.
class Writer {
 public:
  explicit Writer(Fleet& fleet) : thread_([this, &fleet] { Run(fleet); }) {}
  ~Writer() { Stop(); }
  int64_t acknowledged() const { return acknowledged_; }
  std::set<std::string> Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return apps_;
  }

 private:
  void Run(Fleet& fleet) {
    using Projects = broker::v1::ProjectService;
    const auto stub = Projects::NewStub(rpc::CreateChannel(
        absl::StrCat("ipv4:", fleet.replica(0).address(), ",", fleet.replica(1).address())));
    metrics::Registry registry;
    rpc::Outgoing outgoing(registry);
    for (int i = 0; !stopping_; ++i) {
      broker::v1::CreateAppRequest app;
      app.set_project("projects/demo");
      app.mutable_app()->set_appid(absl::StrCat("wxnew", i));
      app.mutable_app()->set_kind(broker::v1::APP_KIND_MINI_PROGRAM);
      app.mutable_credentials()->set_app_secret("s");
      const auto created =
          outgoing.Call(rpc::MakeBackgroundCall("writer", Deadline::After(absl::Seconds(5))),
                        "/datong.broker.v1.ProjectService/CreateApp", *stub,
                        &Projects::StubInterface::CreateApp, app, {.longest = absl::Seconds(5)});
      if (!created.ok()) continue;
      apps_.insert(app.app().appid());
      ++acknowledged_;
    }
  }
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> acknowledged_{0};
  std::set<std::string> apps_;  // of the thread until it is joined
  std::thread thread_;
};

TEST(DatabaseTest, WhenAStandbyTakesOverNothingAcknowledgedIsMissing) {
  auto started = Fleet::Start({.replicas = 2, .own_apps = 3, .fsync = true, .standby = true});
  ASSERT_OK(started);
  Fleet& fleet = **started;
  Readers readers(fleet, {.per_replica = 2, .appids = {"wxown0", "wxown1", "wxown2"}});
  ASSERT_TRUE(readers.AwaitAnswers(200));
  Writer writer(fleet);
  ASSERT_TRUE(Eventually([&] { return writer.acknowledged() >= 20; }));

  fleet.cluster().Crash();
  ASSERT_OK(fleet.standby().Promote());
  const absl::Time promoted = absl::Now();
  fleet.UseStandby();
  const int64_t before = writer.acknowledged();
  EXPECT_TRUE(Eventually([&] { return writer.acknowledged() > before; }));
  const absl::Duration reconnect = absl::Now() - promoted;
  std::cout << "written again " << absl::FormatDuration(reconnect) << " after the promotion\n";
  EXPECT_LT(reconnect, absl::Seconds(Deep() ? 5 : 60));
  EXPECT_TRUE(Eventually([&] { return writer.acknowledged() > before + 20; }));

  // The new primary takes refreshes too.
  ASSERT_OK(fleet.MoveClock(absl::Seconds(7000)));
  EXPECT_TRUE(Eventually([&] {
    return fleet.Ask(absl::StrCat(
               "SELECT count(*) FROM broker.tokens WHERE appid LIKE 'wxown%' AND "
               "expires_at > to_timestamp(",
               absl::ToUnixSeconds(fleet.simulator().Now()), ") + interval '1 hour'")) == "3";
  })) << fleet.replica(0).log();
  const std::set<std::string> acknowledged = writer.Stop();
  const std::vector<TokenRead> reads = readers.Stop();
  EXPECT_THAT(readers.refusals(), IsEmpty());
  EXPECT_EQ(fleet.Ask(absl::StrCat(
                "SELECT string_agg(name, ', ') FROM unnest('{", absl::StrJoin(acknowledged, ","),
                "}'::text[]) AS name WHERE name NOT IN (SELECT appid FROM broker.apps)")),
            "");
  EXPECT_TRUE(Eventually([&] { return RecordedReads(fleet) == absl::StrCat(readers.answered()); }))
      << RecordedReads(fleet) << " recorded, " << readers.answered() << " made";
  ExpectRightHistory(fleet, reads);
}

}  // namespace
}  // namespace datong::faults
