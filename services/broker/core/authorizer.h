#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/authorization_store.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

struct AuthorizerOptions {
  std::string public_url;  // of the gateway, without "/" at the end
  absl::Duration link_lifetime = absl::Hours(7 * 24);
  absl::Duration longest_exchange = absl::Seconds(60);
};

// Connects accounts to components: links, pre-authorisation codes, and the one exchange of a code
// that comes by redirect and by push, in either order. Thread-safe; blocks on the database and the
// platform. Everything that it is given must outlive it.
class Authorizer {
 public:
  Authorizer(AuthorizerOptions options, AppStore& apps, AuthorizationStore& store,
             TokenBroker& tokens, PlatformClient& platform, BrokerMetrics& metrics,
             const Clock& clock);

  // For `biz_appid` alone, unless it is empty. Errors: NOT_FOUND/APP_UNKNOWN,
  // INVALID_ARGUMENT/APP_KIND_UNSUPPORTED.
  absl::StatusOr<AuthorizationLink> CreateLink(const std::string& project,
                                               const std::string& component, AuthorizationType type,
                                               const std::string& biz_appid, Deadline deadline);
  std::string UrlOf(const AuthorizationLink& link) const {
    return LaunchPageOf(link, options_.public_url);
  }
  absl::Duration link_lifetime() const { return options_.link_lifetime; }
  bool IsExpired(const AuthorizationLink& link) const { return clock_.Now() >= link.expires; }

  struct Beginning {
    std::string url;
    absl::Time expires;
  };
  // Errors: NOT_FOUND/LINK_UNKNOWN, FAILED_PRECONDITION/LINK_EXPIRED, those of TokenBroker::Get.
  absl::StatusOr<Beginning> Begin(const std::string& link, bool mobile, Deadline deadline);

  // The redirect. Errors: NOT_FOUND/LINK_UNKNOWN, INVALID_ARGUMENT/AUTHORIZATION_CODE_INVALID,
  // FAILED_PRECONDITION/AUTHORIZATION_CODE_EXPIRED, ALREADY_EXISTS/APP_EXISTS, those of
  // TokenBroker::Get.
  absl::StatusOr<Authorization> Complete(const std::string& link, const std::string& code,
                                         Deadline deadline);
  // The push `authorized` or `updateauthorized`. Errors: as of Complete.
  absl::Status OnAuthorized(const std::string& project, const std::string& component,
                            const std::string& authorizer, const std::string& code,
                            const std::string& pre_auth_code, Deadline deadline);
  // The push `unauthorized`, of that time.
  absl::Status OnUnauthorized(const std::string& component, const std::string& authorizer,
                              absl::Time when, Deadline deadline);
  // Asks for kind, name and entity of an account and stores them.
  absl::Status FetchDetails(const std::string& appid, Deadline deadline);

 private:
  // The appid that the code stands for; exchanges it unless that was done. `authorizer` is the
  // account if it is known already, else "".
  absl::StatusOr<std::string> Exchange(const std::string& project, const std::string& component,
                                       const std::string& code, const std::string& link,
                                       const std::string& authorizer, Deadline deadline);
  absl::StatusOr<GrantedAuthorization> Query(const std::string& component, const std::string& code,
                                             const std::string& authorizer, Deadline deadline);

  const AuthorizerOptions options_;
  AppStore& apps_;
  AuthorizationStore& store_;
  TokenBroker& tokens_;
  PlatformClient& platform_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  SingleFlight<std::string, std::string> exchanges_;
};

}  // namespace datong::broker
