#include "common/postgres/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/postgres/connection.h"
#include "common/postgres/errors.h"
#include "common/postgres/watchdog.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/trace/trace.h"

namespace datong::postgres {
namespace {

// How long after a transaction's deadline its socket is shut down: the server's statement_timeout
// comes first where the network is alive, and leaves the connection usable.
constexpr absl::Duration kGrace = absl::Milliseconds(250);

// statement_timeout in steps, so that it seldom has to be set anew.
int64_t StatementTimeoutMs(absl::Duration left) {
  const int64_t ms = std::max<int64_t>(absl::ToInt64Milliseconds(left), 1);
  if (ms >= 60'000) return ms / 5000 * 5000;
  if (ms > 1000) return (ms - 1) / 250 * 250;
  if (ms > 100) return ms / 10 * 10;
  return ms;
}

struct OpSeries {
  metrics::Histogram* seconds;
};

}  // namespace

struct Pool::State {
  struct Session {
    std::unique_ptr<Connection> connection;
    // Before the connection dies it must leave pqxx's list of handlers: declared after, dies first.
    std::unique_ptr<pqxx::quiet_errorhandler> quiet;
    int64_t statement_timeout_ms = -1;
    bool fresh = true;
  };
  using SessionPtr = std::unique_ptr<Session>;

  State(PoolOptions options_in, metrics::Registry& registry_in)
      : options(std::move(options_in)),
        registry(registry_in),
        idle_gauge(registry.AddGauge("datong_db_pool_connections",
                                     "Connections to PostgreSQL by state.", {{"state", "idle"}})),
        in_use_gauge(registry.AddGauge("datong_db_pool_connections",
                                       "Connections to PostgreSQL by state.",
                                       {{"state", "in_use"}})),
        max_gauge(registry.AddGauge("datong_db_pool_max_connections",
                                    "Connections to PostgreSQL allowed.")),
        wait_seconds(registry.AddHistogram("datong_db_pool_wait_seconds",
                                           "Time until a connection was at hand.",
                                           metrics::kDbBuckets)) {
    // Pools of one process share the series, so they add to them.
    max_gauge.Increment(options.max_connections);
  }

  ~State() {
    MutexLock lock(&mutex);
    idle_gauge.Decrement(static_cast<double>(idle.size()));
    max_gauge.Decrement(options.max_connections);
  }

  // Waits for a free place. An empty pointer in the OK result asks the caller to open a connection.
  absl::StatusOr<SessionPtr> Take(Deadline deadline) {
    const auto start = std::chrono::steady_clock::now();
    MutexLock lock(&mutex);
    const auto free_place = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
      return in_use < options.max_connections;
    };
    const bool got = mutex.AwaitWithTimeout(absl::Condition(&free_place), deadline.Remaining());
    wait_seconds.Observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (!got) {
      return MakeError(absl::StatusCode::kUnavailable,
                       "All connections to the database are busy; retry later.",
                       {"postgres.datong", "DATABASE_UNAVAILABLE", {{"cause", "pool_busy"}}});
    }
    ++in_use;
    in_use_gauge.Increment();
    if (idle.empty()) return SessionPtr();
    SessionPtr session = std::move(idle.back());
    idle.pop_back();
    idle_gauge.Decrement();
    return session;
  }

  // Gives the place back, with the session when it may be used again.
  void GiveBack(SessionPtr session) {
    const bool keep = session != nullptr && session->connection->is_open();
    if (!keep) session.reset();
    MutexLock lock(&mutex);
    --in_use;
    in_use_gauge.Decrement();
    if (keep) {
      session->fresh = false;
      idle.push_back(std::move(session));
      idle_gauge.Increment();
    }
  }

  // Throws what libpqxx throws.
  SessionPtr Open(Deadline deadline) {
    auto session = std::make_unique<Session>();
    session->connection = std::make_unique<Connection>(options.dsn, deadline);
    session->quiet = std::make_unique<pqxx::quiet_errorhandler>(*session->connection);
    return session;
  }

  OpSeries& Series(const char* op) {
    MutexLock lock(&mutex);
    OpSeries& series = ops[op];
    if (series.seconds == nullptr) {
      series.seconds =
          &registry.AddHistogram("datong_db_query_seconds", "Time of a transaction by operation.",
                                 metrics::kDbBuckets, {{"op", op}});
      // The classes that alerts ask for; others when they come.
      for (const char* error_class : {"conn", "40", "53", "57", "58"})
        ErrorCounter(op, error_class);
    }
    return series;
  }

  metrics::Counter& ErrorCounter(const char* op, const std::string& error_class) {
    return registry.AddCounter("datong_db_errors_total",
                               "Failed transactions by class of SQLSTATE.",
                               {{"op", op}, {"class", error_class}});
  }

  absl::Status TransactOnce(const char* op, Deadline deadline,
                            absl::FunctionRef<absl::Status(pqxx::work&)> body,
                            const TransactOptions& how);
  absl::Status Run(const char* op, Session& session, Deadline deadline,
                   absl::FunctionRef<absl::Status(pqxx::work&)> body, const TransactOptions& how,
                   bool& stale);

