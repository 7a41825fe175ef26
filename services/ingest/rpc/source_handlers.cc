#include "services/ingest/rpc/source_handlers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/ingest/core/errors.h"

namespace datong::ingest {
namespace {

void ToProto(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t micros = absl::ToUnixMicros(time);
  out->set_seconds(micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
}

v1::Source ToProto(const Source& source) {
  v1::Source out;
  out.set_name(source.Name());
  out.set_number(source.number);
  out.set_display_name(source.display_name);
  out.set_kind(static_cast<v1::SourceKind>(source.kind));
  out.set_surface(source.surface);
  out.set_app(source.app);
  out.set_write_key(source.write_key);
  out.set_data_source_id(source.data_source_id);
  out.set_sdk_project(source.sdk_project);
  out.set_device_scope(source.device_scope);
  out.set_login_space(source.login_space);
  out.mutable_login_spaces()->insert(source.login_spaces.begin(), source.login_spaces.end());
  out.set_device_id_is_openid(source.device_id_is_openid);
  out.set_attribute_by(static_cast<v1::AttributeBy>(source.attribute_by));
  for (const std::string& origin : source.origins) out.add_origins(origin);
  out.set_trust(static_cast<v1::Trust>(source.trust));
  out.set_consent_mode(static_cast<v1::ConsentMode>(source.consent_mode));
  out.set_schema_mode(v1::SCHEMA_MODE_OFF);
  const PrivacyRules& rules = source.privacy;
  if (!(rules == PrivacyRules())) {
    v1::Privacy& privacy = *out.mutable_privacy();
    for (const std::string& name : rules.dropped_parameters) privacy.add_dropped_parameters(name);
    for (const std::string& name : rules.kept_parameters) privacy.add_kept_parameters(name);
    for (const std::string& name : rules.hashed_fields) privacy.add_hashed_fields(name);
    privacy.set_keep_typed_text(rules.keep_typed_text);
    privacy.set_keep_exact_location(rules.keep_exact_location);
  }
  out.set_disabled(source.disabled);
  ToProto(source.create_time, out.mutable_create_time());
  ToProto(source.update_time, out.mutable_update_time());
  return out;
}

absl::StatusOr<Source> FromProto(const v1::Source& in) {
  DATONG_ASSIGN_OR_RETURN(const SourceName name, ParseSourceName(in.name()));
  Source source;
  source.project = name.project;
  source.id = name.source;
  source.display_name = in.display_name();
  switch (in.kind()) {
    case v1::SOURCE_KIND_UNSPECIFIED:
    case v1::SOURCE_KIND_SDK:
      source.kind = SourceKind::kSdk;
      break;
    case v1::SOURCE_KIND_SERVER:
      source.kind = SourceKind::kServer;
      break;
    case v1::SOURCE_KIND_PUSH:
      source.kind = SourceKind::kPush;
      break;
    default:
      return SourceInvalid("kind", "is none of SDK, SERVER, PUSH");
  }
  source.surface = in.surface();
  source.app = in.app();
  source.write_key = in.write_key();
  source.data_source_id = in.data_source_id();
  source.sdk_project = in.sdk_project();
  source.device_scope = in.device_scope();
  source.login_space = in.login_space();
  source.login_spaces = {in.login_spaces().begin(), in.login_spaces().end()};
  source.device_id_is_openid = in.device_id_is_openid();
  // A value of a later version must not silently become the default.
  if (!v1::AttributeBy_IsValid(in.attribute_by())) {
    return SourceInvalid("attribute_by", "is neither DEVICE nor LOGIN_THEN_DEVICE");
  }
  if (!v1::ConsentMode_IsValid(in.consent_mode())) {
    return SourceInvalid("consent_mode", "is neither UNLESS_WITHDRAWN nor REQUIRED");
  }
  source.attribute_by = in.attribute_by() == v1::ATTRIBUTE_BY_LOGIN_THEN_DEVICE
                            ? AttributeBy::kLoginThenDevice
                            : AttributeBy::kDevice;
  source.origins = {in.origins().begin(), in.origins().end()};
  switch (in.trust()) {
    case v1::TRUST_CLIENT:
      source.trust = Trust::kClient;
      break;
    case v1::TRUST_SERVER:
      source.trust = Trust::kServer;
      break;
    case v1::TRUST_UNSPECIFIED:
      source.trust = source.kind == SourceKind::kSdk ? Trust::kClient : Trust::kServer;
      break;
    default:
      return SourceInvalid("trust", "is neither CLIENT nor SERVER");
  }
  source.consent_mode = in.consent_mode() == v1::CONSENT_MODE_REQUIRED
                            ? ConsentMode::kRequired
                            : ConsentMode::kUnlessWithdrawn;
  if (in.schema_mode() != v1::SCHEMA_MODE_UNSPECIFIED && in.schema_mode() != v1::SCHEMA_MODE_OFF) {
    return SourceInvalid("schema_mode", "only OFF is offered; leave it out");
  }
  const v1::Privacy& privacy = in.privacy();
  source.privacy = {
      {privacy.dropped_parameters().begin(), privacy.dropped_parameters().end()},
      {privacy.kept_parameters().begin(), privacy.kept_parameters().end()},
      {privacy.hashed_fields().begin(), privacy.hashed_fields().end()},
      privacy.keep_typed_text(),
      privacy.keep_exact_location(),
  };
  source.disabled = in.disabled();
  return source;
}

}  // namespace

absl::StatusOr<SourceName> ParseSourceName(absl::string_view name) {
  absl::StatusOr<std::vector<std::string>> parts =
      rpc::ParseResourceName(name, "projects/{}/sources/{}", "SOURCE_NAME_INVALID");
  if (!parts.ok()) return SourceNameInvalid(name);
  return SourceName{(*parts)[0], (*parts)[1]};
}

absl::StatusOr<v1::RegisterProjectResponse> SourceHandlers::RegisterProject(
    const rpc::CallContext& call, const v1::RegisterProjectRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  DATONG_RETURN_IF_ERROR(
      sources_.RegisterProject({request.number(), std::move(project)}, call.deadline));
  return v1::RegisterProjectResponse();
}

absl::StatusOr<v1::CreateSourceResponse> SourceHandlers::CreateSource(
    const rpc::CallContext& call, const v1::CreateSourceRequest& request) {
  if (request.source().kind() == v1::SOURCE_KIND_UNSPECIFIED) {
    return SourceInvalid("kind", "is required");
  }
  DATONG_ASSIGN_OR_RETURN(Source source, FromProto(request.source()));
  DATONG_ASSIGN_OR_RETURN(const SourcePtr stored,
                          sources_.Create(std::move(source), call.deadline));
  v1::CreateSourceResponse response;
  *response.mutable_source() = ToProto(*stored);
  return response;
}

absl::StatusOr<v1::GetSourceResponse> SourceHandlers::GetSource(
    const rpc::CallContext& call, const v1::GetSourceRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const SourceName name, ParseSourceName(request.name()));
  DATONG_ASSIGN_OR_RETURN(const SourcePtr source,
                          sources_.Get(name.project, name.source, call.deadline));
  v1::GetSourceResponse response;
  *response.mutable_source() = ToProto(*source);
  return response;
}

absl::StatusOr<v1::ListSourcesResponse> SourceHandlers::ListSources(
    const rpc::CallContext& call, const v1::ListSourcesRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string id, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(const int32_t size, rpc::PageSize(request.page_size()));
  const std::string filter = absl::StrCat("sources:", id);
  DATONG_ASSIGN_OR_RETURN(const std::string last, rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project, sources_.GetProject(id, call.deadline));
  v1::ListSourcesResponse response;
  response.set_project_number(project.number);
  for (const SourcePtr& source : sources_.Snapshot()->OfProject(id)) {
    if (source->id <= last) continue;
    if (response.sources_size() == size) {
      const absl::string_view name = response.sources(size - 1).name();
      response.set_next_page_token(rpc::MakePageToken(name.substr(name.rfind('/') + 1), filter));
      break;
    }
    *response.add_sources() = ToProto(*source);
  }
  return response;
}

absl::StatusOr<v1::UpdateSourceResponse> SourceHandlers::UpdateSource(
    const rpc::CallContext& call, const v1::UpdateSourceRequest& request) {
  DATONG_ASSIGN_OR_RETURN(Source source, FromProto(request.source()));
  if (request.source().trust() == v1::TRUST_UNSPECIFIED) {
    // What the kind implies is known only from the stored source.
    DATONG_ASSIGN_OR_RETURN(const SourcePtr there,
                            sources_.Get(source.project, source.id, call.deadline));
    source.trust = there->kind == SourceKind::kSdk ? Trust::kClient : Trust::kServer;
  }
  DATONG_ASSIGN_OR_RETURN(const SourcePtr stored,
                          sources_.Update(std::move(source), call.deadline));
  v1::UpdateSourceResponse response;
  *response.mutable_source() = ToProto(*stored);
  return response;
}

absl::StatusOr<v1::EnsurePushSourceResponse> SourceHandlers::EnsurePushSource(
    const rpc::CallContext& call, const v1::EnsurePushSourceRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(const SourcePtr source,
                          sources_.EnsurePush(project, request.app(), request.surface(),
                                              request.display_name(), call.deadline));
  v1::EnsurePushSourceResponse response;
  *response.mutable_source() = ToProto(*source);
  return response;
}

}  // namespace datong::ingest
