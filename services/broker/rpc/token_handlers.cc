#include "services/broker/rpc/token_handlers.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "common/wechat/lenient_json.h"
#include "services/broker/core/errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {
namespace {

using Served = BrokerMetrics::Served;

constexpr size_t kMostJsonBytes = 1 << 20;

}  // namespace

TokenHandlers::TokenHandlers(TokenBroker& tokens, ApiProxy& api, PushReceiver& pushes,
                             AuditLog& audit, AuditStore& audit_store, AppStore& apps,
                             BrokerMetrics& metrics)
    : tokens_(tokens),
      api_(api),
      pushes_(pushes),
      audit_(audit),
      audit_store_(audit_store),
      apps_(apps),
      metrics_(metrics) {}

absl::Status TokenHandlers::Hand(const rpc::CallContext& call, const CachedToken& token,
                                 v1::GetTokenResponse& response) {
  if (!audit_.Count({.caller = call.caller.name,
                     .project = token.project,
                     .appid = token.appid,
                     .kind = token.app_kind,
                     .action = "read_token",
                     .fingerprint = token.fingerprint})) {
    metrics_.TokenServed(token.kind, Served::kDenied);
    return AuditUnavailable();
  }
  response.set_access_token(token.token.Expose());
  response.set_fingerprint(token.fingerprint);
  response.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(token.expires));
  return absl::OkStatus();
}

std::optional<absl::Status> TokenHandlers::GetTokenFromMemory(const rpc::CallContext& call,
                                                              const v1::GetTokenRequest& request,
                                                              v1::GetTokenResponse& response) {
  const absl::string_view name = request.app();
  const size_t slash = name.rfind('/');
  if (slash == absl::string_view::npos) return std::nullopt;
  const CachedTokenPtr token = tokens_.FindCached(name.substr(slash + 1));
  if (token == nullptr || token->name != name) return std::nullopt;
  absl::Status status = Hand(call, *token, response);
  if (status.ok()) {
    metrics_.TokenServed(token->kind, tokens_.store_reachable() ? Served::kHit : Served::kStale);
  }
  return status;
}

absl::Status TokenHandlers::GetToken(const rpc::CallContext& call,
                                     const v1::GetTokenRequest& request,
                                     v1::GetTokenResponse& response) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName name, rpc::ParseAppName(request.app()));
  absl::StatusOr<App> app = apps_.GetApp(name.app, call.deadline);
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != name.project)) {
    return AppUnknown(request.app());
  }
  if (!app.ok()) return app.status();
  const TokenKind kind = TokenKindOf(*app);
  absl::StatusOr<CachedTokenPtr> token = tokens_.Get(name.app, call.deadline);
  if (!token.ok()) {
    const bool denied = absl::IsFailedPrecondition(token.status());
    metrics_.TokenServed(kind, denied ? Served::kDenied : Served::kUnavailable);
    const std::string reason = GetReason(token.status());
    Access access = AccessTo(*app, "read_token", call);
    access.allowed = false;
    access.reason = reason;
    static_cast<void>(audit_.Count(access));  // nothing is handed out
    return token.status();
  }
  DATONG_RETURN_IF_ERROR(Hand(call, **token, response));
  metrics_.TokenServed(kind, Served::kRefreshed);
  return absl::OkStatus();
}

absl::StatusOr<App> TokenHandlers::FindApp(const std::string& appid, Deadline deadline) {
  const CachedTokenPtr token = tokens_.FindCached(appid);
  if (token == nullptr) return apps_.GetApp(appid, deadline);
  App app;
  app.project = token->project;
  app.appid = token->appid;
  app.kind = token->app_kind;
  return app;
}

absl::StatusOr<App> TokenHandlers::Admit(const rpc::CallContext& call, const std::string& name,
                                         absl::string_view action, absl::string_view reason) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  absl::StatusOr<App> app = FindApp(parsed.app, call.deadline);
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != parsed.project)) {
    return AppUnknown(name);
  }
  if (!app.ok()) return app.status();
  Access access = AccessTo(*app, action, call);
  access.reason = reason;
  if (!audit_.Count(access)) return AuditUnavailable();
  return app;
}

absl::StatusOr<v1::ReportInvalidTokenResponse> TokenHandlers::ReportInvalidToken(
    const rpc::CallContext& call, const v1::ReportInvalidTokenRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "report_invalid_token"));
  DATONG_ASSIGN_OR_RETURN(
      TokenBroker::Replacement replacement,
      tokens_.Replace(app.appid, request.fingerprint(), BrokerMetrics::Invalidated::kCallerReport,
                      call.deadline));
  v1::ReportInvalidTokenResponse response;
  response.set_replaced(replacement.replaced);
  response.set_current_fingerprint(replacement.current->fingerprint);
  return response;
}