  const PoolOptions options;
  metrics::Registry& registry;
  metrics::Gauge& idle_gauge;
  metrics::Gauge& in_use_gauge;
  metrics::Gauge& max_gauge;
  metrics::Histogram& wait_seconds;
  std::atomic<bool> healthy{false};
  Watchdog watchdog;
  Mutex mutex;
  int in_use ABSL_GUARDED_BY(mutex) = 0;
  std::vector<SessionPtr> idle ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, OpSeries> ops ABSL_GUARDED_BY(mutex);
};

// `stale` tells that a connection out of the pool was dead before anything ran on it.
absl::Status Pool::State::Run(const char* op, Session& session, Deadline deadline,
                              absl::FunctionRef<absl::Status(pqxx::work&)> body,
                              const TransactOptions& how, bool& stale) {
  if (!how.read_only) deadline = deadline.AtMost(options.longest_transaction);
  Connection& connection = *session.connection;
  const int64_t ticket =
      watchdog.Arm(PQsocket(connection.raw()), Deadline::After(deadline.Remaining() + kGrace));
  absl::Status status;
  std::string error_class;
  bool begun = false;
  try {
    const int64_t timeout_ms = StatementTimeoutMs(deadline.Remaining());
    if (timeout_ms != session.statement_timeout_ms) {
      std::string settings = absl::StrCat("SET statement_timeout = ", timeout_ms);
      if (session.statement_timeout_ms < 0) {
        absl::StrAppend(&settings,
                        "; SET TIME ZONE 'UTC'; SET client_encoding = 'UTF8'; "
                        "SET bytea_output = 'hex'; SET client_min_messages = 'warning'; "
                        // A process that froze within a transaction holds no row for long.
                        "SET idle_in_transaction_session_timeout = '30s'");
      }
      PGresult* result = PQexec(connection.raw(), settings.c_str());
      const bool set = PQresultStatus(result) == PGRES_COMMAND_OK;
      PQclear(result);
      if (!set) throw pqxx::broken_connection(PQerrorMessage(connection.raw()));
      session.statement_timeout_ms = timeout_ms;
    }
    pqxx::work work(connection);
    if (how.one_snapshot) {
      work.exec0("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    } else if (how.read_only) {
      work.exec0("SET TRANSACTION READ ONLY");
    }
    begun = true;
    status = body(work);
    if (status.ok() && PQtransactionStatus(connection.raw()) == PQTRANS_INERROR) {
      // The server would answer COMMIT with a silent ROLLBACK.
      error_class = "25";
      status = StatusFromSqlState("25P02", "the body went on after a statement had failed");
    }
    if (status.ok()) {
      work.commit();
    } else {
      work.abort();
    }
  } catch (...) {
    const absl::Status thrown = StatusFromException(&error_class);
    // A body that already knows why it failed says it better than the failed rollback after it.
    if (status.ok()) status = thrown;
  }
  // A server that became a standby: a new connection may find the primary.
  const std::optional<ErrorInfo> info = GetErrorInfo(status);
  const bool standby = !how.read_only && info.has_value() && info->metadata.contains("sqlstate") &&
                       info->metadata.at("sqlstate") == "25006";
  // libpqxx notices a loss late, libpq at once.
  const bool lost = standby || PQstatus(connection.raw()) != CONNECTION_OK ||
                    PQtransactionStatus(connection.raw()) != PQTRANS_IDLE;
  const bool fired = watchdog.Disarm(ticket);
  if (fired && !status.ok()) status = DatabaseTimeout("No answer before the deadline.");
  stale = !begun && !fired && error_class == "conn";
  if (fired || lost) {
    session.quiet.reset();
    session.connection.reset();
  }
  if (!error_class.empty() && !stale) ErrorCounter(op, error_class).Increment();
  return status;
}

absl::Status Pool::State::TransactOnce(const char* op, Deadline deadline,
                                       absl::FunctionRef<absl::Status(pqxx::work&)> body,
                                       const TransactOptions& how) {
  absl::StatusOr<SessionPtr> taken = Take(deadline);
  if (!taken.ok()) return taken.status();
  SessionPtr session = *std::move(taken);
  metrics::Histogram& seconds = *Series(op).seconds;
  for (;;) {
    if (session == nullptr) {
      try {
        session = Open(deadline.AtMost(absl::Seconds(10)));
      } catch (...) {
        std::string error_class;
        const absl::Status status = StatusFromException(&error_class);
        ErrorCounter(op, "conn").Increment();
        healthy = false;
        GiveBack(nullptr);
        return absl::IsUnavailable(status) ? status : DatabaseUnavailable(status.message());
      }
    }
    const bool was_fresh = session->fresh;
    bool stale = false;
    const auto start = std::chrono::steady_clock::now();
    absl::Status status = Run(op, *session, deadline, body, how, stale);
    if (stale && !was_fresh && !deadline.Passed()) {
      // The server went away while the connection lay idle, and nothing has run: take another.
      session.reset();
      MutexLock lock(&mutex);
      if (!idle.empty()) {
        session = std::move(idle.back());
        idle.pop_back();
        idle_gauge.Decrement();
      }
      continue;
    }
    seconds.Observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    const std::string reason = GetReason(status);
    healthy = reason != "DATABASE_UNAVAILABLE";
    GiveBack(session->connection != nullptr ? std::move(session) : nullptr);
    return status;
  }
}

Pool::Pool(PoolOptions options, metrics::Registry& registry)
    : state_(std::make_unique<State>(std::move(options), registry)) {}
Pool::~Pool() = default;

absl::Status Pool::Transact(const char* op, Deadline deadline,
                            absl::FunctionRef<absl::Status(pqxx::work&)> body,
                            TransactOptions options) {
  trace::Span span(trace::Kind::kClient, op);
  span.Set("db.system.name", "postgresql");
  for (;;) {
    const absl::Status status = state_->TransactOnce(op, deadline, body, options);
    const bool conflict = GetReason(status) == "DATABASE_CONFLICT";
    if (conflict && options.retry_conflicts && !deadline.Passed()) continue;
    if (!status.ok()) span.Fail(GetReason(status));
    return status;
  }
}

bool Pool::healthy() const { return state_->healthy; }
int Pool::max_connections() const { return state_->options.max_connections; }

PGconn* RawConnection(pqxx::connection_base& connection) {
  return static_cast<Connection&>(connection).raw();
}

}  // namespace datong::postgres
