// The handlers as functions, and once over gRPC.

#include "services/insight/rpc/insight_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/rpc/status.h"
#include "common/rpc/testing/test_server.h"
#include "common/testing/matchers.h"
#include "datong/insight/v1/insight.grpc.pb.h"
#include "google/protobuf/text_format.h"
#include "services/insight/rpc/insight_grpc_service.h"
#include "services/insight/testing/insight_estate.h"

namespace datong::insight {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

constexpr char kNovember[] =
    "project: 'projects/demo' begin_day: '2026-11-01' end_day: '2026-11-10' ";

class InsightHandlersTest : public ::testing::Test {
 protected:
  InsightHandlersTest() {
    estate_.feed.Link("openid:wx1:oA", 11, 1);
    estate_.feed.Link("device:h5:d", 12, 1);
    estate_.Store({{At(3, 1), 4, 11, 100, "subscribe"},
                   {At(3, 2), 1, 12, 0, "", "s1"},
                   {At(3, 3), 1, 12, 6, "", "s1"},
                   {At(4, 3), 3, 99, 0}});
  }
  absl::Time At(int day, int hour) {
    return ShanghaiMidnight(absl::CivilDay(2026, 11, day)) + absl::Hours(hour);
  }
  template <typename Request>
  Request Ask(const std::string& more) {
    return Parse<Request>(kNovember + more);
  }

