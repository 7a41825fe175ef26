#include "services/broker/core/login.h"

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/evidence.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

absl::Status Explain(const App& app, const absl::Status& cause) {
  if (ErrcodeOf(cause) == 40163) return LoginCodeUsed();
  switch (ErrorClassOf(cause)) {
    case ErrorClass::kLoginAgain:
      return LoginCodeInvalid();
    case ErrorClass::kUserDenied:
      return UserBlocked();
    case ErrorClass::kRateLimited:
    case ErrorClass::kQuota:
      return WithRetryDelay(ApiRateLimited(app.appid, "jscode2session"), absl::Minutes(1));
    case ErrorClass::kTransient:
      return PlatformUnreachable(app.name());
    case ErrorClass::kConfiguration:
    case ErrorClass::kPermission:
    case ErrorClass::kTokenInvalid:  // of a self-managed app: the secret
      return AppBadConfig(app.name(), ErrmsgOf(cause));
    case ErrorClass::kRevoked:
      return AppNeedsReauth(app.name());
    default:
      break;
  }
  if (const auto info = GetErrorInfo(cause); info && info->domain == kErrorDomain) return cause;
  return ErrcodeOf(cause) == 0 ? PlatformUnreachable(app.name()) : cause;
}

}  // namespace

Login::Login(LoginOptions options, AppStore& apps, WorkStore& work, TokenBroker& tokens,
             PlatformClient& platform, IdentityPeer& identity, const Clock& clock)
    : options_(options),
      apps_(apps),
      work_(work),
      tokens_(tokens),
      platform_(platform),
      identity_(identity),
      clock_(clock) {}

absl::StatusOr<LoginAnswer> Login::Ask(const App& app, const std::string& js_code,
                                       Deadline deadline) {
  if (!app.component.empty()) {
    return tokens_.WithToken<LoginAnswer>(app.component, deadline, [&](const Secret& token) {
      return platform_.LoginThroughComponent(app.appid, app.component, token, js_code, deadline);
    });
  }
  DATONG_ASSIGN_OR_RETURN(Credentials credentials, apps_.GetCredentials(app.appid, deadline));
  return platform_.Login(app.appid, credentials.app_secret, js_code, deadline);
}

absl::StatusOr<LoggedIn> Login::LogIn(const std::string& project, const std::string& appid,
                                      const std::string& js_code, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(appid, deadline));
  if (app.project != project) return AppUnknown(AppName(project, appid));
  if (app.kind != AppKind::kMiniProgram) return AppKindUnsupported(appid, "a mini program");
  if (app.state == AppState::kRevoked) return AppRevoked(app.name());
  if (js_code.empty()) return LoginCodeInvalid();
  absl::StatusOr<LoginAnswer> answer = Ask(app, js_code, deadline);
  if (!answer.ok()) return Explain(app, answer.status());

  Evidence evidence;
  evidence.kind = app.component.empty() ? "mp.code2session" : "mp.component_jscode2session";
  evidence.appid = appid;
  evidence.openid = answer->openid;
  evidence.unionid = answer->unionid;
  evidence.observed = clock_.Now();
  // Codes work once: their digest tells one login from another.
  evidence.request_id = BytesToHex(crypto::Sha256(js_code)).substr(0, 32);
  NewJob job;
  job.kind = JobKind::kEvidence;
  job.key = absl::StrCat(appid, ":", evidence.request_id);
  job.project = project;
  job.appid = appid;
  job.payload = EncodeEvidence(evidence);
  DATONG_RETURN_IF_ERROR(work_.SaveLogin(app, answer->openid, answer->session_key, job,
                                         options_.evidence_delay, deadline));
  LoggedIn result{answer->openid, answer->unionid, ""};
  absl::StatusOr<std::string> person =
      identity_.LinkOne(project, evidence, deadline.AtMost(options_.identity_timeout));
  if (!person.ok()) {
    LogWarn("login answered without its person",
            {{"app", appid}, {"reason", GetReason(person.status())}});
    return result;
  }
  result.person = *std::move(person);
  // If this fails, the worker sends the evidence once more, which changes nothing.
  const absl::Status dropped = work_.DropEvidence(job.key, deadline);
  if (!dropped.ok()) LogWarn("evidence job left", {{"reason", GetReason(dropped)}});
  return result;
}

}  // namespace datong::broker
