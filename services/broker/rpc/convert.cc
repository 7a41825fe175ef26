#include "services/broker/rpc/convert.h"

#include "absl/strings/str_cat.h"

namespace datong::broker {

void SetTime(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const int64_t micros = absl::ToUnixMicros(time);
  timestamp->set_seconds(micros / 1'000'000);
  timestamp->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
}

Access AccessBy(const rpc::CallContext& call) {
  // "00-{trace}-{span}-01"
  constexpr size_t kTraceAt = 3, kTraceSize = 32;
  const absl::string_view parent = call.traceparent;
  Access access;
  access.caller = call.caller.name;
  access.request_id = call.request_id;
  if (parent.size() > kTraceAt) access.trace_id = parent.substr(kTraceAt, kTraceSize);
  access.peer = call.caller.peer;
  return access;
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

Access AccessTo(const App& app, absl::string_view action, const rpc::CallContext& call) {
  Access access = AccessBy(call);
  access.project = app.project;
  access.appid = app.appid;
  access.kind = app.kind;
  access.action = action;
  return access;
}

void ToProto(const Project& project, v1::Project* message) {
  message->set_name(project.name());
  message->set_display_name(project.display_name);
  message->set_number(project.number);
  SetTime(project.created, message->mutable_create_time());
}

void ToProto(const App& app, v1::App* message) {
  message->set_name(app.name());
  message->set_appid(app.appid);
  message->set_kind(static_cast<v1::AppKind>(app.kind));
  message->set_display_name(app.display_name);
  message->set_open_platform_account(app.open_platform_account);
  if (!app.component.empty()) message->set_component(AppName(app.project, app.component));
  message->set_state(static_cast<v1::AppState>(app.state));
  message->set_state_detail(app.state_detail);
  message->set_original_id(app.original_id);
  SetTime(app.created, message->mutable_create_time());
  if (IsWecom(app.kind)) {
    message->mutable_wecom()->set_corpid(app.corpid);
    message->mutable_wecom()->set_agentid(app.agentid);
  }
  message->set_token_source(app.classic_token ? v1::TOKEN_SOURCE_CLASSIC : v1::TOKEN_SOURCE_STABLE);
  for (const std::string& domain : app.js_domains) message->add_js_domains(domain);
}

void ToProto(const Authorization& authorization, v1::Authorization* message) {
  message->set_name(
      absl::StrCat("projects/", authorization.project, "/authorizations/", authorization.appid));
  message->set_app(AppName(authorization.project, authorization.appid));
  message->set_component(AppName(authorization.project, authorization.component));
  message->set_state(static_cast<v1::AppState>(authorization.state));
  for (const int32_t id : authorization.permission_sets) message->add_permission_sets(id);
  message->set_nick_name(authorization.nick_name);
  message->set_principal_name(authorization.principal_name);
  message->set_verified(authorization.verify_type == 0);
  message->set_service_type(authorization.service_type);
  message->set_verify_type(authorization.verify_type);
  message->set_original_id(authorization.original_id);
  SetTime(authorization.authorized, message->mutable_authorize_time());
  if (authorization.revoked.has_value()) {
    SetTime(*authorization.revoked, message->mutable_revoke_time());
  }
  message->set_details_known(authorization.details_known);
}

}  // namespace datong::broker
