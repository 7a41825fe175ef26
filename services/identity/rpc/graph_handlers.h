#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/identity/v1/identity.pb.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/link_gatherer.h"
#include "services/identity/core/linker.h"
#include "services/identity/core/policy_store.h"

namespace datong::identity {

// Answers the RPCs of datong.identity.v1.IdentityService. Errors: as the proto says.
// Thread-safe. What it is given must outlive it.
class GraphHandlers {
 public:
  GraphHandlers(GraphStore& store, Linker& linker, PolicyStore& policies)
      : store_(store), linker_(linker), policies_(policies) {}

  absl::StatusOr<v1::RegisterProjectResponse> RegisterProject(
      const rpc::CallContext& call, const v1::RegisterProjectRequest& request);
  absl::StatusOr<v1::BindAppResponse> BindApp(const rpc::CallContext& call,
                                              const v1::BindAppRequest& request);
  absl::StatusOr<v1::LinkResponse> Link(const rpc::CallContext& call,
                                        const v1::LinkRequest& request);
  absl::StatusOr<v1::LinkBatchResponse> LinkBatch(const rpc::CallContext& call,
                                                  const v1::LinkBatchRequest& request);
  absl::StatusOr<v1::ListBindingsResponse> ListBindings(const rpc::CallContext& call,
                                                        const v1::ListBindingsRequest& request);
  absl::StatusOr<v1::ListMembershipsResponse> ListMemberships(
      const rpc::CallContext& call, const v1::ListMembershipsRequest& request);
  absl::StatusOr<v1::ResolveResponse> Resolve(const rpc::CallContext& call,
                                              const v1::ResolveRequest& request);
  absl::StatusOr<v1::ResolveBatchResponse> ResolveBatch(const rpc::CallContext& call,
                                                        const v1::ResolveBatchRequest& request);
  absl::StatusOr<v1::GetPersonResponse> GetPerson(const rpc::CallContext& call,
                                                  const v1::GetPersonRequest& request);
  absl::StatusOr<v1::ListPersonsResponse> ListPersons(const rpc::CallContext& call,
                                                      const v1::ListPersonsRequest& request);
  absl::StatusOr<v1::ListRefusalsResponse> ListRefusals(const rpc::CallContext& call,
                                                        const v1::ListRefusalsRequest& request);
  absl::StatusOr<v1::GetGraphStatsResponse> GetGraphStats(const rpc::CallContext& call,
                                                          const v1::GetGraphStatsRequest& request);
  absl::StatusOr<v1::ListChangesResponse> ListChanges(const rpc::CallContext& call,
                                                      const v1::ListChangesRequest& request);
  // One page of the stream; empty when there is nothing new.
  absl::StatusOr<v1::WatchChangesResponse> NextChanges(const rpc::CallContext& call,
                                                       const std::string& project,
                                                       const std::string& cursor);

  GraphStore& store() { return store_; }
  Linker& linker() { return linker_; }

 private:
  absl::StatusOr<v1::ResolveResponse> ResolvePast(const Project& project,
                                                  const std::string& identifier,
                                                  std::optional<int64_t> version,
                                                  std::optional<absl::Time> at, Deadline deadline);
  absl::Status ForgetWeak(const Project& project, const std::vector<std::string>& identifiers,
                          int weakest_class, Deadline deadline, std::vector<uint32_t>& indexes);
  absl::Status KeepStrong(const Project& project, const std::string& identifier, int weakest_class,
                          Deadline deadline, PersonView& person);

  GraphStore& store_;
  Linker& linker_;
  LinkGatherer gatherer_{linker_};
  PolicyStore& policies_;
};

}  // namespace datong::identity
