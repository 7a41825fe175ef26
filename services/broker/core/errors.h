#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/status/error.h"

// The errors that a caller of the broker may act on.
namespace datong::broker {

inline constexpr char kErrorDomain[] = "broker.datong";

inline absl::Status BrokerError(absl::StatusCode code, absl::string_view reason,
                                absl::string_view message,
                                std::map<std::string, std::string> metadata = {}) {
  return MakeError(code, message, {kErrorDomain, std::string(reason), std::move(metadata)});
}

inline absl::Status ProjectUnknown(absl::string_view project) {
  return BrokerError(
      absl::StatusCode::kNotFound, "PROJECT_UNKNOWN",
      absl::StrCat("There is no project \"", project, "\"; create it with CreateProject."),
      {{"project", std::string(project)}});
}
inline absl::Status AppUnknown(absl::string_view app) {
  return BrokerError(
      absl::StatusCode::kNotFound, "APP_UNKNOWN",
      absl::StrCat("There is no app \"", app,
                   "\"; register it with CreateApp, or have it authorise a component."),
      {{"app", std::string(app)}});
}
inline absl::Status AppExists(absl::string_view appid) {
  return BrokerError(
      absl::StatusCode::kAlreadyExists, "APP_EXISTS",
      absl::StrCat("The appid \"", appid,
                   "\" is registered already, in another project or as another kind."),
      {{"appid", std::string(appid)}});
}
inline absl::Status AppKindUnsupported(absl::string_view appid, absl::string_view wanted) {
  return BrokerError(
      absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED",
      absl::StrCat("App \"", appid, "\" is not of a kind that this takes: ", wanted, "."),
      {{"appid", std::string(appid)}, {"wanted", std::string(wanted)}});
}
inline absl::Status CredentialsInvalid(absl::string_view field, absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "CREDENTIALS_INVALID",
                     absl::StrCat("credentials.", field, " ", problem, "."),
                     {{"field", std::string(field)}, {"problem", std::string(problem)}});
}
inline absl::Status AppNeedsReauth(absl::string_view app) {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "APP_NEEDS_REAUTH",
                     absl::StrCat("WeChat takes the refresh token of \"", app,
                                  "\" no longer; its administrator must authorise again."),
                     {{"app", std::string(app)}});
}
inline absl::Status AppRevoked(absl::string_view app) {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "APP_REVOKED",
                     absl::StrCat("The administrator of \"", app,
                                  "\" took the authorisation back; it must be given again."),
                     {{"app", std::string(app)}});
}
inline absl::Status AppBadConfig(absl::string_view app, absl::string_view detail) {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "APP_BAD_CONFIG",
      absl::StrCat("WeChat refuses the credentials of \"", app, "\": ", detail,
                   ". Correct them with UpdateApp, or the settings in WeChat's console."),
      {{"app", std::string(app)}, {"detail", std::string(detail)}});
}
inline absl::Status TicketMissing(absl::string_view component) {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "TICKET_MISSING",
      absl::StrCat("WeChat has pushed no component_verify_ticket for \"", component,
                   "\" within 12 hours. It comes every 10 minutes to the authorisation event URL: "
                   "check that URL, its token and its EncodingAESKey in WeChat's console."),
      {{"component", std::string(component)}});
}
inline absl::Status SuiteTicketMissing(absl::string_view suite) {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "TICKET_MISSING",
      absl::StrCat("WeCom has pushed no suite_ticket for \"", suite,
                   "\" within 30 minutes. It comes every 10 minutes to the instruction callback "
                   "URL: check that URL, its token and its EncodingAESKey in the provider's "
                   "console, where a push can be asked for too."),
      {{"component", std::string(suite)}});
}
inline absl::Status PlatformUnreachable(absl::string_view app) {
  return BrokerError(
      absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE",
      absl::StrCat("No answer from the platform for app \"", app, "\"; retry later."),
      {{"app", std::string(app)}});
}
inline absl::Status AuditUnavailable() {
  return BrokerError(absl::StatusCode::kUnavailable, "AUDIT_UNAVAILABLE",
                     "The access can not be recorded now, so it is refused; retry later.");
}
inline absl::Status RefreshTooOften(absl::string_view app) {
  return BrokerError(
      absl::StatusCode::kResourceExhausted, "REFRESH_TOO_OFTEN",
      absl::StrCat("The token of \"", app,
                   "\" was fetched anew less than 30 s ago, or too often today. If "
                   "WeChat refuses it still, another system fetches tokens of this app."),
      {{"app", std::string(app)}});
}
inline absl::Status TokenConflict(absl::string_view app) {
  return BrokerError(absl::StatusCode::kAborted, "TOKEN_CONFLICT",
                     absl::StrCat("WeChat refuses tokens of \"", app,
                                  "\" that are fresh: another system fetches tokens of this app. "
                                  "Find it and let it ask here instead."),
                     {{"app", std::string(app)}});
}
inline absl::Status TokenSuperseded(absl::string_view appid) {
  return BrokerError(
      absl::StatusCode::kAborted, "TOKEN_SUPERSEDED",
      absl::StrCat("The token of \"", appid, "\" was replaced meanwhile; read it again."),
      {{"appid", std::string(appid)}});
}
inline absl::Status LinkUnknown() {
  return BrokerError(absl::StatusCode::kNotFound, "LINK_UNKNOWN",
                     "There is no such authorisation link; ask for a new one.");
}
inline absl::Status LinkExpired() {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "LINK_EXPIRED",
                     "The time of this authorisation link is over; ask for a new one.");
}
inline absl::Status AuthorizationUnknown(absl::string_view name) {
  return BrokerError(absl::StatusCode::kNotFound, "AUTHORIZATION_UNKNOWN",
                     absl::StrCat("There is no authorisation \"", name, "\"."),
                     {{"authorization", std::string(name)}});
}
inline absl::Status AuthorizationCodeInvalid() {
  return BrokerError(
      absl::StatusCode::kInvalidArgument, "AUTHORIZATION_CODE_INVALID",
      "WeChat does not know this authorisation code, or it was used before; begin the "
      "authorisation again.");
}
inline absl::Status AuthorizationCodeExpired() {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "AUTHORIZATION_CODE_EXPIRED",
                     "The time of this authorisation code is over; begin the authorisation again.");
}
inline absl::Status LoginCodeInvalid() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "LOGIN_CODE_INVALID",
                     "WeChat does not know this js_code, or its 5 minutes are over; call wx.login "
                     "again.");
}
inline absl::Status LoginCodeUsed() {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "LOGIN_CODE_USED",
                     "This js_code was used before; call wx.login again.");
}
inline absl::Status UserBlocked() {
  return BrokerError(absl::StatusCode::kPermissionDenied, "USER_BLOCKED",
                     "WeChat blocks this user for high risk; do not let the user in.");
}
inline absl::Status ApiQuotaExhausted(absl::string_view app, absl::string_view path) {
  return BrokerError(absl::StatusCode::kResourceExhausted, "API_QUOTA_EXHAUSTED",
                     absl::StrCat("The daily quota of ", path, " is used up for \"", app,
                                  "\"; it begins anew at midnight in Shanghai."),
                     {{"app", std::string(app)}, {"path", std::string(path)}});
}
inline absl::Status ApiRateLimited(absl::string_view app, absl::string_view path) {
  return BrokerError(absl::StatusCode::kResourceExhausted, "API_RATE_LIMITED",
                     absl::StrCat("WeChat's limit per minute of ", path, " is reached for \"", app,
                                  "\"; retry in the next minute."),
                     {{"app", std::string(app)}, {"path", std::string(path)}});
}
// The same error with the platform's id of the call, for its support.
inline absl::Status WithRid(const absl::Status& status, absl::string_view rid) {
  std::optional<ErrorInfo> info = GetErrorInfo(status);
  if (rid.empty() || !info.has_value()) return status;
  info->metadata["rid"] = std::string(rid);
  const std::optional<absl::Duration> delay = GetRetryDelay(status);
  const absl::Status with = MakeError(status.code(), status.message(), *info);
  return delay.has_value() ? WithRetryDelay(with, *delay) : with;
}
inline absl::Status ApiMaxAgeInvalid(absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "MAX_AGE_INVALID",
                     absl::StrCat("max_age ", problem, "."), {{"problem", std::string(problem)}});
}
inline absl::Status ApiPathInvalid(absl::string_view path, absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "API_PATH_INVALID",
                     absl::StrCat("The path \"", path, "\" ", problem, "."),
                     {{"path", std::string(path)}, {"problem", std::string(problem)}});
}
inline absl::Status CallbackUnknown() {
  return BrokerError(
      absl::StatusCode::kNotFound, "CALLBACK_UNKNOWN",
      "There is no app behind this callback path; compare the URL in WeChat's console "
      "with the project and appid registered here.");
}
inline absl::Status CallbackNotConfigured(absl::string_view appid) {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "CALLBACK_NOT_CONFIGURED",
                     absl::StrCat("App \"", appid,
                                  "\" has no callback token, or no EncodingAESKey for an encrypted "
                                  "push; set them with UpdateApp."),
                     {{"appid", std::string(appid)}});
}
inline absl::Status SignatureInvalid() {
  return BrokerError(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID",
                     "The signature is not that of the registered token and key; compare both with "
                     "WeChat's console.");
}
inline absl::Status PushStale() {
  return BrokerError(
      absl::StatusCode::kPermissionDenied, "PUSH_STALE",
      "The timestamp of the push is more than 600 s from this server's clock; set the "
      "clock, or see who repeats old pushes.");
}
inline absl::Status PushMalformed(absl::string_view problem) {
  return BrokerError(
      absl::StatusCode::kInvalidArgument, "PUSH_MALFORMED",
      absl::StrCat("The push cannot be read: ", problem,
                   "; WeChat sends no such body. Compare URL, appid and mode with its "
                   "console, and see who else sends here."),
      {{"problem", std::string(problem)}});
}
inline absl::Status PushTooLarge() {
  return BrokerError(absl::StatusCode::kResourceExhausted, "PUSH_TOO_LARGE",
                     "The body of the push is above 128 KiB; WeChat sends none so large.");
}
inline absl::Status ReconciliationRunning(absl::string_view component) {
  return BrokerError(absl::StatusCode::kAborted, "RECONCILIATION_RUNNING",
                     absl::StrCat("The accounts of \"", component,
                                  "\" are being compared right now; ask again in a minute."),
                     {{"component", std::string(component)}});
}
inline absl::Status PageUrlInvalid(absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "PAGE_URL_INVALID",
                     absl::StrCat("The page's url ", problem, "; give location.href as it is."),
                     {{"problem", std::string(problem)}});
}
inline absl::Status JsDomainUnknown(absl::string_view app, absl::string_view host) {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "JS_DOMAIN_UNKNOWN",
      absl::StrCat("\"", host, "\" is none of the JS interface domains of \"", app,
                   "\"; add it in WeChat's console (JS接口安全域名) and to the app's js_domains."),
      {{"app", std::string(app)}, {"host", std::string(host)}});
}
inline absl::Status PermissionMissing(absl::string_view app, absl::string_view what,
                                      absl::string_view detail) {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "PERMISSION_MISSING",
      absl::StrCat("\"", app, "\" may not use ", what, " (", detail,
                   "); CheckReadiness says what to do."),
      {{"app", std::string(app)}, {"what", std::string(what)}, {"detail", std::string(detail)}});
}

}  // namespace datong::broker
