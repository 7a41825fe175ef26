#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/identity/v1/integrity.pb.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/policy_store.h"

namespace datong::identity {

// Answers the RPCs of datong.identity.v1.IntegrityService. Errors: as the proto says. Thread-safe.
// What it is given must outlive it.
class IntegrityHandlers {
 public:
  IntegrityHandlers(GraphStore& graph, PolicyStore& policies)
      : graph_(graph), policies_(policies) {}

  absl::StatusOr<v1::GetIntegrityResponse> GetIntegrity(const rpc::CallContext& call,
                                                        const v1::GetIntegrityRequest& request);
  absl::StatusOr<v1::ListFrozenComponentsResponse> ListFrozenComponents(
      const rpc::CallContext& call, const v1::ListFrozenComponentsRequest& request);
  absl::StatusOr<v1::ListIncidentsResponse> ListIncidents(const rpc::CallContext& call,
                                                          const v1::ListIncidentsRequest& request);
  absl::StatusOr<v1::CloseIncidentsResponse> CloseIncidents(
      const rpc::CallContext& call, const v1::CloseIncidentsRequest& request);

 private:
  GraphStore& graph_;
  PolicyStore& policies_;
};

}  // namespace datong::identity
