// What is answered, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "common/rpc/testing/test_server.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "services/datacube/rpc/statistics_grpc_service.h"
#include "services/datacube/testing/service_fixture.h"

namespace datong::datacube {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(ServiceTest, AWithdrawnAuthorisationEndsTheWork) {
  Connect();
  estate_.TellAccount("wx1", broker::v1::APP_KIND_OFFICIAL_ACCOUNT, broker::v1::APP_STATE_REVOKED);
  ASSERT_OK(worker_.syncer.FollowAccounts());
  EXPECT_THAT(worker_.syncer.Work(), IsOkAndHolds(0));
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_ABANDONED);
  EXPECT_EQ(FreshnessOf("roster").state(), v1::FRESHNESS_STATE_DISCONNECTED);
}

TEST_F(ServiceTest, MiniProgramsSayThatThereAreNoStatisticsYet) {
  estate_.TellAccount("wxmini", broker::v1::APP_KIND_MINI_PROGRAM, broker::v1::APP_STATE_ACTIVE);
  ASSERT_OK(worker_.syncer.FollowAccounts());
  EXPECT_EQ(FreshnessOf("").state(), v1::FRESHNESS_STATE_NOT_OFFERED);
  EXPECT_EQ(FreshnessOf("").reason(), "No statistics for mini programs yet.");
  v1::TriggerSyncRequest request;
  request.set_app("projects/demo/apps/wxmini");
  request.set_request_id(kUuid);
  EXPECT_THAT(handlers_.TriggerSync(call_, request),
              IsError(absl::StatusCode::kFailedPrecondition, "STATISTICS_NOT_OFFERED"));
}

TEST_F(ServiceTest, TheDocumentedPayloadsRunThroughTheService) {
  ConnectAndSync();
  for (const auto& [path, file, api] :
       {std::tuple{kSummary, "getusersummary.json", "getusersummary"},
        std::tuple{kCumulate, "getusercumulate.json", "getusercumulate"}}) {
    std::ifstream stream(absl::StrCat("testdata/", file));
    estate_.AnswerNext(path, nlohmann::json::parse(stream).at("response").dump());
  }
  v1::TriggerSyncRequest request;
  request.set_app("projects/demo/apps/wx1");
  request.set_request_id(kUuid);
  request.set_begin_day("2014-12-02");
  request.set_end_day("2014-12-07");
  request.set_skip_roster(true);
  ASSERT_OK(handlers_.TriggerSync(call_, request));
  ASSERT_OK(worker_.syncer.Work());
  const auto totals =
      Rows(v1::METRIC_FOLLOWER_TOTAL, absl::CivilDay(2014, 12, 1), absl::CivilDay(2014, 12, 31));
  ASSERT_THAT(totals, SizeIs(1));
  EXPECT_EQ(totals[0].cumulate_user(), 1217056);
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
}

