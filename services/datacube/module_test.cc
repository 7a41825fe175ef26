// The whole service as a process, with its own threads.
#include "services/datacube/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/rpc/client.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "common/time/shanghai.h"
#include "datacube_migrations.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "services/datacube/testing/fake_estate.h"

namespace datong::datacube {
namespace {

constexpr absl::CivilDay kToday = absl::CivilDay(2026, 3, 10);

std::string MakeFolder() {
  std::string folder = ::testing::TempDir() + "/datong-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) ADD_FAILURE() << "no folder can be made";
  return folder;
}

class ModuleTest : public ::testing::Test {
 protected:
  ModuleTest() : process_(Options()) {
    // Noon of a fixed day, whatever the real time is.
    clock_.SetOffset(ShanghaiMidnight(kToday) + absl::Hours(12) - clock_.Now());
    estate_.SetFollowers({{"o1", "u1"}, {"o2", ""}});
    estate_.PublishUpTo(kToday - 1);
  }
  ~ModuleTest() override { std::filesystem::remove_all(folder_); }
  server::ProcessOptions Options() {
    const std::string dsn_file = folder_ + "/dsn";
    std::ofstream(dsn_file) << database_.dsn().Expose();
    server::ProcessOptions options;
    options.component = "datacube";
    options.modules = {kModule};
    options.clock = &clock_;
    options.sources.flags = {{"server.address", "127.0.0.1"},
                             {"server.grpc_port", "0"},
                             {"server.health_port", "0"},
                             {"server.metrics_port", "0"},
                             {"server.http_port", "0"},
                             {"server.drain_wait", "0"},
                             {"insecure.allow", "true"},
                             {"database.dsn_file", dsn_file},
                             {"peers.broker", estate_.address()},
                             {"peers.identity", estate_.address()},
                             {"datacube.wake_interval", "20ms"},
                             {"datacube.follow_interval", "20ms"},
                             {"datacube.app_calls_per_second", "100000"},
                             {"datacube.app_call_burst", "1000"},
                             {"datacube.calls_per_second", "100000"}};
    return options;
  }
  // The newest run, once it is one of `trigger` that has ended.
  v1::SyncRun AwaitRun(v1::SyncTrigger trigger) {
    const auto stub = v1::StatisticsService::NewStub(process_.channel());
    rpc::Outgoing outgoing(process_.metrics());
    v1::ListSyncRunsRequest request;
    request.set_project("projects/demo");
    const Deadline deadline = Deadline::After(absl::Seconds(30));
    while (!deadline.Passed()) {
      const auto runs = outgoing.Call(rpc::MakeBackgroundCall("test", deadline),
                                      "/datong.datacube.v1.StatisticsService/ListSyncRuns", *stub,
                                      &v1::StatisticsService::StubInterface::ListSyncRuns, request);
      EXPECT_OK(runs);
      if (runs.ok() && runs->sync_runs_size() > 0 && runs->sync_runs(0).trigger() == trigger &&
          runs->sync_runs(0).has_end_time()) {
        return runs->sync_runs(0);
      }
    }
    return {};
  }

  const std::string folder_ = MakeFolder();
  TestDatabase database_{{{"datacube", Migrations()}}};
  FakeEstate estate_;
  SystemClock clock_;
  server::Process process_;
};

TEST_F(ModuleTest, AnAccountIsSyncedWhenConnectedAndWhenTheClockIsMovedIntoTheNight) {
  ASSERT_OK(process_.Build());
  ASSERT_OK(process_.Start());
  ASSERT_OK(process_.WaitReady(Deadline::After(absl::Seconds(10))));

  estate_.TellAccount("wx1", broker::v1::APP_KIND_OFFICIAL_ACCOUNT, broker::v1::APP_STATE_ACTIVE);
  EXPECT_EQ(AwaitRun(v1::SYNC_TRIGGER_CONNECTED).state(), v1::SYNC_RUN_STATE_SUCCEEDED);

  estate_.PublishUpTo(kToday);
  clock_.SetOffset(ShanghaiMidnight(kToday + 1) + absl::Hours(9) - absl::Now());
  EXPECT_EQ(AwaitRun(v1::SYNC_TRIGGER_NIGHTLY).state(), v1::SYNC_RUN_STATE_SUCCEEDED);
  EXPECT_THAT(
      process_.metrics().Serialize(),
      ::testing::HasSubstr("datong_job_runs_total{job_name=\"datacube_nightly\",result=\"ok\"} 1"));
  process_.Stop();
}

}  // namespace
}  // namespace datong::datacube
