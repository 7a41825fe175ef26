#include "services/identity/rpc/privacy_handlers.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/paging.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/person_id.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/rpc/subject.h"

namespace datong::identity {
namespace {

constexpr int kErasuresPage = 100;
constexpr int kMostErasures = 1000;

absl::Status RecordKeyReused() {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   "The person has a record of this kind and key with another value; take a key of "
                   "its own for each record.",
                   {kErrorDomain, "RECORD_KEY_REUSED", {}});
}

void Fill(const BusinessRecord& record, v1::BusinessRecord* out) {
  out->set_kind(record.kind);
  out->set_key(record.key);
  out->set_source(record.source);
  // Only what FromProto wrote is stored, so this reads it.
  static_cast<void>(
      google::protobuf::util::JsonStringToMessage(record.value_json, out->mutable_value()));
  ToProto(record.occurred, out->mutable_occur_time());
}

}  // namespace

absl::StatusOr<v1::ExportPersonResponse> PrivacyHandlers::ExportPerson(
    const rpc::CallContext& call, const v1::ExportPersonRequest& request) {
  absl::StatusOr<v1::ExportPersonResponse> exported = Export(call, request);
  metrics_.Exported(exported.ok());
  return exported;
}

absl::StatusOr<v1::ExportPersonResponse> PrivacyHandlers::Export(
    const rpc::CallContext& call, const v1::ExportPersonRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject subject,
                          FindKnownSubject(graph_, project, request.subject(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(
      const std::string json,
      privacy_.Export(project, subject.person, subject.identifiers, call.deadline));
  v1::ExportPersonResponse response;
  const auto read = google::protobuf::util::JsonStringToMessage(json, response.mutable_document());
  if (!read.ok()) return absl::InternalError("what was exported is no JSON object");
  (*response.mutable_document()->mutable_fields())["person"].set_string_value(
      PersonName(project.name, subject.person));
  return response;
}

absl::StatusOr<v1::ListErasuresResponse> PrivacyHandlers::ListErasures(
    const rpc::CallContext& call, const v1::ListErasuresRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const int32_t limit,
                          rpc::PageSize(request.page_size(), kErasuresPage, kMostErasures));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const ErasurePage page,
                          privacy_.ListErasures(project, request.cursor(), limit, call.deadline));
  v1::ListErasuresResponse response;
  for (const ErasedNode& erased : page.nodes) {
    v1::ListErasuresResponse::Erasure& erasure = *response.add_erasures();
    erasure.set_node(erased.node);
    ToProto(erased.erased, erasure.mutable_erase_time());
  }
  response.set_next_cursor(page.next_cursor);
  response.set_project_number(project.number);
  return response;
}

absl::StatusOr<v1::PutRecordResponse> PrivacyHandlers::PutRecord(
    const rpc::CallContext& call, const v1::PutRecordRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const BusinessRecord record, RecordOf(request.record(), clock_.Now()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject subject,
                          FindSubject(graph_, project, request.subject(), call.deadline));
  bool created = false;
  DATONG_ASSIGN_OR_RETURN(
      const BusinessRecord kept,
      privacy_.PutRecord(project, subject.identifiers, record, &created, call.deadline));
  if (kept.value_json != record.value_json) return RecordKeyReused();
  v1::PutRecordResponse response;
  Fill(kept, response.mutable_record());
  response.set_created(created);
  return response;
}

absl::StatusOr<v1::ListRecordsResponse> PrivacyHandlers::ListRecords(
    const rpc::CallContext& call, const v1::ListRecordsRequest& request) {
  const std::string filter =
      absl::StrCat("records\n", request.project(), "\n", request.subject().person(), "\n",
                   request.subject().identifier(), "\n", request.kind());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject subject,
                          FindSubject(graph_, project, request.subject(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const PageOf<BusinessRecord> page,
                          privacy_.ListRecords(project, subject.identifiers, request.kind(), after,
                                               limit, call.deadline));
  v1::ListRecordsResponse response;
  for (const BusinessRecord& record : page.items) Fill(record, response.add_records());
  if (!page.next_key.empty()) {
    response.set_next_page_token(rpc::MakePageToken(page.next_key, filter));
  }
  return response;
}

}  // namespace datong::identity
