// Who decided what, who was who, and why.

#include <string>
#include <utility>
#include <vector>

#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/explain.h"
#include "services/identity/core/person_id.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/rpc/decision_convert.h"
#include "services/identity/rpc/decision_handlers.h"
#include "services/identity/rpc/refusals.h"

namespace datong::identity {

absl::StatusOr<v1::ListDecisionsResponse> DecisionHandlers::ListDecisions(
    const rpc::CallContext& call, const v1::ListDecisionsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string id, ReadIdentifier(request.identifier()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<Decision> decisions,
                          decisions_.ListDecisions(project, {id}, call.deadline));
  v1::ListDecisionsResponse response;
  for (const Decision& decision : decisions) WriteDecision(decision, response.add_decisions());
  return response;
}

absl::StatusOr<v1::ListHistoryResponse> DecisionHandlers::ListHistory(
    const rpc::CallContext& call, const v1::ListHistoryRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string id, ReadIdentifier(request.identifier()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<HistorySpan> spans,
                          graph_.History(project, id, call.deadline));
  if (spans.empty()) return IdentifierUnknown();
  v1::ListHistoryResponse response;
  for (const HistorySpan& span : spans) {
    auto* out = response.add_spans();
    if (span.person != 0) out->set_person(PersonName(project.name, span.person));
    out->set_person_index(span.person);
    ToProto(span.from, out->mutable_from_time());
    if (span.until != absl::InfiniteFuture()) ToProto(span.until, out->mutable_until_time());
    out->set_version(span.version);
  }
  return response;
}

absl::StatusOr<v1::WhoWasResponse> DecisionHandlers::WhoWas(const rpc::CallContext& call,
                                                            const v1::WhoWasRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string id, ReadIdentifier(request.identifier()));
  std::optional<int64_t> version;
  std::optional<absl::Time> at;
  if (request.when_case() == v1::WhoWasRequest::kAtVersion) version = request.at_version();
  if (request.when_case() == v1::WhoWasRequest::kAtTime) at = FromProto(request.at_time());
  if (!version.has_value() && !at.has_value()) {
    return DecisionInvalid("The time or the version is missing");
  }
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const PastPerson past,
                          graph_.WhoWas(project, id, version, at, call.deadline));
  if (past.index == 0) return IdentifierUnknown();
  v1::WhoWasResponse response;
  response.set_person(PersonName(project.name, past.index));
  response.set_person_index(past.index);
  for (const std::string& held : past.identifiers) response.add_identifiers(held);
  return response;
}

absl::StatusOr<v1::ExplainResponse> DecisionHandlers::Explain(const rpc::CallContext& call,
                                                              const v1::ExplainRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string a, ReadIdentifier(request.identifier()));
  DATONG_ASSIGN_OR_RETURN(const std::string b, ReadIdentifier(request.other_identifier()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const RawComponent raw, graph_.LoadComponent(project, a, call.deadline));
  if (raw.evidence.empty()) return IdentifierUnknown();
  DATONG_ASSIGN_OR_RETURN(const ProjectPolicy policy, policies_.GetPolicy(project, call.deadline));
  const Explanation explanation =
      identity::Explain(raw.evidence, raw.decisions, policy.policy, a, b);
  v1::ExplainResponse response;
  response.set_same_person(explanation.same_person);
  std::vector<std::string> named = {a, b};
  for (const Explanation::Step& step : explanation.path) {
    auto* out = response.add_path();
    out->set_from(step.from);
    out->set_to(step.to);
    out->set_evidence_kind(step.evidence_kind);
    out->set_evidence_class(static_cast<v1::EvidenceClass>(step.evidence_class + 1));
    ToProto(step.observed, out->mutable_observed_time());
    if (step.refused.has_value()) {
      out->set_refused_reason(NameOf(*step.refused));
      out->set_refused_rule(RuleOf(*step.refused));
    }
    named.push_back(step.to);
  }
  if (!explanation.same_person) {
    DATONG_ASSIGN_OR_RETURN(const std::vector<RefusalView> refusals,
                            graph_.FindRefusals(project, named, call.deadline));
    DATONG_RETURN_IF_ERROR(
        WriteRefusals(graph_, project, refusals, *response.mutable_refusals(), call.deadline));
  }
  DATONG_ASSIGN_OR_RETURN(const std::vector<Decision> decisions,
                          decisions_.ListDecisions(project, {a, b}, call.deadline));
  for (const Decision& decision : decisions) WriteDecision(decision, response.add_decisions());
  return response;
}

}  // namespace datong::identity
