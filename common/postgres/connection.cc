#include "common/postgres/connection.h"

#include <poll.h>

#include <algorithm>
#include <string>

namespace datong::postgres {
namespace {

// Waits for the socket, at most until the deadline. False when time is up.
bool AwaitSocket(int socket, short events, Deadline deadline) {
  pollfd entry{socket, events, 0};
  for (;;) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline.Remaining()) + 1;
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<int64_t>(left_ms, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;
    if (deadline.Passed()) return false;
  }
}

}  // namespace

pqxx::connectionpolicy::handle ConnectOnce::do_startconnect(handle old) {
  if (old != nullptr) return old;
  if (used_) throw pqxx::broken_connection("The connection to the database was lost.");
  used_ = true;
  PGconn* conn = PQconnectStart(dsn_.Expose().c_str());
  const auto fail = [&](const std::string& cause) {
    if (conn != nullptr) PQfinish(conn);
    throw pqxx::broken_connection(cause);
  };
  if (conn == nullptr) fail("Out of memory.");
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(conn) != CONNECTION_BAD) {
    if (state == PGRES_POLLING_OK) return conn;
    if (state == PGRES_POLLING_FAILED) break;
    if (!AwaitSocket(PQsocket(conn), state == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                     deadline_)) {
      fail("No connection to the database within the deadline.");
    }
    state = PQconnectPoll(conn);
  }
  fail(PQerrorMessage(conn));
  return nullptr;
}

Connection::Connection(const Secret& dsn, Deadline deadline)
    : pqxx::connection_base(policy_), policy_(dsn, deadline, raw_) {
  init();
}

Connection::~Connection() noexcept { close(); }

}  // namespace datong::postgres
