#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_cache.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/known_user.h"
#include "services/broker/core/login_store.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

// Logs users of mini programs in. The session key stays here, sealed. What the platform told is at
// identity, or stored to be brought there, before the answer. Thread-safe; blocks.
class Login {
 public:
  Login(LoginStore& store, TokenBroker& tokens, PlatformClient& platform, EvidenceSender& sender,
        const Clock& clock)
      : store_(store), tokens_(tokens), platform_(platform), sender_(sender), clock_(clock) {}

  // Errors: as of LoginService.LoginMiniProgram.
  absl::StatusOr<KnownUser> LogIn(const AppEntry& entry, const std::string& js_code,
                                  Deadline deadline);

 private:
  absl::StatusOr<LoginAnswer> Ask(const AppEntry& entry, const std::string& js_code,
                                  Deadline deadline);

  LoginStore& store_;
  TokenBroker& tokens_;
  PlatformClient& platform_;
  EvidenceSender& sender_;
  const Clock& clock_;
};

}  // namespace datong::broker
