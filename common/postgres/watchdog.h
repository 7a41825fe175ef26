#pragma once

#include <chrono>
#include <map>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "common/time/deadline.h"

namespace datong::postgres {

// Shuts down sockets whose time has passed, since libpqxx waits for ever on a dead network.
// Thread-safe; one thread of its own.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();

  // Watches `socket` until Disarm(ticket), which must come before the socket is closed.
  int64_t Arm(int socket, Deadline deadline);
  // True when the socket was shut down.
  bool Disarm(int64_t ticket);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Watch {
    int socket;
    Time at;
    bool fired = false;
  };
  void Run();

  Mutex mutex_;
  absl::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  // Until when the thread sleeps; an earlier deadline wakes it.
  Time sleeps_until_ ABSL_GUARDED_BY(mutex_) = Time::max();
  absl::flat_hash_map<int64_t, Watch> watches_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace datong::postgres