TEST_F(ServiceTest, ARequestedSyncIsStartedOncePerRequestId) {
  ConnectAndSync();
  v1::TriggerSyncRequest request;
  request.set_app("projects/demo/apps/wx1");
  request.set_request_id(kUuid);
  const auto first = handlers_.TriggerSync(call_, request);
  ASSERT_OK(first);
  EXPECT_EQ(first->sync_run().state(), v1::SYNC_RUN_STATE_RUNNING);
  const auto repeat = handlers_.TriggerSync(call_, request);
  ASSERT_OK(repeat);
  EXPECT_EQ(repeat->sync_run().name(), first->sync_run().name());
  request.set_skip_roster(true);
  EXPECT_THAT(handlers_.TriggerSync(call_, request),
              IsError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED"));
  ASSERT_OK(worker_.syncer.Work());
  v1::GetSyncRunRequest get;
  get.set_name(first->sync_run().name());
  EXPECT_EQ(handlers_.GetSyncRun(call_, get)->sync_run().state(), v1::SYNC_RUN_STATE_SUCCEEDED);
  get.set_name("projects/demo/syncRuns/999");
  EXPECT_THAT(handlers_.GetSyncRun(call_, get),
              IsError(absl::StatusCode::kNotFound, "SYNC_RUN_UNKNOWN"));
}

TEST_F(ServiceTest, WrongDaysAndNamesAreRefusedWithTheirReasons) {
  ConnectAndSync();
  v1::TriggerSyncRequest request;
  request.set_app("projects/demo/apps/wx1");
  request.set_request_id(kUuid);
  for (const auto& [begin, end, reason] :
       {std::tuple{"2014-11-30", "2014-12-03", "DAY_RANGE_INVALID"},
        std::tuple{"2026-03-01", "2026-03-10", "DAY_RANGE_INVALID"},
        std::tuple{"2026-03-05", "2026-03-01", "DAY_RANGE_INVALID"},
        std::tuple{"20260301", "2026-03-05", "DAY_INVALID"}}) {
    request.set_begin_day(begin);
    request.set_end_day(end);
    EXPECT_THAT(handlers_.TriggerSync(call_, request),
                IsError(absl::StatusCode::kInvalidArgument, reason));
  }
  request.set_request_id("again");
  EXPECT_THAT(handlers_.TriggerSync(call_, request),
              IsError(absl::StatusCode::kInvalidArgument, "REQUEST_ID_INVALID"));
  request.set_request_id(kUuid);
  request.clear_begin_day();
  request.clear_end_day();
  request.set_app("projects/demo/apps/wxnobody");
  EXPECT_THAT(handlers_.TriggerSync(call_, request),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
  v1::QueryStatisticsRequest query;
  query.set_project("projects/demo");
  query.set_begin_day("2026-03-01");
  query.set_end_day("2026-03-02");
  EXPECT_THAT(handlers_.QueryStatistics(call_, query),
              IsError(absl::StatusCode::kInvalidArgument, "METRIC_REQUIRED"));
}

TEST_F(ServiceTest, PagesHoldEveryRowOnceAndServeOneQueryOnly) {
  Connect("wx2");
  ConnectAndSync();
  v1::QueryStatisticsRequest request;
  request.set_project("projects/demo");
  request.set_metric(v1::METRIC_FOLLOWER_CHANGE);
  request.set_begin_day(FormatDay(kToday - 5));
  request.set_end_day(FormatDay(kToday - 1));
  request.set_page_size(3);
  std::vector<std::string> keys;
  do {
    const auto page = handlers_.QueryStatistics(call_, request);
    ASSERT_OK(page);
    for (const v1::StatisticRow& row : page->rows()) {
      keys.push_back(absl::StrCat(row.day(), row.app(), 100 + row.user_source()));
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(keys, SizeIs(5 * 2 * 2));
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
  request.set_page_token("abc");
  EXPECT_THAT(handlers_.QueryStatistics(call_, request),
              IsError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID"));

  v1::GetFreshnessRequest freshness;
  freshness.set_project("projects/demo");
  freshness.set_page_size(1);
  const auto first = handlers_.GetFreshness(call_, freshness);
  ASSERT_OK(first);
  EXPECT_THAT(first->freshness(), SizeIs(3));
  freshness.set_page_token(first->next_page_token());
  EXPECT_EQ(handlers_.GetFreshness(call_, freshness)->freshness(0).app(), "projects/demo/apps/wx2");
}

TEST_F(ServiceTest, MissingDaysAreCounted) {
  ConnectAndSync();
  BeginNextNight();
  ASSERT_OK(worker_.syncer.Work());
  ASSERT_OK(worker_.syncer.UpdateGauges());
  EXPECT_THAT(worker_.registry.Serialize(),
              HasSubstr("datong_datacube_days_missing{api=\"getusersummary\"} 1"));
}

TEST_F(ServiceTest, TheServerAnswersWithStatusDetails) {
  rpc::TestServer server(
      [&](rpc::Calls& calls) { return MakeStatisticsGrpcService(calls, handlers_); });
  const auto stub = v1::StatisticsService::NewStub(server.channel());
  rpc::Outgoing outgoing(worker_.registry);
  v1::GetSyncRunRequest request;
  request.set_name("projects/demo/syncRuns/5");
  EXPECT_THAT(outgoing.Call(call_, "/datong.datacube.v1.StatisticsService/GetSyncRun", *stub,
                            &v1::StatisticsService::StubInterface::GetSyncRun, request),
              IsError(absl::StatusCode::kNotFound, "SYNC_RUN_UNKNOWN"));
}

}  // namespace
}  // namespace datong::datacube
