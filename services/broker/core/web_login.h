#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_cache.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/known_user.h"
#include "services/broker/core/login_platform.h"
#include "services/broker/core/login_store.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

// Numbers as in datong.broker.v1.
enum class WebScope { kUnspecified = 0, kBase = 1, kUserinfo = 2, kLogin = 3 };

struct WebLoginOrder {
  std::string redirect_url;
  WebScope scope = WebScope::kUnspecified;
  std::string browser_session;
  std::string return_to;
  bool force_popup = false;
  bool force_snapshot = false;
};

struct WebLoginLink {
  std::string url;
  std::string state;
  absl::Time expires;
};

struct WebReturn {
  std::string code;  // empty: the user refused
  std::string state;
  std::string browser_session;
  bool with_profile = false;
};

struct WebUser {
  KnownUser user;
  std::vector<std::string> scopes;
  std::string return_to;
  std::optional<WebProfileAnswer> profile;
};

// Logs users in on web pages. A state is made for one app and one browser, lives 10 minutes and
// ends with the login. The users' tokens stay here, sealed; of virtual accounts (snapshot pages)
// nothing is kept, and identity is told that their ids are nobody's. Thread-safe; blocks on the
// store, the platform and identity. Errors: as of WebLoginService.
class WebLogin {
 public:
  WebLogin(LoginStore& store, TokenBroker& tokens, LoginPlatform& platform, EvidenceSender& sender,
           const Clock& clock)
      : store_(store), tokens_(tokens), platform_(platform), sender_(sender), clock_(clock) {}

  absl::StatusOr<WebLoginLink> BuildUrl(const App& app, const WebLoginOrder& order,
                                        Deadline deadline);
  absl::StatusOr<WebUser> LogIn(const AppEntry& entry, const WebReturn& back, Deadline deadline);
  absl::StatusOr<WebUser> GetUser(const AppEntry& entry, const std::string& openid,
                                  const std::string& language, Deadline deadline);
  absl::StatusOr<bool> Check(const AppEntry& entry, const std::string& openid, Deadline deadline);

 private:
  absl::StatusOr<WebAnswer> Exchange(const AppEntry& entry, const std::string& code,
                                     Deadline deadline);
  // Tokens of the user that work, refreshed if need be (or if `refused`, anyway).
  // Errors: WEB_LOGIN_UNKNOWN, WEB_LOGIN_EXPIRED.
  absl::StatusOr<WebTokens> LiveTokens(const AppEntry& entry, const std::string& openid,
                                       bool refused, Deadline deadline);

  LoginStore& store_;
  TokenBroker& tokens_;
  LoginPlatform& platform_;
  EvidenceSender& sender_;
  const Clock& clock_;
};

}  // namespace datong::broker