  InsightEstate estate_;
  InsightHandlers handlers_{estate_.analyst, estate_.metrics};
};

TEST_F(InsightHandlersTest, TrafficShowsAllFirstThenEachSurface) {
  const auto response = handlers_.QueryTraffic(
      estate_.call, Ask<v1::QueryTrafficRequest>("granularity: GRANULARITY_TOTAL"));
  ASSERT_OK(response);
  ASSERT_EQ(response->rows_size(), 4);
  EXPECT_EQ(response->rows(0).surface(), "");
  EXPECT_EQ(response->rows(0).visitors(), 2);
  EXPECT_EQ(response->rows(0).visitors_sum(), 3);
  EXPECT_EQ(response->rows(0).new_visitors(), 2);
  EXPECT_EQ(response->rows(1).surface(), "h5");
  EXPECT_EQ(response->rows(1).page_views(), 1);
  EXPECT_EQ(response->rows(1).opens(), 1);
  EXPECT_EQ(response->as_of().position(), 1);
  EXPECT_EQ(response->as_of().identity_version(), 2);
}

TEST_F(InsightHandlersTest, OverlapFunnelAndRetentionAreFilledIn) {
  const auto overlap = handlers_.QueryOverlap(estate_.call, Ask<v1::QueryOverlapRequest>(""));
  ASSERT_OK(overlap);
  ASSERT_EQ(overlap->cells_size(), 2);
  EXPECT_EQ(overlap->pairs_size(), 6);
  EXPECT_EQ(overlap->persons(), 2);

  const auto funnel = handlers_.QueryFunnel(
      estate_.call,
      Ask<v1::QueryFunnelRequest>(
          "steps { display_name: '关注' any_of { event_name: 'subscribe' } } "
          "steps { any_of { event_type: EVENT_TYPE_VISIT } } window { seconds: 3600 }"));
  ASSERT_OK(funnel);
  ASSERT_EQ(funnel->steps_size(), 2);
  EXPECT_EQ(funnel->steps(0).display_name(), "关注");
  EXPECT_EQ(funnel->steps(1).persons(), 1);
  EXPECT_EQ(funnel->steps(1).rate_of_first(), 1.0);

  const auto retention = handlers_.QueryRetention(
      estate_.call, Ask<v1::QueryRetentionRequest>("cohort: COHORT_KIND_NEW periods: 2"));
  ASSERT_OK(retention);
  ASSERT_EQ(retention->rows_size(), 10);
  EXPECT_EQ(retention->rows(2).day(), "2026-11-03");
  EXPECT_EQ(retention->rows(2).size(), 1);
  EXPECT_EQ(retention->rows(2).cells_size(), 3);
}

TEST_F(InsightHandlersTest, PersonsAndTimelinesArePaged) {
  auto request = Parse<v1::GetTimelineRequest>(
      "project: 'projects/demo' identifier: 'openid:wx1:oA' page_size: 2");
  const auto first = handlers_.GetTimeline(estate_.call, request);
  ASSERT_OK(first);
  EXPECT_EQ(first->person().name(), "projects/demo/persons/p1");
  ASSERT_EQ(first->entries_size(), 2);
  EXPECT_EQ(first->entries(0).event_type(), ingest::v1::EVENT_TYPE_PAGE);
  EXPECT_EQ(first->entries(0).surface(), "h5");
  EXPECT_EQ(first->entries(0).source(), "projects/demo/sources/h5-a");
  request.set_page_token(first->next_page_token());
  const auto second = handlers_.GetTimeline(estate_.call, request);
  ASSERT_OK(second);
  ASSERT_EQ(second->entries_size(), 1);
  EXPECT_EQ(second->entries(0).event_type(), ingest::v1::EVENT_TYPE_PLATFORM_PUSH);
  EXPECT_EQ(second->next_page_token(), "");

  const auto persons = handlers_.SearchPersons(
      estate_.call, Parse<v1::SearchPersonsRequest>("project: 'projects/demo' query: 'oA'"));
  ASSERT_OK(persons);
  ASSERT_EQ(persons->persons_size(), 1);
  EXPECT_EQ(persons->persons(0).events(), 3);
}

TEST_F(InsightHandlersTest, FollowersComeFromThePlatform) {
  FollowerFacts facts;
  facts.changes = {{"projects/demo/apps/wx1", absl::CivilDay(2026, 11, 2), 30, 5, 2}};
  estate_.followers.facts = facts;
  const auto response =
      handlers_.QueryFollowerGrowth(estate_.call, Ask<v1::QueryFollowerGrowthRequest>(""));
  ASSERT_OK(response);
  EXPECT_EQ(response->days_size(), 20);
  EXPECT_FALSE(response->days(0).has_new_followers());
  EXPECT_EQ(response->days(2).net_followers(), 3);
  ASSERT_EQ(response->sources_size(), 1);
  EXPECT_EQ(response->sources(0).display_name(), "QR code");
  EXPECT_EQ(response->total().new_followers(), 5);
  estate_.followers.facts = absl::UnavailableError("away");
  EXPECT_THAT(handlers_.QueryFollowerGrowth(estate_.call, Ask<v1::QueryFollowerGrowthRequest>("")),
              IsError(absl::StatusCode::kUnavailable, "STATISTICS_UNAVAILABLE"));
}

TEST_F(InsightHandlersTest, RefusalsAreNamed) {
  const auto traffic = [&](const std::string& text) {
    return handlers_.QueryTraffic(estate_.call, Parse<v1::QueryTrafficRequest>(text));
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(traffic("project: 'demo'"), IsError(kInvalid, "PROJECT_NAME_INVALID"));
  EXPECT_THAT(traffic("project: 'projects/demo' begin_day: '2026-02-30' end_day: '2026-11-01'"),
              IsError(kInvalid, "DAY_INVALID"));
  EXPECT_THAT(traffic("project: 'projects/demo' begin_day: '2026-11-02' end_day: '2026-11-01'"),
              IsError(kInvalid, "DAY_RANGE_INVALID"));
  EXPECT_THAT(traffic("project: 'projects/demo' begin_day: '2020-11-02' end_day: '2026-11-01'"),
              IsError(kInvalid, "DAY_RANGE_INVALID"));

  const auto funnel = [&](const std::string& more) {
    return handlers_.QueryFunnel(estate_.call, Ask<v1::QueryFunnelRequest>(more));
  };
  const std::string step = "steps { any_of { event_name: 'x' } } ";
  EXPECT_THAT(funnel(step + "window { seconds: 1 }"), IsError(kInvalid, "STEPS_INVALID"));
  EXPECT_THAT(funnel(step + "steps { any_of {} } window { seconds: 1 }"),
              IsError(kInvalid, "STEPS_INVALID"));
  EXPECT_THAT(funnel(step + "steps { any_of { event_type: 999 } } window { seconds: 1 }"),
              IsError(kInvalid, "STEPS_INVALID"));
  EXPECT_THAT(funnel(step + step), IsError(kInvalid, "WINDOW_INVALID"));

  const auto retention = [&](const std::string& more) {
    return handlers_.QueryRetention(estate_.call, Ask<v1::QueryRetentionRequest>(more));
  };
  EXPECT_THAT(retention(""), IsError(kInvalid, "COHORT_REQUIRED"));
  EXPECT_THAT(retention("cohort: COHORT_KIND_NEW periods: -1"),
              IsError(kInvalid, "PERIODS_INVALID"));
  EXPECT_THAT(handlers_.GetTimeline(estate_.call,
                                    Parse<v1::GetTimelineRequest>("project: 'projects/demo'")),
              IsError(kInvalid, "PERSON_REQUIRED"));
  EXPECT_THAT(handlers_.SearchPersons(
                  estate_.call,
                  Parse<v1::SearchPersonsRequest>("project: 'projects/demo' page_token: 'x'")),
              IsError(kInvalid, "PAGE_TOKEN_INVALID"));
  EXPECT_TRUE(
      absl::StrContains(estate_.registry.Serialize(),
                        "datong_insight_queries_total{kind=\"traffic\",result=\"refused\"} 4"));
}

TEST_F(InsightHandlersTest, ServesOverGrpcWithStatusDetails) {
  rpc::TestServer server(
      [&](rpc::Calls& calls) { return MakeInsightGrpcService(calls, handlers_); });
  const auto stub = v1::InsightService::NewStub(server.channel());
  grpc::ClientContext good;
  v1::QueryOverlapResponse overlap;
  EXPECT_TRUE(stub->QueryOverlap(&good, Ask<v1::QueryOverlapRequest>(""), &overlap).ok());
  EXPECT_EQ(overlap.persons(), 2);
  grpc::ClientContext bad;
  const grpc::Status refused =
      stub->QueryOverlap(&bad, Ask<v1::QueryOverlapRequest>("surfaces: 'tv'"), &overlap);
  EXPECT_THAT(rpc::FromGrpcStatus(refused),
              IsError(absl::StatusCode::kNotFound, "SURFACE_UNKNOWN"));
}

}  // namespace
}  // namespace datong::insight
