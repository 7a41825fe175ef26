#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/time/clock.h"
#include "datong/datacube/v1/statistics.pb.h"
#include "services/datacube/core/store.h"

namespace datong::datacube {

// Answers the RPCs of datong.datacube.v1.StatisticsService. Thread-safe; blocks on the store.
// `store` and `clock` must outlive it. Errors: as the proto says, and those of the store.
class StatisticsHandlers {
 public:
  StatisticsHandlers(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  absl::StatusOr<v1::QueryStatisticsResponse> QueryStatistics(
      const rpc::CallContext& call, const v1::QueryStatisticsRequest& request);
  absl::StatusOr<v1::GetFreshnessResponse> GetFreshness(const rpc::CallContext& call,
                                                        const v1::GetFreshnessRequest& request);
  absl::StatusOr<v1::ListSyncRunsResponse> ListSyncRuns(const rpc::CallContext& call,
                                                        const v1::ListSyncRunsRequest& request);
  absl::StatusOr<v1::GetSyncRunResponse> GetSyncRun(const rpc::CallContext& call,
                                                    const v1::GetSyncRunRequest& request);
  absl::StatusOr<v1::TriggerSyncResponse> TriggerSync(const rpc::CallContext& call,
                                                      const v1::TriggerSyncRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
};

}  // namespace datong::datacube
