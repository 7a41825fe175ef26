#include "services/identity/rpc/policy_handlers.h"

#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

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

// `times` is 1, or -1 to take back what is counted elsewhere.
void AddCounts(const PolicyComparison& comparison, int64_t times,
               v1::DryRunPolicyResponse& response) {
  if (comparison.frozen) response.set_frozen_count(response.frozen_count() + times);
  response.set_merged_count(response.merged_count() + times * comparison.merged);
  response.set_split_count(response.split_count() + times * comparison.split);
  for (const auto& [reason, count] : comparison.refusals_opened) {
    (*response.mutable_refusals_opened())[reason] += times * count;
  }
  for (const auto& [reason, count] : comparison.refusals_closed) {
    (*response.mutable_refusals_closed())[reason] += times * count;
  }
}

void Add(const PolicyComparison& comparison, v1::DryRunPolicyResponse& response) {
  AddCounts(comparison, 1, response);
  for (const PolicyComparison::Regrouping& regrouping : comparison.regroupings) {
    auto* out = response.add_regroupings();
    for (const PolicyComparison::Group& group : regrouping.before) Write(group, out->add_before());
    for (const PolicyComparison::Group& group : regrouping.after) Write(group, out->add_after());
  }
}

GraphState Together(std::vector<GraphState> components) {
  GraphState all = std::move(components.front());
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  for (size_t i = 1; i < components.size(); ++i) {
    append(all.nodes, components[i].nodes);
    append(all.evidence, components[i].evidence);
    append(all.open_refusals, components[i].open_refusals);
    append(all.decisions, components[i].decisions);
  }
  return all;
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

absl::Status PolicyHandlers::AddJoined(const Project& project, const Policy& current,
                                       const Policy& proposed, Deadline deadline,
                                       v1::DryRunPolicyResponse& response) {
  DATONG_ASSIGN_OR_RETURN(std::vector<std::string> freed, policies_.ListFaulty(project, deadline));
  std::erase_if(freed, [&](const std::string& id) {
    return !FaultOf(id, current).has_value() || FaultOf(id, proposed).has_value();
  });
  if (freed.empty()) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(const std::vector<FaultyUse> uses,
                          policies_.FindUses(project, freed, deadline));
  for (const JoinedComponents& group : JoinByFreed(uses)) {
    if (group.ids > static_cast<int64_t>(proposed.max_component_ids)) {
      response.set_frozen_count(response.frozen_count() + 1);
      continue;
    }
    DATONG_ASSIGN_OR_RETURN(std::vector<GraphState> components,
                            policies_.LoadNamed(project, group.components, deadline));
    if (components.size() < 2) continue;
    // Each of them is counted by itself with its page.
    for (const GraphState& component : components) {
      AddCounts(ComparePolicies(component, current, proposed), -1, response);
    }
    Add(ComparePolicies(Together(std::move(components)), current, proposed), response);
  }
  return absl::OkStatus();
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
  if (after.empty()) {
    DATONG_RETURN_IF_ERROR(AddJoined(project, held.policy, proposed, call.deadline, response));
  }
  for (const GraphState& state : page.components) {
    Add(ComparePolicies(state, held.policy, proposed), response);
  }
  response.set_component_count(static_cast<int64_t>(page.components.size()));
  if (page.more) response.set_next_page_token(rpc::MakePageToken(absl::StrCat(page.last), filter));
  return response;
}

}  // namespace datong::identity
