#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/exec/single_flight.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/authorization_store.h"
#include "services/broker/core/authorizer.h"
#include "services/broker/core/estate.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/core/wecom_store.h"

namespace datong::broker {

// Connects corps to suites: links, pre-authorisation codes, the one exchange of a code that comes
// by redirect and by push, in either order, and what corps change afterwards. Thread-safe; blocks
// on the database and the platform. Everything that it is given must outlive it.
class WecomInstaller {
 public:
  WecomInstaller(AuthorizerOptions options, AppStore& apps, AuthorizationStore& links,
                 WecomStore& corps, TokenStore& codes, TokenBroker& tokens, WecomPlatform& platform,
                 BrokerMetrics& metrics, const Clock& clock);

  // Errors: NOT_FOUND/APP_UNKNOWN, INVALID_ARGUMENT/APP_KIND_UNSUPPORTED.
  absl::StatusOr<AuthorizationLink> CreateLink(const std::string& project, const std::string& suite,
                                               bool test, Deadline deadline);
  // Errors: NOT_FOUND/LINK_UNKNOWN, also for a link that is not of a suite.
  absl::StatusOr<AuthorizationLink> GetLink(const std::string& id, Deadline deadline);
  std::string UrlOf(const AuthorizationLink& link) const {
    return LaunchPageOf(link, options_.public_url);
  }
  bool IsExpired(const AuthorizationLink& link) const { return clock_.Now() >= link.expires; }

  // Errors: NOT_FOUND/LINK_UNKNOWN, FAILED_PRECONDITION/LINK_EXPIRED, those of TokenBroker::Get.
  absl::StatusOr<Authorizer::Beginning> Begin(const std::string& link, Deadline deadline);
  // The redirect. Errors: NOT_FOUND/LINK_UNKNOWN, INVALID_ARGUMENT/AUTHORIZATION_CODE_INVALID,
  // ALREADY_EXISTS/APP_EXISTS, those of TokenBroker::Get.
  absl::StatusOr<WecomCorp> Complete(const std::string& link, const std::string& code,
                                     Deadline deadline);

  // Takes over corps that installed the suite elsewhere; each account is a corpid and a permanent
  // code, which is tried at WeCom before anything is stored. One result for each. Errors, of all at
  // once: INVALID_ARGUMENT/APP_KIND_UNSUPPORTED, those of TokenBroker::Get for the suite.
  absl::StatusOr<std::vector<ImportedAccount>> Import(const App& suite,
                                                      const std::vector<Estate::Account>& corps,
                                                      Deadline deadline);

  // The push create_auth, of which `state` is that of the install page or of the app market, or the
  // push reset_permanent_code: a new code for the same corp. Errors: as of Complete.
  absl::Status OnAuthCode(const std::string& suite, const std::string& code,
                          const std::string& state, Deadline deadline);
  // The push cancel_auth, of that time.
  absl::Status OnCancelled(const std::string& suite, const std::string& corpid, absl::Time when,
                           Deadline deadline);
  // Asks for name, mode and privileges of a corp and stores them.
  absl::Status FetchDetails(const std::string& appid, Deadline deadline);

 private:
  // The appid that the code stands for; exchanges it unless that was done.
  absl::StatusOr<std::string> Exchange(const App& suite, const std::string& code,
                                       const std::string& link, Deadline deadline);
  absl::StatusOr<std::string> ExchangeUnderLease(const Lease& lease, const App& suite,
                                                 const std::string& code, const std::string& link,
                                                 Deadline deadline);
  absl::StatusOr<ImportOutcome> Take(const App& suite, const Estate::Account& corp,
                                     Deadline deadline);
  // Stores what WeCom tells once, though the database is away for a moment.
  absl::StatusOr<std::string> SaveGrant(const Lease& lease, const App& suite,
                                        const std::string& code, const std::string& link,
                                        const WecomGrant& grant);
  absl::StatusOr<App> GetSuite(const std::string& appid, Deadline deadline);

  const AuthorizerOptions options_;
  AppStore& apps_;
  AuthorizationStore& links_;
  WecomStore& corps_;
  TokenStore& codes_;  // holds the permanent codes
  TokenBroker& tokens_;
  WecomPlatform& platform_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  SingleFlight<std::string, std::string> exchanges_;
};

}  // namespace datong::broker
