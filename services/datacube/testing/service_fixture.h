#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "common/time/shanghai.h"
#include "datacube_migrations.h"
#include "datong/datacube/v1/statistics.pb.h"
#include "services/datacube/core/syncer.h"
#include "services/datacube/rpc/statistics_handlers.h"
#include "services/datacube/store/postgres_store.h"
#include "services/datacube/testing/fake_estate.h"
#include "services/datacube/upstream/broker_client.h"
#include "services/datacube/upstream/identity_client.h"

// The service on a real database, against broker and identity behind gRPC.
namespace datong::datacube {

inline constexpr char kSummary[] = "/datacube/getusersummary";
inline constexpr char kCumulate[] = "/datacube/getusercumulate";
inline constexpr char kBatch[] = "/cgi-bin/user/info/batchget";
inline constexpr char kNotReady[] =
    R"({"errcode":61503,"errmsg":"data not ready, please try later"})";
inline constexpr char kUuid[] = "5f0c3c1e-6a4e-4f64-9a59-0d2f2f4f7a11";
inline constexpr absl::CivilDay kToday = absl::CivilDay(2026, 3, 10);

// Claims that are lost at once.
inline ClaimLimits QuickLease() {
  ClaimLimits limits;
  limits.calls_in_flight_per_app = 9;
  limits.lease = absl::Milliseconds(1);
  return limits;
}

// One process's share of the service.
struct Worker {
  Worker(const TestDatabase& database, FakeEstate& estate, const Clock& clock)
      : pool(database.MakePool(registry)),
        store(*pool),
        metrics(registry),
        outgoing(registry),
        broker(estate.channel(), outgoing),
        identity(estate.channel(), outgoing),
        erasures(store, broker, identity, absl::Seconds(10)),
        syncer({.policy = {},
                .rates = {1e6, 1e6, 1e6},
                .calls_in_flight_per_app = 2,
                .call_timeout = absl::Seconds(10)},
               store, broker, broker, identity, erasures, metrics, clock) {}

  metrics::Registry registry;
  std::unique_ptr<postgres::Pool> pool;
  PostgresStore store;
  Metrics metrics;
  rpc::Outgoing outgoing;
  BrokerClient broker;
  IdentityClient identity;
  Erasures erasures;
  Syncer syncer;
};
class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    estate_.PublishUpTo(kToday - 1);
    estate_.SetFollowers({{"o1", "u1"}, {"o2", ""}, {"o3", "u3"}});
  }
  void Connect(const std::string& appid = "wx1") {
    estate_.TellAccount(appid, broker::v1::APP_KIND_OFFICIAL_ACCOUNT, broker::v1::APP_STATE_ACTIVE);
    ASSERT_OK(worker_.syncer.FollowAccounts());
  }
  void ConnectAndSync() {
    Connect();
    ASSERT_OK(worker_.syncer.Work());
  }
  void BeginNextNight() {
    clock_.Set(ShanghaiMidnight(ShanghaiDay(clock_.Now()) + 1) + absl::Hours(9));
    ASSERT_OK(worker_.syncer.StartNights());
  }
  std::vector<v1::StatisticRow> Rows(v1::Metric metric, absl::CivilDay begin, absl::CivilDay end) {
    v1::QueryStatisticsRequest request;
    request.set_project("projects/demo");
    request.set_metric(metric);
    request.set_begin_day(FormatDay(begin));
    request.set_end_day(FormatDay(end));
    const auto response = handlers_.QueryStatistics(call_, request);
    EXPECT_OK(response);
    return {response->rows().begin(), response->rows().end()};
  }
  v1::ApiFreshness FreshnessOf(const std::string& api) {
    v1::GetFreshnessRequest request;
    request.set_project("projects/demo");
    const auto response = handlers_.GetFreshness(call_, request);
    EXPECT_OK(response);
    for (const v1::ApiFreshness& freshness : response->freshness()) {
      if (freshness.api() == api) return freshness;
    }
    return {};
  }
  std::vector<v1::SyncRun> Runs() {
    v1::ListSyncRunsRequest request;
    request.set_project("projects/demo");
    const auto response = handlers_.ListSyncRuns(call_, request);
    EXPECT_OK(response);
    return {response->sync_runs().begin(), response->sync_runs().end()};
  }
  static v1::SyncStep StepOf(const v1::SyncRun& run, const std::string& api) {
    for (const v1::SyncStep& step : run.steps()) {
      if (step.api() == api) return step;
    }
    return {};
  }

  TestDatabase database_{{{"datacube", Migrations()}}};
  FakeEstate estate_;
  FakeClock clock_{ShanghaiMidnight(kToday) + absl::Hours(12)};
  Worker worker_{database_, estate_, clock_};
  StatisticsHandlers handlers_{worker_.store, clock_};
  const rpc::CallContext call_;
};

}  // namespace datong::datacube
