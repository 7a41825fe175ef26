#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/identity/v1/relation.pb.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/relation_store.h"

namespace datong::identity {

// Answers the RPCs of datong.identity.v1.RelationService. Errors: as the proto says. Thread-safe.
// What it is given must outlive it.
class RelationHandlers {
 public:
  RelationHandlers(GraphStore& graph, RelationStore& relations)
      : graph_(graph), relations_(relations) {}

  absl::StatusOr<v1::RecordRelationResponse> RecordRelation(
      const rpc::CallContext& call, const v1::RecordRelationRequest& request);
  absl::StatusOr<v1::RecordRelationsResponse> RecordRelations(
      const rpc::CallContext& call, const v1::RecordRelationsRequest& request);
  absl::StatusOr<v1::ListRelationsResponse> ListRelations(const rpc::CallContext& call,
                                                          const v1::ListRelationsRequest& request);

 private:
  GraphStore& graph_;
  RelationStore& relations_;
};

}  // namespace datong::identity
