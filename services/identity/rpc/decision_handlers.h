#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/time/clock.h"
#include "datong/identity/v1/decisions.pb.h"
#include "services/identity/core/decision_store.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/policy_store.h"
#include "services/identity/rpc/graph_handlers.h"

namespace datong::identity {

// Answers the RPCs of datong.identity.v1.DecisionService. Errors: as the proto says. Thread-safe.
// What it is given must outlive it.
class DecisionHandlers {
 public:
  DecisionHandlers(GraphStore& graph, DecisionStore& decisions, GraphHandlers& graph_handlers,
                   const Clock& clock, PolicyStore& policies)
      : graph_(graph),
        decisions_(decisions),
        graph_handlers_(graph_handlers),
        clock_(clock),
        policies_(policies) {}

  absl::StatusOr<v1::UnlinkResponse> Unlink(const rpc::CallContext& call,
                                            const v1::UnlinkRequest& request);
  absl::StatusOr<v1::RebindResponse> Rebind(const rpc::CallContext& call,
                                            const v1::RebindRequest& request);
  absl::StatusOr<v1::RevokeAuthorizationResponse> RevokeAuthorization(
      const rpc::CallContext& call, const v1::RevokeAuthorizationRequest& request);
  absl::StatusOr<v1::MigrateOpenidResponse> MigrateOpenid(const rpc::CallContext& call,
                                                          const v1::MigrateOpenidRequest& request);
  absl::StatusOr<v1::RebindOpenPlatformResponse> RebindOpenPlatform(
      const rpc::CallContext& call, const v1::RebindOpenPlatformRequest& request);
  absl::StatusOr<v1::EraseResponse> Erase(const rpc::CallContext& call,
                                          const v1::EraseRequest& request);
  absl::StatusOr<v1::CancelCorpAuthorizationResponse> CancelCorpAuthorization(
      const rpc::CallContext& call, const v1::CancelCorpAuthorizationRequest& request);
  absl::StatusOr<v1::ListDecisionsResponse> ListDecisions(const rpc::CallContext& call,
                                                          const v1::ListDecisionsRequest& request);
  absl::StatusOr<v1::ListHistoryResponse> ListHistory(const rpc::CallContext& call,
                                                      const v1::ListHistoryRequest& request);
  absl::StatusOr<v1::WhoWasResponse> WhoWas(const rpc::CallContext& call,
                                            const v1::WhoWasRequest& request);
  absl::StatusOr<v1::ExplainResponse> Explain(const rpc::CallContext& call,
                                              const v1::ExplainRequest& request);

 private:
  // Errors: INVALID_ARGUMENT/DECISION_INVALID for the future.
  absl::StatusOr<absl::Time> TimeOf(bool given, const google::protobuf::Timestamp& time) const;
  // Erases what is due, with others of which the turn has come.
  absl::Status RunErasures(Deadline deadline);
  absl::StatusOr<int64_t> Decide(const Project& project, std::vector<Decision> decisions,
                                 std::vector<Evidence> records, Deadline deadline);

  GraphStore& graph_;
  DecisionStore& decisions_;
  GraphHandlers& graph_handlers_;
  const Clock& clock_;
  PolicyStore& policies_;
};

}  // namespace datong::identity
