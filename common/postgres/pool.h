#pragma once

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/secret.h"
#include "common/metrics/registry.h"
#include "common/time/deadline.h"

namespace datong::postgres {

struct PoolOptions {
  // A libpq connection string or URI; holds the password, so it is never logged.
  Secret dsn;
  int max_connections = 10;
  // Writing transactions are capped, since a long one holds back every feed.
  absl::Duration longest_transaction = absl::Seconds(2);
};

// How one transaction runs.
struct TransactOptions {
  // Serialisation failures and deadlocks (40001, 40P01) are retried within the deadline.
  // Only for bodies that may run twice.
  bool retry_conflicts = false;
  // Read only transactions are not held to `longest_transaction`.
  bool read_only = false;
  // All statements of a read only transaction see the database of one instant (repeatable read).
  bool one_snapshot = false;
};

// A pool of connections, opened when needed, closed when broken. Each body runs in one transaction.
// Thread-safe. Blocks on PostgreSQL, never longer than the deadline: a watchdog shuts down the
// socket of a connection whose deadline passed, and that connection is discarded.
class Pool {
 public:
  Pool(PoolOptions options, metrics::Registry& registry);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs `body` in a transaction and commits when it returns OK, else rolls back.
  // `op` names the operation in metrics and logs: a constant in snake_case.
  // Errors: those of `body`; UNAVAILABLE/DATABASE_UNAVAILABLE (no connection, lost connection, a
  // commit in doubt), DEADLINE_EXCEEDED/DATABASE_TIMEOUT, ABORTED/DATABASE_CONFLICT (40001, 40P01),
  // ALREADY_EXISTS/DATABASE_DUPLICATE (23505), INVALID_ARGUMENT/DATABASE_VALUE_REFUSED (22xxx),
  // INTERNAL/DATABASE_ERROR for the rest.
  absl::Status Transact(const char* op, Deadline deadline,
                        absl::FunctionRef<absl::Status(pqxx::work&)> body,
                        TransactOptions options = {});

  // The same for a body that yields a value: auto rows = pool.Query<Rows>("list_apps", …).
  template <typename T>
  absl::StatusOr<T> Query(const char* op, Deadline deadline,
                          absl::FunctionRef<absl::StatusOr<T>(pqxx::work&)> body,
                          TransactOptions options = {}) {
    std::optional<T> value;
    const absl::Status status = Transact(
        op, deadline,
        [&](pqxx::work& work) -> absl::Status {
          absl::StatusOr<T> result = body(work);
          if (!result.ok()) return result.status();
          value = *std::move(result);
          return absl::OkStatus();
        },
        options);
    if (!status.ok()) return status;
    return *std::move(value);
  }

  // True when the last attempt to use the database succeeded.
  bool healthy() const;

  int max_connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The libpq handle beneath a transaction's connection, for what libpqxx has no words for (binary
// COPY). The transaction goes on owning it.
PGconn* RawConnection(pqxx::connection_base& connection);

}  // namespace datong::postgres
