#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/metrics/registry.h"
#include "common/postgres/pool.h"
#include "common/time/deadline.h"

namespace datong::postgres {

// The right to do something alone for a while. It runs out by the database's clock; the epoch
// fences off what a former holder still tries to write.
struct Lease {
  std::string name;
  std::string holder;
  int64_t epoch = 0;
  absl::Time expires_at;  // the database's clock

  bool operator==(const Lease&) const = default;
};

// Leases of one schema, one row each. The service's migration makes the table:
//
//   CREATE TABLE broker.leases (
//     name text PRIMARY KEY,
//     holder text NOT NULL,
//     epoch bigint NOT NULL,
//     expires_at timestamptz NOT NULL);
//
// A holder renews well before the end (TTL 30 s, every 10 s), also while the work runs.
// Thread-safe. `pool` and `registry` must outlive it.
class LeaseTable {
 public:
  // `table` with its schema; `holder` is unique to this process; `kind` labels the series
  // datong_lease_held and datong_lease_transitions_total: a constant.
  LeaseTable(Pool& pool, std::string table, std::string holder, metrics::Registry& registry,
             const char* kind);

  // The lease, or nothing when somebody holds it (this process included).
  // Errors: those of Pool::Transact.
  absl::StatusOr<std::optional<Lease>> Acquire(const std::string& name, absl::Duration ttl,
                                               Deadline deadline);
  // Moves the end to `ttl` from now. A lease that ran out but that nobody took is renewed too.
  // Errors: ABORTED/LEASE_LOST; those of Pool::Transact.
  absl::Status Renew(Lease& lease, absl::Duration ttl, Deadline deadline);
  // The same for several at once, in one transaction; those that are lost have no entry in the
  // answer, which names the leases still held.
  absl::StatusOr<std::vector<std::string>> RenewAll(const std::vector<Lease>& leases,
                                                    absl::Duration ttl, Deadline deadline);
  // Ends it early; no error when it was lost already. The epoch stays.
  absl::Status Release(const Lease& lease, Deadline deadline);

  // Within the transaction of a write: holds the lease's row until the commit, so that no other can
  // take the lease in between. Writes to rows that carry an epoch of their own may instead say
  // `WHERE epoch <= $n` and set it. Errors: ABORTED/LEASE_LOST.
  absl::Status Fence(pqxx::work& work, const Lease& lease) const;

 private:
  Pool& pool_;
  const std::string table_;
  const std::string holder_;
  metrics::Gauge& held_;
  metrics::Counter& transitions_;
};

}  // namespace datong::postgres
