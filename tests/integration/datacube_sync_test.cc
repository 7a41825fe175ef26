// datacube, broker and identity in one process, against the simulator: what the platform counts and
// what is answered are the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdlib.h>
#include <functional>

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/rpc/client.h"
#include "common/server/process.h"
#include "common/status/macros.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "common/time/shanghai.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "services/broker/module.h"
#include "services/datacube/module.h"
#include "services/identity/module.h"
#include "tools/wechat_sim/simulator.h"

namespace datong {
namespace {

using datacube::v1::StatisticsService;

constexpr absl::CivilDay kToday = absl::CivilDay(2026, 3, 10);
constexpr char kAppid[] = "wx00000000000000a1";
constexpr char kApp[] = "projects/demo/apps/wx00000000000000a1";
constexpr int kFollowers = 250;

class DatacubeSyncTest : public ::testing::Test {
 protected:
  DatacubeSyncTest()
      : modules_{broker::kModule, identity::kModule, datacube::kModule},
        database_({{"broker", broker::kModule.migrations()},
                   {"identity", identity::kModule.migrations()},
                   {"datacube", datacube::kModule.migrations()}}) {}

  void SetUp() override {
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    ASSERT_OK(simulator_.Start());
    simulator_.AddApp({.appid = kAppid,
                       .secret = "0123456789abcdef0123456789abcdef",
                       .kind = "official_account",
                       .open_platform_account = "wxopen"});
    std::vector<wechat_sim::UserSpec> users;
    for (int i = 0; i < kFollowers; ++i) {
      wechat_sim::UserSpec& user = users.emplace_back();
      user.openid = absl::StrCat("o", 10'000 + i);
      user.unionid = absl::StrCat("u", 10'000 + i);
      user.broken = i == 137;
      const absl::CivilDay day = kToday - 30 + i % 30;
      user.follows = {{.from = absl::ToUnixSeconds(ShanghaiMidnight(day) + absl::Hours(10)),
                       .scene = i % 2 == 0 ? "ADD_SCENE_QR_CODE" : "ADD_SCENE_OTHERS"}};
      ++(i % 2 == 0 ? new_by_qr_ : new_by_others_)[FormatDay(day)];
    }
    simulator_.AddUsers(kAppid, users);
    MoveClock(ShanghaiMidnight(kToday) + absl::Hours(12));
    ASSERT_OK(StartProcess());
    ASSERT_OK(CreateApp());
  }
  void TearDown() override {
    process_.reset();
    std::filesystem::remove_all(folder_);
  }

  void MoveClock(absl::Time now) {
    simulator_.SetNow(now);
    clock_.SetOffset(now - absl::Now());
  }

  absl::Status StartProcess() {
    const std::string keys = folder_ + "/keys";
    std::filesystem::create_directory(keys);
    std::ofstream(folder_ + "/dsn") << database_.dsn().Expose();
    std::ofstream(keys + "/test") << "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    std::ofstream(keys + "/active") << "test";
    server::ProcessOptions options;
    options.component = "datacube-sync-test";
    options.modules = modules_;
    options.clock = &clock_;
    options.sources.flags = {{"server.address", "127.0.0.1"},
                             {"server.grpc_port", "0"},
                             {"server.health_port", "0"},
                             {"server.metrics_port", "0"},
                             {"server.http_port", "0"},
                             {"server.drain_wait", "0"},
                             {"insecure.allow", "true"},
                             {"database.dsn_file", folder_ + "/dsn"},
                             {"keys.folder", keys},
                             {"peers.ingest", "127.0.0.1:1"},
                             {"wechat.api_url", simulator_.url()},
                             {"wechat.mp_url", simulator_.url()},
                             {"wechat.open_url", simulator_.url()},
                             {"wechat.allow_private_upstream", "true"},
                             {"datacube.wake_interval", "20ms"},
                             {"datacube.follow_interval", "20ms"},
                             {"datacube.app_calls_per_second", "100000"},
                             {"datacube.app_call_burst", "1000"},
                             {"datacube.calls_per_second", "100000"}};
    process_ = std::make_unique<server::Process>(std::move(options));
    DATONG_RETURN_IF_ERROR(process_->Build());
    DATONG_RETURN_IF_ERROR(process_->Start());
    return process_->WaitReady(Deadline::After(absl::Seconds(20)));
  }

  template <typename Service, typename Interface, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Interface::*rpc)(grpc::ClientContext*, const Request&,
                                                               Response*),
                                const Request& request) {
    const auto stub = Service::NewStub(process_->channel());
    return outgoing_.Call(rpc::MakeBackgroundCall("test", Deadline::After(absl::Seconds(10))),
                          absl::StrCat("/", Service::service_full_name(), "/Call"), *stub, rpc,
                          request);
  }

