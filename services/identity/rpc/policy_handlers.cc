#include "services/identity/rpc/policy_handlers.h"

#include <limits>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/identity/core/policy_comparison.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/rpc/policy_convert.h"

namespace datong::identity {
namespace {

constexpr int kComponentsInPage = 500;
constexpr int kMostComponentsInPage = 2000;

void Write(const PolicyComparison::Group& group, v1::DryRunPolicyResponse::Regrouping::Group* out) {
  for (const std::string& id : group) out->add_identifiers(id);
}

void Add(const PolicyComparison& comparison, v1::DryRunPolicyResponse& response) {
  response.set_component_count(response.component_count() + 1);
  if (comparison.frozen) response.set_frozen_count(response.frozen_count() + 1);
  response.set_merged_count(response.merged_count() + comparison.merged);
  response.set_split_count(response.split_count() + comparison.split);
  for (const PolicyComparison::Regrouping& regrouping : comparison.regroupings) {
    auto* out = response.add_regroupings();
    for (const PolicyComparison::Group& group : regrouping.before) Write(group, out->add_before());
    for (const PolicyComparison::Group& group : regrouping.after) Write(group, out->add_after());
  }
  for (const auto& [reason, count] : comparison.refusals_opened) {
    (*response.mutable_refusals_opened())[reason] += count;
  }
  for (const auto& [reason, count] : comparison.refusals_closed) {
    (*response.mutable_refusals_closed())[reason] += count;
  }
}

}  // namespace

absl::StatusOr<v1::GetPolicyResponse> PolicyHandlers::GetPolicy(
    const rpc::CallContext& call, const v1::GetPolicyRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const ProjectPolicy policy, policies_.GetPolicy(project, call.deadline));
  v1::GetPolicyResponse response;
  ToProto(policy.policy, response.mutable_policy());
  response.set_policy_version(policy.version);
  response.set_recomputing(policy.recomputing);
  response.set_actor(policy.actor);
  if (policy.version > 0) ToProto(policy.set_at, response.mutable_set_time());
  return response;
}

absl::StatusOr<v1::SetPolicyResponse> PolicyHandlers::SetPolicy(
    const rpc::CallContext& call, const v1::SetPolicyRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const ProjectPolicy held, policies_.GetPolicy(project, call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Policy wanted, Merge(held.policy, request.policy()));
  DATONG_ASSIGN_OR_RETURN(ProjectPolicy policy,
                          policies_.SetPolicy(project, wanted, call.caller.name, call.deadline));
  while (request.wait() && policy.recomputing) {
    DATONG_RETURN_IF_ERROR(policies_.RunRecomputation(&project, call.deadline).status());
    DATONG_ASSIGN_OR_RETURN(policy.recomputing,
                            policies_.IsRecomputing(project, "", call.deadline));
  }
  v1::SetPolicyResponse response;
  ToProto(policy.policy, response.mutable_policy());
  response.set_policy_version(policy.version);
  response.set_recomputing(policy.recomputing);
  DATONG_ASSIGN_OR_RETURN(const int64_t version, graph_.Version(project, call.deadline));
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::DryRunPolicyResponse> PolicyHandlers::DryRunPolicy(
    const rpc::CallContext& call, const v1::DryRunPolicyRequest& request) {
  const std::string filter =
      absl::StrCat("dry_run\n", request.project(), "\n", request.policy().SerializeAsString());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit, rpc::PageSize(request.page_size(), kComponentsInPage,
                                                             kMostComponentsInPage));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  int64_t component = std::numeric_limits<int64_t>::min();
  if (!after.empty() && !absl::SimpleAtoi(after, &component)) component = 0;
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const ProjectPolicy held, policies_.GetPolicy(project, call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Policy proposed, Merge(held.policy, request.policy()));
  DATONG_ASSIGN_OR_RETURN(const ComponentPage page,
                          policies_.LoadComponents(project, component, limit, call.deadline));
  v1::DryRunPolicyResponse response;
  for (const GraphState& state : page.components) {
    Add(ComparePolicies(state, held.policy, proposed), response);
  }
  if (page.more) response.set_next_page_token(rpc::MakePageToken(absl::StrCat(page.last), filter));
  return response;
}

}  // namespace datong::identity
