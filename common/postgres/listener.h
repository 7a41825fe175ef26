#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "common/base/secret.h"

namespace datong::postgres {

// Follows NOTIFY on one channel over a connection of its own, for as long as it lives; a lost
// connection is made anew, with back-off, and one that no longer answers is found out within ten
// seconds. A notice is a hint: whoever listens polls as well, more slowly.
// Both functions run on the listener's thread: what they block on delays the next notice.
class Listener {
 public:
  // `dsn` leads to the server itself: LISTEN does not work through a pooler of transactions.
  // `connected` runs after each (re)connection: notices may have been missed before.
  Listener(Secret dsn, std::string channel, std::function<void(const std::string& payload)> noticed,
           std::function<void()> connected);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Returns when neither function runs and none will run again. Idempotent.
  void Stop();
  bool is_connected() const { return is_connected_.load(); }

 private:
  void Run();
  // One connection's life. Throws what libpqxx throws.
  void Listen();
  // Waits for the socket (-1: none) or for Stop. True when the socket is readable.
  bool Await(int socket, int timeout_ms);

  const Secret dsn_;
  const std::string channel_;
  const std::function<void(const std::string&)> noticed_;
  const std::function<void()> connected_;
  int stop_event_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> is_connected_{false};
  std::thread thread_;
};

}  // namespace datong::postgres
