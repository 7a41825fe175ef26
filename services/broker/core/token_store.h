#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// The right to do one thing alone, over all replicas, until it runs out by the database's clock.
// `epoch` fences writes: whoever takes the lease later has a higher one.
struct Lease {
  std::string key;
  int64_t epoch = 0;
};

// Tokens and tickets, sealed, and the leases under which they are written. Thread-safe; every call
// is one transaction and blocks until its deadline. Errors of all: those of postgres::Pool.
class TokenStore {
 public:
  virtual ~TokenStore() = default;

  // One line per app that has or may have a token.
  virtual absl::StatusOr<std::vector<TokenVersion>> ListVersions(Deadline deadline) = 0;
  virtual absl::StatusOr<std::optional<TokenRecord>> Load(const std::string& appid,
                                                          Deadline deadline) = 0;
  // Writes the record over the one of `record.generation` (0: there is none yet) and answers the
  // next generation. An empty refresh token leaves the one held; another one moves that to
  // `previous_refresh_token`. Errors: ABORTED/LEASE_LOST when `lease` is no longer the newest,
  // ABORTED/TOKEN_SUPERSEDED when an authorisation or its end was written meanwhile.
  virtual absl::StatusOr<int64_t> Save(const Lease& lease, const TokenRecord& record,
                                       Deadline deadline) = 0;

  // Keeps the ticket if it is newer, by `created`, than the one held.
  virtual absl::Status SaveTicket(const std::string& component, const Ticket& ticket,
                                  Deadline deadline) = 0;
  virtual absl::StatusOr<std::optional<Ticket>> GetTicket(const std::string& component,
                                                          Deadline deadline) = 0;

  // Nothing while another holds it.
  virtual absl::StatusOr<std::optional<Lease>> TryAcquire(const std::string& key,
                                                          absl::Duration ttl,
                                                          Deadline deadline) = 0;
  // Moves the ends of those leases to `ttl` from now; answers the keys of those that are still
  // held.
  virtual absl::StatusOr<std::vector<std::string>> Renew(const std::vector<Lease>& leases,
                                                         absl::Duration ttl, Deadline deadline) = 0;
  // Ends it early. Failing does no harm: the lease runs out.
  virtual void Release(const Lease& lease) = 0;
};

}  // namespace datong::broker
