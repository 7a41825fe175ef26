#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/insight/v1/insight.pb.h"
#include "services/insight/core/analyst.h"
#include "services/insight/core/metrics.h"

namespace datong::insight {

// Answers the RPCs of datong.insight.v1.InsightService: checks the request, asks the analyst, fills
// the response. Thread-safe. `analyst` and `metrics` must outlive it. Errors: as the proto says.
class InsightHandlers {
 public:
  InsightHandlers(Analyst& analyst, InsightMetrics& metrics)
      : analyst_(analyst), metrics_(metrics) {}

  absl::StatusOr<v1::QueryTrafficResponse> QueryTraffic(const rpc::CallContext& call,
                                                        const v1::QueryTrafficRequest& request);
  absl::StatusOr<v1::QueryOverlapResponse> QueryOverlap(const rpc::CallContext& call,
                                                        const v1::QueryOverlapRequest& request);
  absl::StatusOr<v1::QueryFunnelResponse> QueryFunnel(const rpc::CallContext& call,
                                                      const v1::QueryFunnelRequest& request);
  absl::StatusOr<v1::QueryRetentionResponse> QueryRetention(
      const rpc::CallContext& call, const v1::QueryRetentionRequest& request);
  absl::StatusOr<v1::GetTimelineResponse> GetTimeline(const rpc::CallContext& call,
                                                      const v1::GetTimelineRequest& request);
  absl::StatusOr<v1::SearchPersonsResponse> SearchPersons(const rpc::CallContext& call,
                                                          const v1::SearchPersonsRequest& request);
  absl::StatusOr<v1::QueryFollowerGrowthResponse> QueryFollowerGrowth(
      const rpc::CallContext& call, const v1::QueryFollowerGrowthRequest& request);

 private:
  absl::StatusOr<v1::QueryTrafficResponse> Traffic(const rpc::CallContext& call,
                                                   const v1::QueryTrafficRequest& request);
  absl::StatusOr<v1::QueryOverlapResponse> Overlap(const rpc::CallContext& call,
                                                   const v1::QueryOverlapRequest& request);
  absl::StatusOr<v1::QueryFunnelResponse> Funnel(const rpc::CallContext& call,
                                                 const v1::QueryFunnelRequest& request);
  absl::StatusOr<v1::QueryRetentionResponse> Retention(const rpc::CallContext& call,
                                                       const v1::QueryRetentionRequest& request);
  absl::StatusOr<v1::GetTimelineResponse> Timeline(const rpc::CallContext& call,
                                                   const v1::GetTimelineRequest& request);
  absl::StatusOr<v1::SearchPersonsResponse> Persons(const rpc::CallContext& call,
                                                    const v1::SearchPersonsRequest& request);
  absl::StatusOr<v1::QueryFollowerGrowthResponse> Followers(
      const rpc::CallContext& call, const v1::QueryFollowerGrowthRequest& request);

  Analyst& analyst_;
  InsightMetrics& metrics_;
};

}  // namespace datong::insight
