#include "services/identity/rpc/relation_handlers.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/identifier/identifier.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/rpc/convert.h"

namespace datong::identity {
namespace {

constexpr size_t kLongestWith = 128;
constexpr size_t kMostRelations = 1000;

absl::Status RelationInvalid(absl::string_view problem) {
  return FieldInvalid("RELATION_INVALID", problem);
}

// Errors: INVALID_ARGUMENT/RELATION_INVALID, INVALID_ARGUMENT/IDENTIFIER_INVALID.
absl::StatusOr<Relation> Read(const v1::Relation& from) {
  DATONG_ASSIGN_OR_RETURN(const Identifier parsed, Identifier::Parse(from.identifier()));
  Relation relation;
  relation.identifier = parsed.ToString();
  const IdKind wanted = from.kind() == v1::RELATION_KIND_FOLLOWER ? IdKind::kOpenid : IdKind::kExt;
  if (from.kind() != v1::RELATION_KIND_FOLLOWER && from.kind() != v1::RELATION_KIND_CONTACT) {
    return RelationInvalid("The kind is follower or contact");
  }
  if (KindOf(relation.identifier) != wanted || !IsUtf8(relation.identifier)) {
    return RelationInvalid("A follower is an openid, a contact an external user id");
  }
  if (!v1::RelationState_IsValid(from.state()) || from.state() == v1::RELATION_STATE_UNSPECIFIED) {
    return RelationInvalid("The state is missing");
  }
  if (from.with().size() > kLongestWith || !IsUtf8(from.with()) ||
      from.with().find('\0') != std::string::npos) {
    return RelationInvalid("`with` holds up to 128 bytes of UTF-8");
  }
  if (!from.has_since_time() || FromProto(from.since_time()) <= absl::UnixEpoch() ||
      FromProto(from.since_time()) >= absl::FromUnixSeconds(1LL << 34)) {
    return RelationInvalid("The time is missing");
  }
  relation.kind = static_cast<RelationKind>(from.kind());
  relation.state = static_cast<RelationState>(from.state());
  relation.with = from.with();
  relation.since = absl::FromUnixMicros(absl::ToUnixMicros(FromProto(from.since_time())));
  return relation;
}

}  // namespace

absl::StatusOr<v1::RecordRelationResponse> RelationHandlers::RecordRelation(
    const rpc::CallContext& call, const v1::RecordRelationRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Relation relation, Read(request.relation()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const int applied,
                          relations_.Record(project, {&relation, 1}, call.deadline));
  v1::RecordRelationResponse response;
  response.set_applied(applied > 0);
  return response;
}

absl::StatusOr<v1::RecordRelationsResponse> RelationHandlers::RecordRelations(
    const rpc::CallContext& call, const v1::RecordRelationsRequest& request) {
  const auto size = static_cast<size_t>(request.relations_size());
  if (size < 1 || size > kMostRelations) return BatchTooLarge(size, kMostRelations);
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  v1::RecordRelationsResponse response;
  std::vector<Relation> relations;
  for (int i = 0; i < request.relations_size(); ++i) {
    absl::StatusOr<Relation> relation = Read(request.relations(i));
    if (relation.ok()) {
      relations.push_back(*std::move(relation));
      continue;
    }
    auto* rejected = response.add_rejected();
    rejected->set_index(i);
    rejected->set_reason(GetReason(relation.status()));
  }
  DATONG_ASSIGN_OR_RETURN(const int applied, relations_.Record(project, relations, call.deadline));
  response.set_applied_count(applied);
  return response;
}

absl::StatusOr<v1::ListRelationsResponse> RelationHandlers::ListRelations(
    const rpc::CallContext& call, const v1::ListRelationsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Identifier parsed, Identifier::Parse(request.identifier()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  std::vector<std::string> identifiers = {parsed.ToString()};
  DATONG_ASSIGN_OR_RETURN(const std::vector<uint32_t> indexes,
                          graph_.FindPersons(project, identifiers, nullptr, call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<PersonView> persons,
                          graph_.LoadPersons(project, indexes, call.deadline));
  for (const PersonView& person : persons) {
    for (const HeldIdentifier& held : person.identifiers) identifiers.push_back(held.identifier);
  }
  DATONG_ASSIGN_OR_RETURN(const std::vector<Relation> relations,
                          relations_.List(project, identifiers, call.deadline));
  // Also one whose identifier is in no evidence yet.
  if (persons.empty() && relations.empty()) return IdentifierUnknown();
  v1::ListRelationsResponse response;
  for (const Relation& relation : relations) {
    auto* out = response.add_relations();
    out->set_identifier(relation.identifier);
    out->set_kind(static_cast<v1::RelationKind>(relation.kind));
    out->set_with(relation.with);
    out->set_state(static_cast<v1::RelationState>(relation.state));
    ToProto(relation.since, out->mutable_since_time());
  }
  return response;
}

}  // namespace datong::identity
