#include "common/postgres/listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <pqxx/pqxx>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/postgres/connection.h"
#include "common/time/backoff.h"

namespace datong::postgres {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
// A connection that brings nothing for so long is asked whether it lives, and has as long again.
constexpr int kSilenceMs = 5000;

[[noreturn]] void Lost() { throw pqxx::broken_connection("The connection that listens was lost."); }

void SendCommand(PGconn* connection, const std::string& command) {
  if (PQsendQuery(connection, command.c_str()) != 1) Lost();
}

}  // namespace

Listener::Listener(Secret dsn, std::string channel,
                   std::function<void(const std::string& payload)> noticed,
                   std::function<void()> connected)
    : dsn_(std::move(dsn)),
      channel_(std::move(channel)),
      noticed_(std::move(noticed)),
      connected_(std::move(connected)),
      stop_event_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

Listener::~Listener() {
  Stop();
  ::close(stop_event_);
}

void Listener::Stop() {
  if (!stopping_.exchange(true)) {
    const uint64_t one = 1;
    static_cast<void>(!::write(stop_event_, &one, sizeof one));
  }
  if (thread_.joinable()) thread_.join();
}

bool Listener::Await(int socket, int timeout_ms) {
  std::array<pollfd, 2> entries = {{{stop_event_, POLLIN, 0}, {socket, POLLIN, 0}}};
  const int ready = ::poll(entries.data(), socket < 0 ? 1 : 2, timeout_ms);
  return ready > 0 && socket >= 0 && entries[1].revents != 0;
}

void Listener::Run() {
  absl::BitGen random;
  Backoff backoff(absl::Milliseconds(100), absl::Seconds(5));
  bool told = false;
  while (!stopping_.load()) {
    try {
      Listen();
      return;
    } catch (const std::exception&) {
      // Its text may hold the address and the user: the pool tells the cause of a database that is
      // away.
      if (is_connected_.exchange(false)) {
        backoff.Reset();
        told = false;
      }
      if (!told) LogWarn("not listening to the database; polling goes on", {{"channel", channel_}});
      told = true;
    }
    if (!stopping_.load()) {
      Await(-1, static_cast<int>(absl::ToInt64Milliseconds(backoff.Next(random))));
    }
  }
}

void Listener::Listen() {
  Connection connection(dsn_, Deadline::After(kConnectTimeout));
  const pqxx::quiet_errorhandler quiet(connection);
  PGconn* raw = connection.raw();
  SendCommand(raw, absl::StrCat("LISTEN \"", channel_, "\""));
  bool waits_for_answer = true;
  while (!stopping_.load()) {
    const bool readable = Await(PQsocket(raw), kSilenceMs);
    if (stopping_.load()) return;
    if (!readable) {
      if (waits_for_answer) Lost();
      SendCommand(raw, "SELECT 1");
      waits_for_answer = true;
      continue;
    }
    if (PQconsumeInput(raw) != 1) Lost();
    while (waits_for_answer && PQisBusy(raw) == 0) {
      PGresult* result = PQgetResult(raw);
      if (result == nullptr) {
        waits_for_answer = false;
        break;
      }
      const ExecStatusType status = PQresultStatus(result);
      PQclear(result);
      if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) Lost();
    }
    if (!waits_for_answer && !is_connected_.exchange(true)) connected_();
    while (PGnotify* notice = PQnotifies(raw)) {
      const std::string payload = notice->extra;
      PQfreemem(notice);
      noticed_(payload);
    }
  }
}

}  // namespace datong::postgres
