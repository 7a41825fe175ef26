// Who is who, now and then.

#include "services/identity/rpc/graph_handlers.h"

#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/identifier/identifier.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/person_id.h"
#include "services/identity/core/resolution.h"
#include "services/identity/rpc/convert.h"

namespace datong::identity {
namespace {

constexpr int kMostInBatch = 1000;

// A question about the past.
struct When {
  std::optional<int64_t> version;
  std::optional<absl::Time> at;
  bool past() const { return version.has_value() || at.has_value(); }
};

// Errors: INVALID_ARGUMENT/RESOLVE_INVALID.
template <typename Request>
absl::StatusOr<When> WhenOf(const Request& request) {
  When when;
  if (request.when_case() == Request::kAtVersion) when.version = request.at_version();
  if (request.when_case() == Request::kAtTime) when.at = FromProto(request.at_time());
  if (when.past() && request.weakest_class() != v1::EVIDENCE_CLASS_UNSPECIFIED) {
    return ResolveInvalid("The past and a class of evidence cannot be asked for together");
  }
  return when;
}

bool LeavesOut(v1::EvidenceClass weakest) {
  return weakest != v1::EVIDENCE_CLASS_UNSPECIFIED && weakest != v1::EVIDENCE_CLASS_CLAIM;
}

int ClassOf(v1::EvidenceClass weakest) { return static_cast<int>(weakest) - 1; }

}  // namespace

// Takes from the person what only weaker evidence joins to the identifier.
absl::Status GraphHandlers::KeepStrong(const Project& project, const std::string& identifier,
                                       int weakest_class, Deadline deadline, PersonView& person) {
  DATONG_ASSIGN_OR_RETURN(const RawComponent raw,
                          store_.LoadComponent(project, identifier, deadline));
  DATONG_ASSIGN_OR_RETURN(const ProjectPolicy policy, policies_.GetPolicy(project, deadline));
  const std::set<std::string> kept =
      StrongPart(raw.evidence, policy.policy, raw.decisions, identifier, weakest_class);
  // The person's name goes only to who proves more than a claim to be that person.
  if (!kept.contains(person.identifiers.front().identifier)) return IdentifierUnknown();
  std::erase_if(person.identifiers,
                [&](const HeldIdentifier& held) { return !kept.contains(held.identifier); });
  return absl::OkStatus();
}

absl::StatusOr<v1::ResolveResponse> GraphHandlers::ResolvePast(const Project& project,
                                                               const std::string& identifier,
                                                               std::optional<int64_t> version,
                                                               std::optional<absl::Time> at,
                                                               Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(const int64_t latest, store_.Version(project, deadline));
  if (version.value_or(0) > latest) return ResolveInvalid("The graph has no such version yet");
  DATONG_ASSIGN_OR_RETURN(const PastPerson past,
                          store_.WhoWas(project, identifier, version, at, deadline));
  if (past.index == 0) return IdentifierUnknown();
  v1::ResolveResponse response;
  response.mutable_person()->set_name(PersonName(project.name, past.index));
  response.mutable_person()->set_person_index(past.index);
  for (const std::string& id : past.identifiers) {
    auto* out = response.mutable_person()->add_identifiers();
    out->set_identifier(id);
    out->set_node(NodeOf(project.number, id));
  }
  response.set_version(version.value_or(latest));
  return response;
}

absl::StatusOr<v1::ResolveResponse> GraphHandlers::Resolve(const rpc::CallContext& call,
                                                           const v1::ResolveRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Identifier parsed, Identifier::Parse(request.identifier()));
  const std::string identifier = parsed.ToString();
  DATONG_ASSIGN_OR_RETURN(const When when, WhenOf(request));
  if (when.past()) return ResolvePast(project, identifier, when.version, when.at, call.deadline);
  int64_t version = 0;
  DATONG_ASSIGN_OR_RETURN(const std::vector<uint32_t> indexes,
                          store_.FindPersons(project, {identifier}, &version, call.deadline));
  if (indexes.front() == 0) return IdentifierUnknown();
  DATONG_ASSIGN_OR_RETURN(std::vector<PersonView> persons,
                          store_.LoadPersons(project, indexes, call.deadline));
  if (persons.empty()) return IdentifierUnknown();
  if (LeavesOut(request.weakest_class())) {
    DATONG_RETURN_IF_ERROR(KeepStrong(project, identifier, ClassOf(request.weakest_class()),
                                      call.deadline, persons.front()));
  }
  v1::ResolveResponse response;
  ToProto(project.name, persons.front(), response.mutable_person());
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::ResolveBatchResponse> GraphHandlers::ResolveBatch(
    const rpc::CallContext& call, const v1::ResolveBatchRequest& request) {
  if (request.identifiers_size() < 1 || request.identifiers_size() > kMostInBatch) {
    return BatchTooLarge(static_cast<size_t>(request.identifiers_size()), kMostInBatch);
  }
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  std::vector<std::string> identifiers;
  for (const std::string& text : request.identifiers()) {
    const absl::StatusOr<Identifier> parsed = Identifier::Parse(text);
    identifiers.push_back(parsed.ok() ? parsed->ToString() : "");  // nobody's
  }
  DATONG_ASSIGN_OR_RETURN(const When when, WhenOf(request));
  int64_t version = 0;
  std::vector<uint32_t> indexes;
  if (when.past()) {
    DATONG_ASSIGN_OR_RETURN(const int64_t latest, store_.Version(project, call.deadline));
    DATONG_ASSIGN_OR_RETURN(
        indexes, store_.FindPersonsAt(project, identifiers, when.version, when.at, call.deadline));
    version = when.version.value_or(latest);
  } else {
    DATONG_ASSIGN_OR_RETURN(indexes,
                            store_.FindPersons(project, identifiers, &version, call.deadline));
  }
  if (LeavesOut(request.weakest_class())) {
    DATONG_RETURN_IF_ERROR(
        ForgetWeak(project, identifiers, ClassOf(request.weakest_class()), call.deadline, indexes));
  }
  v1::ResolveBatchResponse response;
  response.set_version(version);
  for (size_t i = 0; i < indexes.size(); ++i) {
    auto* result = response.add_results();
    result->set_identifier(request.identifiers(static_cast<int>(i)));
    if (indexes[i] != 0) result->set_person(PersonName(project.name, indexes[i]));
    result->set_person_index(indexes[i]);
  }
  return response;
}

// Takes from the answer the persons that the identifiers are joined to by weaker evidence alone.
absl::Status GraphHandlers::ForgetWeak(const Project& project,
                                       const std::vector<std::string>& identifiers,
                                       int weakest_class, Deadline deadline,
                                       std::vector<uint32_t>& indexes) {
  std::vector<int> places;
  DATONG_ASSIGN_OR_RETURN(const std::vector<RawComponent> components,
                          store_.LoadRawComponents(project, identifiers, &places, deadline));
  DATONG_ASSIGN_OR_RETURN(const ProjectPolicy policy, policies_.GetPolicy(project, deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<PersonView> persons,
                          store_.LoadPersons(project, indexes, deadline));
  std::map<uint32_t, std::string> known_by;
  for (const PersonView& person : persons) {
    known_by[person.index] = person.identifiers.front().identifier;
  }
  for (size_t i = 0; i < identifiers.size(); ++i) {
    if (indexes[i] == 0 || places[i] < 0) continue;
    const RawComponent& raw = components[static_cast<size_t>(places[i])];
    const std::set<std::string> kept =
        StrongPart(raw.evidence, policy.policy, raw.decisions, identifiers[i], weakest_class);
    if (!kept.contains(known_by[indexes[i]])) indexes[i] = 0;
  }
  return absl::OkStatus();
}

}  // namespace datong::identity
