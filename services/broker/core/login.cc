#include "services/broker/core/login.h"

#include <utility>

#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/platform_errors.h"

namespace datong::broker {

absl::StatusOr<LoginAnswer> Login::Ask(const AppEntry& entry, const std::string& js_code,
                                       Deadline deadline) {
  const App& app = entry.app;
  if (app.component.empty()) {
    return platform_.Login(app.appid, entry.credentials.app_secret, js_code, deadline);
  }
  return tokens_.WithToken<LoginAnswer>(app.component, deadline, [&](const Secret& token) {
    return platform_.LoginThroughComponent(app.appid, app.component, token, js_code, deadline);
  });
}

absl::StatusOr<KnownUser> Login::LogIn(const AppEntry& entry, const std::string& js_code,
                                       Deadline deadline) {
  const App& app = entry.app;
  if (app.kind != AppKind::kMiniProgram) return AppKindUnsupported(app.appid, "a mini program");
  if (app.state == AppState::kRevoked) return AppRevoked(app.name());
  if (js_code.empty()) return LoginCodeInvalid();
  absl::StatusOr<LoginAnswer> answer = Ask(entry, js_code, deadline);
  if (!answer.ok()) return ExplainRefusal(app, "jscode2session", answer.status());

  Evidence evidence;
  evidence.kind = app.component.empty() ? "mp.code2session" : "mp.component_jscode2session";
  evidence.appid = app.appid;
  evidence.openid = answer->openid;
  evidence.unionid = answer->unionid;
  evidence.observed = clock_.Now();
  // Codes work once: their digest tells one login from another.
  evidence.request_id = RequestIdOf(js_code);
  KnownUser user = JudgeUser(app, AskedBy::kMiniProgram, answer->openid, answer->unionid);
  // Identity first: then one transaction holds all that this login has to store.
  EvidenceSender::Sent sent = sender_.Send(app.project, evidence, deadline);
  user.person = std::move(sent.person);
  DATONG_RETURN_IF_ERROR(store_.SaveSession({app.project, app.appid, user.openid, user.person},
                                            answer->session_key, sent.job, deadline));
  return user;
}

}  // namespace datong::broker
