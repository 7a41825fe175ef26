#include "services/broker/core/token_health.h"

#include "common/log/log.h"
#include "common/status/error.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

constexpr int64_t kTokenApiForbidden = 50004;

// The error that the book remembers by reason and sentence.
absl::Status Remembered(const App& app, const RefreshStart& start) {
  if (start.held_reason == "APP_BAD_CONFIG" || start.held_reason == "APP_NEEDS_REAUTH" ||
      start.held_reason == "TICKET_MISSING") {
    return BrokerError(absl::StatusCode::kFailedPrecondition, start.held_reason, start.held_message,
                       {{"app", app.name()}});
  }
  return PlatformUnreachable(app.name());
}

}  // namespace

TokenKind TokenKindOf(const App& app) {
  if (app.kind == AppKind::kComponent) return TokenKind::kComponent;
  if (app.kind == AppKind::kWecomCorp) return TokenKind::kWecomCorp;
  if (app.kind == AppKind::kWecomProvider) return TokenKind::kWecomProvider;
  if (app.kind == AppKind::kWecomSuite) return TokenKind::kWecomSuite;
  if (!app.component.empty()) return TokenKind::kAuthorizer;
  return app.classic_token ? TokenKind::kClassic : TokenKind::kStable;
}

bool IsSameUntilItsEnd(TokenKind kind) {
  return kind == TokenKind::kWecomCorp || kind == TokenKind::kWecomProvider ||
         kind == TokenKind::kWecomSuite;
}

TokenHealth::TokenHealth(TokenHealthOptions options, AppStore& apps, RefreshBook& book,
                         BrokerMetrics& metrics)
    : options_(options), apps_(apps), book_(book), metrics_(metrics) {}

absl::Status TokenHealth::HeldBack(const std::string& appid) {
  MutexLock lock(&mutex_);
  const auto state = states_.find(appid);
  if (state == states_.end() || state->second.not_before.Passed()) return absl::OkStatus();
  if (!absl::IsUnavailable(state->second.last)) return state->second.last;
  return WithRetryDelay(state->second.last, state->second.not_before.Remaining());
}

absl::Status TokenHealth::Learn(const App& app, const RefreshStart& start) {
  MutexLock lock(&mutex_);
  if (start.held_for <= absl::ZeroDuration() && start.failures == 0) return absl::OkStatus();
  State& state = states_.try_emplace(app.appid, options_).first->second;
  state.backoff.SetFailures(start.failures);
  if (start.held_for <= absl::ZeroDuration()) return absl::OkStatus();
  state.not_before = Deadline::After(start.held_for);
  state.last = Remembered(app, start);
  return absl::IsUnavailable(state.last) ? WithRetryDelay(state.last, start.held_for) : state.last;
}

TokenHealth::Verdict TokenHealth::Judge(const App& app, const absl::Status& cause) {
  const ErrorClass error = ErrorClassOf(cause);
  const std::optional<ErrorInfo> info = GetErrorInfo(cause);
  if (error == ErrorClass::kTicketInvalid) {
    return {
        app.kind == AppKind::kWecomSuite ? SuiteTicketMissing(app.appid) : TicketMissing(app.appid),
        std::nullopt};
  }
  const TokenKind kind = TokenKindOf(app);
  const bool has_secret = kind == TokenKind::kStable || kind == TokenKind::kClassic;
  // A web app without the right to tokens is still good for logins.
  if (app.kind == AppKind::kWebApp && ErrcodeOf(cause) == kTokenApiForbidden) {
    return {AppBadConfig(app.name(), ErrmsgOf(cause)), std::nullopt};
  }
  // Asked for a token of its own, "invalid credential" is about the secret.
  if (error == ErrorClass::kConfiguration || (error == ErrorClass::kTokenInvalid && has_secret)) {
    return {AppBadConfig(app.name(), ErrmsgOf(cause)), AppState::kBadConfig};
  }
  if (error == ErrorClass::kNeedsReauth || error == ErrorClass::kRevoked) {
    return {AppNeedsReauth(app.name()), AppState::kNeedsReauth};
  }
  if (info.has_value() && info->domain == kErrorDomain) return {cause, std::nullopt};  // no ticket
  return {PlatformUnreachable(app.name()), std::nullopt};
}

absl::Status TokenHealth::Failed(const App& app, const Lease& lease, const absl::Status& cause) {
  const TokenKind kind = TokenKindOf(app);
  // About its component, which is held back itself.
  const std::optional<ErrorInfo> info = GetErrorInfo(cause);
  if (info.has_value() && info->domain == kErrorDomain &&
      (kind == TokenKind::kAuthorizer || kind == TokenKind::kWecomCorp)) {
    return cause;
  }
  auto [told, app_state] = Judge(app, cause);
  const Deadline soon = Deadline::After(absl::Seconds(2));
  if (app_state.has_value() && app.state != *app_state) {
    LogError("platform refuses the app for good",
             {{"app", app.appid}, {"errcode", ErrcodeOf(cause)}, {"errmsg", ErrmsgOf(cause)}});
    const absl::Status set =
        apps_.SetState(app.appid, *app_state, std::string(told.message()), soon);
    if (!set.ok()) LogWarn("state not stored", {{"app", app.appid}, {"reason", GetReason(set)}});
  }
  int failures = 0;
  absl::Duration delay;
  {
    MutexLock lock(&mutex_);
    State& state = states_.try_emplace(app.appid, options_).first->second;
    delay = state.backoff.Next(random_);
    // A used up daily quota does not come back with the seconds either.
    if (app_state.has_value() || ErrorClassOf(cause) == ErrorClass::kQuota) {
      delay = options_.probe_interval;
    }
    state.not_before = Deadline::After(delay);
    if (absl::IsUnavailable(told)) told = WithRetryDelay(told, delay);
    state.last = told;
    failures = state.backoff.failures();
  }
  metrics_.FailuresInARow(kind, app.appid, failures);
  const absl::Status held = book_.Hold(
      lease, app.appid,
      {delay, GetReason(told), std::string(told.message()), ErrcodeOf(cause) != 0}, soon);
  if (!held.ok() && !absl::IsAborted(held)) {
    LogWarn("failed refresh not told to other replicas",
            {{"app", app.appid}, {"reason", GetReason(held)}});
  }
  return told;
}

void TokenHealth::Forget(const std::string& appid) {
  MutexLock lock(&mutex_);
  const auto found = states_.find(appid);
  if (found == states_.end()) return;
  found->second.backoff.Reset();
  found->second.not_before = Deadline::After(absl::ZeroDuration());
}

void TokenHealth::OnActive(const std::string& appid) {
  MutexLock lock(&mutex_);
  const auto found = states_.find(appid);
  if (found == states_.end()) return;
  const std::string reason = GetReason(found->second.last);
  if (reason != "APP_BAD_CONFIG" && reason != "APP_NEEDS_REAUTH") return;
  found->second.last = absl::OkStatus();
  found->second.not_before = Deadline::After(absl::ZeroDuration());
}

}  // namespace datong::broker
