#include "services/identity/rpc/graph_handlers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/person_id.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/rpc/refusals.h"

namespace datong::identity {
namespace {

constexpr int kMostInBatch = 1000;
constexpr absl::Duration kLeaveToOthers = absl::Seconds(3);

}  // namespace

absl::StatusOr<v1::RegisterProjectResponse> GraphHandlers::RegisterProject(
    const rpc::CallContext& call, const v1::RegisterProjectRequest& request) {
  DATONG_RETURN_IF_ERROR(rpc::ParseProjectName(request.project()).status());
  if (request.number() <= 0) {
    return FieldInvalid("PROJECT_NUMBER_INVALID", "A project's number is above 0");
  }
  DATONG_RETURN_IF_ERROR(
      store_.RegisterProject({request.project(), request.number()}, call.deadline));
  return v1::RegisterProjectResponse();
}

absl::StatusOr<v1::BindAppResponse> GraphHandlers::BindApp(const rpc::CallContext& call,
                                                           const v1::BindAppRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  for (const std::string& text : {request.appid(), request.open_platform_account()}) {
    // Both become part of identifiers.
    if (!text.empty() && !Identifier::Parse(absl::StrCat("unionid:", text, ":x")).ok()) {
      return FieldInvalid("BINDING_INVALID", "The appid or the account holds bytes that it cannot");
    }
    if (text.find(':') != std::string::npos) {
      return FieldInvalid("BINDING_INVALID", "The appid or the account holds a colon");
    }
  }
  if (request.appid().empty()) return FieldInvalid("BINDING_INVALID", "The appid is missing");
  std::optional<absl::Time> from;
  if (request.has_from_time()) from = FromProto(request.from_time());
  DATONG_RETURN_IF_ERROR(store_.BindApp(project, request.appid(), request.open_platform_account(),
                                        from, call.deadline));
  v1::BindAppResponse response;
  for (;;) {
    DATONG_ASSIGN_OR_RETURN(const int released,
                            store_.ReleaseParked(project, request.appid(), call.deadline));
    if (released == 0) break;
    response.set_released_count(response.released_count() + released);
  }
  // Evidence from before; what the deadline leaves is done in the background.
  for (bool more = true; more && call.deadline.Remaining() > kLeaveToOthers;) {
    DATONG_ASSIGN_OR_RETURN(more, policies_.IsRecomputing(project, request.appid(), call.deadline));
    if (!more) break;
    DATONG_ASSIGN_OR_RETURN(more, policies_.RunRecomputation(&project, call.deadline));
  }
  DATONG_ASSIGN_OR_RETURN(const int64_t version, store_.Version(project, call.deadline));
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::ListBindingsResponse> GraphHandlers::ListBindings(
    const rpc::CallContext& call, const v1::ListBindingsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<Binding> bindings,
                          store_.ListBindings(project, request.appid(), call.deadline));
  v1::ListBindingsResponse response;
  for (const Binding& binding : bindings) {
    if (response.bindings_size() > 0) {
      ToProto(binding.valid_from,
              response.mutable_bindings(response.bindings_size() - 1)->mutable_until_time());
    }
    auto* out = response.add_bindings();
    out->set_open_platform_account(binding.account);
    ToProto(binding.valid_from, out->mutable_from_time());
  }
  DATONG_ASSIGN_OR_RETURN(const bool rescoping,
                          policies_.IsRecomputing(project, request.appid(), call.deadline));
  response.set_rescoping(rescoping);
  return response;
}

absl::StatusOr<v1::LinkResponse> GraphHandlers::Link(const rpc::CallContext& call,
                                                     const v1::LinkRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  Evidence record = FromProto(request.evidence());
  DATONG_ASSIGN_OR_RETURN(const std::string rejected,
                          gatherer_.Link(project, record, call.deadline));
  if (!rejected.empty()) return EvidenceInvalid(rejected);
  Normalise(record);
  v1::LinkResponse response;
  int64_t version = 0;
  DATONG_ASSIGN_OR_RETURN(const std::vector<uint32_t> indexes,
                          store_.FindPersons(project, record.ids, &version, call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<PersonView> persons,
                          store_.LoadPersons(project, indexes, call.deadline));
  for (const PersonView& person : persons) ToProto(project.name, person, response.add_persons());
  DATONG_ASSIGN_OR_RETURN(const std::vector<RefusalView> refusals,
                          store_.FindRefusals(project, record.ids, call.deadline));
  DATONG_RETURN_IF_ERROR(
      WriteRefusals(store_, project, refusals, *response.mutable_refusals(), call.deadline));
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::LinkBatchResponse> GraphHandlers::LinkBatch(
    const rpc::CallContext& call, const v1::LinkBatchRequest& request) {
  if (request.evidence_size() < 1 || request.evidence_size() > kMostInBatch) {
    return BatchTooLarge(static_cast<size_t>(request.evidence_size()), kMostInBatch);
  }
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  std::vector<Evidence> records;
  records.reserve(static_cast<size_t>(request.evidence_size()));
  for (const v1::Evidence& evidence : request.evidence()) records.push_back(FromProto(evidence));
  DATONG_ASSIGN_OR_RETURN(const Linker::Result linked,
                          linker_.Link(project, std::move(records), call.deadline));
  v1::LinkBatchResponse response;
  response.set_recorded_count(linked.recorded);
  response.set_known_count(linked.known);
  response.set_parked_count(linked.parked);
  response.set_erased_count(linked.erased);
  response.set_version(linked.version);
  for (const Linker::Rejected& rejected : linked.rejected) {
    auto* out = response.add_rejected();
    out->set_index(static_cast<int32_t>(rejected.index));
    out->set_reason(rejected.reason);
  }
  return response;
}

absl::StatusOr<v1::GetPersonResponse> GraphHandlers::GetPerson(
    const rpc::CallContext& call, const v1::GetPersonRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const ParsedPersonName name, ParsePersonName(request.name()));
  DATONG_ASSIGN_OR_RETURN(const Project project, store_.FindProject(name.project, call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<PersonView> persons,
                          store_.LoadPersons(project, {name.index}, call.deadline));
  if (persons.empty()) return PersonUnknown();
  v1::GetPersonResponse response;
  ToProto(project.name, persons.front(), response.mutable_person());
  DATONG_ASSIGN_OR_RETURN(const int64_t version, store_.Version(project, call.deadline));
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::ListPersonsResponse> GraphHandlers::ListPersons(
    const rpc::CallContext& call, const v1::ListPersonsRequest& request) {
  const std::string filter = absl::StrCat("persons\n", request.project(), "\n",
                                          request.identifier_prefix(), "\n", request.kind());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const PageOf<PersonView> page,
                          store_.ListPersons(project, {request.identifier_prefix(), request.kind()},
                                             after, limit, call.deadline));
  v1::ListPersonsResponse response;
  for (const PersonView& person : page.items) ToProto(project.name, person, response.add_persons());
  if (!page.next_key.empty()) {
    response.set_next_page_token(rpc::MakePageToken(page.next_key, filter));
  }
  return response;
}

absl::StatusOr<v1::ListRefusalsResponse> GraphHandlers::ListRefusals(
    const rpc::CallContext& call, const v1::ListRefusalsRequest& request) {
  const std::string filter =
      absl::StrCat("refusals\n", request.project(), "\n", request.reason(), "\n",
                   request.identifier(), "\n", request.include_closed());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(
      const PageOf<RefusalView> page,
      store_.ListRefusals(project,
                          {request.reason(), request.identifier(), request.include_closed()}, after,
                          limit, call.deadline));
  v1::ListRefusalsResponse response;
  DATONG_RETURN_IF_ERROR(
      WriteRefusals(store_, project, page.items, *response.mutable_refusals(), call.deadline));
  if (!page.next_key.empty()) {
    response.set_next_page_token(rpc::MakePageToken(page.next_key, filter));
  }
  return response;
}

absl::StatusOr<v1::GetGraphStatsResponse> GraphHandlers::GetGraphStats(
    const rpc::CallContext& call, const v1::GetGraphStatsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const GraphStats stats, store_.Stats(project, call.deadline));
  v1::GetGraphStatsResponse response;
  int64_t identifiers = 0;
  for (const auto& [kind, count] : stats.identifiers_by_kind) {
    identifiers += count;
    (*response.mutable_identifiers_by_kind())[kind] = count;
  }
  for (const auto& [reason, count] : stats.refusals_by_reason) {
    (*response.mutable_refusals_by_reason())[reason] = count;
  }
  response.set_identifier_count(identifiers);
  response.set_person_count(stats.persons);
  response.set_merge_count(stats.merges);
  response.set_split_count(stats.splits);
  response.set_evidence_count(stats.evidence);
  response.set_parked_count(stats.parked);
  response.set_version(stats.version);
  return response;
}

}  // namespace datong::identity