absl::StatusOr<v1::CallApiResponse> TokenHandlers::CallApi(const rpc::CallContext& call,
                                                           const v1::CallApiRequest& request) {
  DATONG_RETURN_IF_ERROR(ApiProxy::CheckPath(request.path()));
  if (request.json().size() > kMostJsonBytes ||
      (!request.json().empty() && !wechat::ParseLenientJson(request.json()).has_value())) {
    return BrokerError(absl::StatusCode::kInvalidArgument, "API_BODY_INVALID",
                       "json must be a JSON document of at most 1 MiB.");
  }
  DATONG_ASSIGN_OR_RETURN(App app,
                          Admit(call, request.app(), "call_api", ApiLabel(request.path())));
  ApiCall api;
  api.kind = app.kind;
  api.path = request.path();
  api.query = {request.query().begin(), request.query().end()};
  api.json = request.json();
  const bool is_post = request.method() == v1::HTTP_METHOD_POST ||
                       (request.method() != v1::HTTP_METHOD_GET && !request.json().empty());
  api.method = is_post ? "POST" : "GET";
  ApiTerms terms;
  terms.repeatable = request.repeatable();
  terms.max_age =
      absl::Seconds(request.max_age().seconds()) + absl::Nanoseconds(request.max_age().nanos());
  terms.purpose = api_.PurposeOf(call.caller.name);
  DATONG_ASSIGN_OR_RETURN(ApiAnswer answer, api_.Call(app.appid, api, terms, call.deadline));
  v1::CallApiResponse response;
  response.set_json(std::move(answer.json));
  response.set_errcode(answer.errcode);
  response.set_rid(std::string(wechat::RidOf(answer.errmsg)));
  response.set_cached(answer.is_cached);
  response.set_errmsg(std::move(answer.errmsg));
  return response;
}

absl::StatusOr<v1::ListAccessResponse> TokenHandlers::ListAccess(
    const rpc::CallContext& call, const v1::ListAccessRequest& request) {
  AccessFilter filter;
  DATONG_ASSIGN_OR_RETURN(filter.project, rpc::ParseProjectName(request.project()));
  if (!request.app().empty()) {
    DATONG_ASSIGN_OR_RETURN(rpc::AppName name, rpc::ParseAppName(request.app()));
    if (name.project != filter.project) return AppUnknown(request.app());
    filter.appid = name.app;
  }
  filter.caller = request.caller();
  if (request.has_start_time()) filter.start = ToTime(request.start_time());
  if (request.has_end_time()) filter.end = ToTime(request.end_time());
  DATONG_ASSIGN_OR_RETURN(int32_t size, rpc::PageSize(request.page_size()));
  const std::string scope =
      absl::StrCat("access/", filter.project, "/", filter.appid, "/", filter.caller, "/",
                   absl::ToUnixSeconds(filter.start), "/", absl::ToUnixSeconds(filter.end));
  DATONG_ASSIGN_OR_RETURN(std::string after, rpc::ReadPageToken(request.page_token(), scope));
  if (!after.empty()) {
    const std::pair<std::string, std::string> key = absl::StrSplit(after, absl::MaxSplits('/', 1));
    int64_t second = 0;
    if (absl::SimpleAtoi(key.first, &second)) filter.before_second = absl::FromUnixSeconds(second);
    filter.before_id = key.second;
  }
  DATONG_ASSIGN_OR_RETURN(std::vector<AccessRow> rows,
                          audit_store_.List(filter, size + 1, call.deadline));
  v1::ListAccessResponse response;
  for (const AccessRow& row : rows) {
    if (response.accesses_size() == size) {
      const AccessRow& last = rows[static_cast<size_t>(size) - 1];
      response.set_next_page_token(
          rpc::MakePageToken(absl::StrCat(absl::ToUnixSeconds(last.second), "/", last.id), scope));
      break;
    }
    v1::Access* access = response.add_accesses();
    SetTime(row.second, access->mutable_access_time());
    access->set_caller(row.caller);
    access->set_app(AppName(row.project, row.appid));
    access->set_app_kind(static_cast<v1::AppKind>(row.kind));
    access->set_action(row.action);
    access->set_decision(row.allowed ? "allow" : "deny");
    access->set_reason(row.reason);
    access->set_count(row.count);
    access->set_fingerprint(row.fingerprint);
    access->set_request_id(row.request_id);
    access->set_trace_id(row.trace_id);
    access->set_peer(row.peer);
  }
  return response;
}

absl::StatusOr<v1::ReceivePushResponse> TokenHandlers::ReceivePush(
    const rpc::CallContext& call, const v1::ReceivePushRequest& request) {
  // WeChat waits 5 s; what takes longer is better answered by its next try.
  DATONG_ASSIGN_OR_RETURN(
      std::string body,
      pushes_.Receive({request.path(), request.query(), request.method(), request.body()},
                      call.deadline.AtMost(absl::Seconds(4))));
  v1::ReceivePushResponse response;
  response.set_body(std::move(body));
  response.set_content_type("text/plain; charset=utf-8");
  return response;
}

}  // namespace datong::broker
