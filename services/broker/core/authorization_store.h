#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_store.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// Links, pre-authorisation codes, exchanged codes and what came of them. Codes are kept as digests.
// Thread-safe; every call is one transaction and blocks until its deadline. Errors of all: those of
// postgres::Pool.
class AuthorizationStore {
 public:
  virtual ~AuthorizationStore() = default;

  virtual absl::Status CreateLink(const AuthorizationLink& link, Deadline deadline) = 0;
  // Errors: NOT_FOUND/LINK_UNKNOWN.
  virtual absl::StatusOr<AuthorizationLink> GetLink(const std::string& id, Deadline deadline) = 0;
  // Remembers through which link a pre-authorisation code was made.
  virtual absl::Status SavePreAuthCode(const std::string& code, const std::string& link,
                                       absl::Time expires, Deadline deadline) = 0;
  // The link's id, or "".
  virtual absl::StatusOr<std::string> LinkOfPreAuthCode(const std::string& code,
                                                        Deadline deadline) = 0;

  // The appid that an authorisation code was exchanged for, or "".
  virtual absl::StatusOr<std::string> FindExchanged(const std::string& code, Deadline deadline) = 0;
  // What the exchange of `code` brought, in one transaction: app, authorisation, token and
  // refresh token (both replace those held), the code as done, the link's account, and the job that
  // asks for the account's details. `code` is empty when the account came without one. Errors:
  // ABORTED/LEASE_LOST, ALREADY_EXISTS/APP_EXISTS.
  virtual absl::Status SaveExchange(const Lease& lease, const std::string& project,
                                    const std::string& component, const std::string& code,
                                    const std::string& link, const GrantedAuthorization& granted,
                                    absl::Time now, Deadline deadline) = 0;
  // What api_get_authorizer_info told (permission sets too, if any); tells the feed and announces
  // the app.
  virtual absl::Status SaveDetails(const std::string& appid, const AccountDetails& details,
                                   Deadline deadline) = 0;
  // Takes the authorisation and its tokens back, and tells the feed. Harmless when `component` is
  // not the account's, or when the account authorised again after `when`.
  virtual absl::Status Revoke(const std::string& component, const std::string& appid,
                              absl::Time when, Deadline deadline) = 0;

  // Errors: NOT_FOUND/AUTHORIZATION_UNKNOWN.
  virtual absl::StatusOr<Authorization> GetAuthorization(const std::string& project,
                                                         const std::string& appid,
                                                         Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<Authorization>> ListAuthorizations(const std::string& project,
                                                                        const std::string& after,
                                                                        int limit,
                                                                        Deadline deadline) = 0;
};

}  // namespace datong::broker
