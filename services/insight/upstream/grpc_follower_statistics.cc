#include <algorithm>
#include <utility>

#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "services/insight/upstream/peer_clients.h"

namespace datong::insight {
namespace {

constexpr char kQueryStatistics[] = "/datong.datacube.v1.StatisticsService/QueryStatistics";

namespace pb = ::datong::datacube::v1;

absl::Status AddRow(const pb::StatisticRow& row, FollowerFacts& facts) {
  DATONG_ASSIGN_OR_RETURN(const absl::CivilDay day, ParseDay(row.day()));
  if (row.metric() == pb::METRIC_FOLLOWER_CHANGE) {
    facts.changes.push_back({row.app(), day, row.user_source(), row.new_user(), row.cancel_user()});
  } else {
    FollowerTotal total{row.app(), day, std::nullopt};
    if (row.has_cumulate_user()) total.followers = row.cumulate_user();
    facts.totals.push_back(std::move(total));
  }
  const absl::Time fetched = absl::FromUnixSeconds(row.fetch_time().seconds()) +
                             absl::Nanoseconds(row.fetch_time().nanos());
  facts.fetch_time = std::max(facts.fetch_time.value_or(fetched), fetched);
  return absl::OkStatus();
}

}  // namespace

struct GrpcFollowerStatistics::Stub {
  std::unique_ptr<pb::StatisticsService::Stub> service;
};

GrpcFollowerStatistics::GrpcFollowerStatistics(std::shared_ptr<grpc::Channel> channel,
                                               rpc::Outgoing& outgoing)
    : stub_(new Stub{pb::StatisticsService::NewStub(std::move(channel))}), outgoing_(outgoing) {
  outgoing_.Expect({kQueryStatistics});
}
GrpcFollowerStatistics::~GrpcFollowerStatistics() = default;

absl::StatusOr<FollowerFacts> GrpcFollowerStatistics::Read(const Asker& asker,
                                                           const std::string& project,
                                                           const std::vector<std::string>& apps,
                                                           const DayRange& range) {
  FollowerFacts facts;
  for (const pb::Metric metric : {pb::METRIC_FOLLOWER_CHANGE, pb::METRIC_FOLLOWER_TOTAL}) {
    pb::QueryStatisticsRequest request;
    request.set_project("projects/" + project);
    for (const std::string& app : apps) request.add_apps(app);
    request.set_metric(metric);
    request.set_begin_day(FormatDay(range.begin));
    request.set_end_day(FormatDay(range.end));
    request.set_page_size(5000);
    do {
      absl::StatusOr<pb::QueryStatisticsResponse> response = outgoing_.Call(
          asker.context, kQueryStatistics, *stub_->service,
          &pb::StatisticsService::StubInterface::QueryStatistics, request, {.idempotent = true});
      if (!response.ok()) return response.status();
      for (const pb::StatisticRow& row : response->rows()) {
        DATONG_RETURN_IF_ERROR(AddRow(row, facts));
      }
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty());
  }
  return facts;
}

}  // namespace datong::insight
