#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/identity/v1/policy.pb.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/policy_store.h"

namespace datong::identity {

// Answers the RPCs of datong.identity.v1.PolicyService. Errors: as the proto says. Thread-safe.
// What it is given must outlive it.
class PolicyHandlers {
 public:
  PolicyHandlers(GraphStore& graph, PolicyStore& policies) : graph_(graph), policies_(policies) {}

  absl::StatusOr<v1::GetPolicyResponse> GetPolicy(const rpc::CallContext& call,
                                                  const v1::GetPolicyRequest& request);
  absl::StatusOr<v1::SetPolicyResponse> SetPolicy(const rpc::CallContext& call,
                                                  const v1::SetPolicyRequest& request);
  absl::StatusOr<v1::DryRunPolicyResponse> DryRunPolicy(const rpc::CallContext& call,
                                                        const v1::DryRunPolicyRequest& request);

 private:
  // What identifiers that only `proposed` admits would join over raw components.
  absl::Status AddJoined(const Project& project, const Policy& current, const Policy& proposed,
                         Deadline deadline, v1::DryRunPolicyResponse& response);

  GraphStore& graph_;
  PolicyStore& policies_;
};

}  // namespace datong::identity
