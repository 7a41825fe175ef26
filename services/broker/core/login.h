#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

struct LoginOptions {
  // How long a login waits for identity; after that the evidence follows in the background.
  absl::Duration identity_timeout = absl::Seconds(2);
  absl::Duration evidence_delay = absl::Seconds(5);
};

struct LoggedIn {
  std::string openid;
  std::string unionid;
  std::string person;  // empty when identity did not answer in time
};

// Logs users of mini programs in. The session key stays here, sealed; what the platform told is
// stored as evidence before the answer, so that identity gets it for sure. Thread-safe; blocks.
class Login {
 public:
  Login(LoginOptions options, AppStore& apps, WorkStore& work, TokenBroker& tokens,
        PlatformClient& platform, IdentityPeer& identity, const Clock& clock);

  // Errors: as of LoginService.LoginMiniProgram.
  absl::StatusOr<LoggedIn> LogIn(const std::string& project, const std::string& appid,
                                 const std::string& js_code, Deadline deadline);

 private:
  absl::StatusOr<LoginAnswer> Ask(const App& app, const std::string& js_code, Deadline deadline);

  const LoginOptions options_;
  AppStore& apps_;
  WorkStore& work_;
  TokenBroker& tokens_;
  PlatformClient& platform_;
  IdentityPeer& identity_;
  const Clock& clock_;
};

}  // namespace datong::broker