  absl::Status CreateApp() {
    broker::v1::CreateProjectRequest project;
    project.set_project_id("demo");
    project.mutable_project()->set_display_name("Demo");
    DATONG_RETURN_IF_ERROR(Call<broker::v1::ProjectService>(
                               &broker::v1::ProjectService::StubInterface::CreateProject, project)
                               .status());
    broker::v1::CreateAppRequest app;
    app.set_project("projects/demo");
    app.mutable_app()->set_appid(kAppid);
    app.mutable_app()->set_kind(broker::v1::APP_KIND_OFFICIAL_ACCOUNT);
    app.mutable_app()->set_display_name("Shop");
    app.mutable_app()->set_open_platform_account("wxopen");
    app.mutable_credentials()->set_app_secret("0123456789abcdef0123456789abcdef");
    return Call<broker::v1::ProjectService>(&broker::v1::ProjectService::StubInterface::CreateApp,
                                            app)
        .status();
  }

  // `between` is called between two looks.
  datacube::v1::SyncRun AwaitRun(
      datacube::v1::SyncTrigger trigger, const std::function<void()>& between = [] {}) {
    datacube::v1::ListSyncRunsRequest request;
    request.set_project("projects/demo");
    const Deadline deadline = Deadline::After(absl::Seconds(40));
    datacube::v1::SyncRun last;
    while (!deadline.Passed()) {
      const auto runs =
          Call<StatisticsService>(&StatisticsService::StubInterface::ListSyncRuns, request);
      EXPECT_OK(runs);
      if (!runs.ok() || runs->sync_runs().empty()) continue;
      last = runs->sync_runs(0);
      if (last.trigger() == trigger && last.has_end_time()) return last;
      between();
    }
    ADD_FAILURE() << "not ended: " << last.DebugString();
    return last;
  }

  std::vector<datacube::v1::StatisticRow> Rows(datacube::v1::Metric metric) {
    datacube::v1::QueryStatisticsRequest request;
    request.set_project("projects/demo");
    request.add_apps(kApp);
    request.set_metric(metric);
    request.set_begin_day(FormatDay(kToday - 90));
    request.set_end_day(FormatDay(kToday));
    const auto rows =
        Call<StatisticsService>(&StatisticsService::StubInterface::QueryStatistics, request);
    EXPECT_OK(rows);
    return {rows->rows().begin(), rows->rows().end()};
  }

  std::string folder_ = ::testing::TempDir() + "/datong-XXXXXX";
  const std::vector<server::ModuleDefinition> modules_;
  TestDatabase database_;
  wechat_sim::Simulator simulator_;
  SystemClock clock_;
  metrics::Registry registry_;
  rpc::Outgoing outgoing_{registry_};
  std::map<std::string, int64_t> new_by_qr_;
  std::map<std::string, int64_t> new_by_others_;
  std::unique_ptr<server::Process> process_;
};

TEST_F(DatacubeSyncTest, WhatThePlatformCountsIsWhatIsAnswered) {
  const datacube::v1::SyncRun first = AwaitRun(datacube::v1::SYNC_TRIGGER_CONNECTED);
  ASSERT_EQ(first.state(), datacube::v1::SYNC_RUN_STATE_SUCCEEDED) << first.DebugString();

  std::map<std::string, int64_t> by_qr;
  std::map<std::string, int64_t> by_others;
  for (const auto& row : Rows(datacube::v1::METRIC_FOLLOWER_CHANGE)) {
    if (row.new_user() > 0) {
      (row.user_source() == 30 ? by_qr : by_others)[row.day()] += row.new_user();
    }
  }
  EXPECT_EQ(by_qr, new_by_qr_);
  EXPECT_EQ(by_others, new_by_others_);
  const auto totals = Rows(datacube::v1::METRIC_FOLLOWER_TOTAL);
  ASSERT_EQ(totals.size(), 90U);
  EXPECT_EQ(totals.back().day(), FormatDay(kToday - 1));
  EXPECT_EQ(totals.back().cumulate_user(), kFollowers);

  identity::v1::GetGraphStatsRequest stats;
  stats.set_project("projects/demo");
  const auto graph = Call<identity::v1::IdentityService>(
      &identity::v1::IdentityService::StubInterface::GetGraphStats, stats);
  ASSERT_OK(graph);
  // The follower whom the platform refuses to describe is known to nobody.
  EXPECT_EQ(graph->person_count(), kFollowers - 1) << graph->DebugString();

  // Next morning the figures come late.
  simulator_.AddFault({.path = "/datacube/getusersummary",
                       .kind = "errcode",
                       .count = 2,
                       .errcode = 61503,
                       .errmsg = "data not ready"});
  const absl::Time morning = ShanghaiMidnight(kToday + 1) + absl::Hours(9);
  const auto calls = simulator_.Calls("/datacube/getusersummary");
  MoveClock(morning);
  // Minute by minute, the platform is asked again until the figures are there.
  int minutes = 0;
  const datacube::v1::SyncRun night = AwaitRun(datacube::v1::SYNC_TRIGGER_NIGHTLY, [&] {
    if (minutes < 180) MoveClock(morning + absl::Minutes(++minutes));
  });
  EXPECT_GE(simulator_.Calls("/datacube/getusersummary"), calls + 3);
  EXPECT_EQ(night.state(), datacube::v1::SYNC_RUN_STATE_SUCCEEDED) << night.DebugString();
  EXPECT_EQ(Rows(datacube::v1::METRIC_FOLLOWER_TOTAL).back().day(), FormatDay(kToday));
}

}  // namespace
}  // namespace datong
