#include "common/postgres/watchdog.h"

#include <sys/socket.h>

#include <algorithm>

namespace datong::postgres {

Watchdog::Watchdog() : thread_([this] { Run(); }) {}

Watchdog::~Watchdog() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  thread_.join();
}

int64_t Watchdog::Arm(int socket, Deadline deadline) {
  MutexLock lock(&mutex_);
  const int64_t ticket = ++last_ticket_;
  watches_[ticket] = {socket, deadline.time_point()};
  if (deadline.time_point() < sleeps_until_) changed_.Signal();
  return ticket;
}

bool Watchdog::Disarm(int64_t ticket) {
  MutexLock lock(&mutex_);
  const auto it = watches_.find(ticket);
  if (it == watches_.end()) return false;
  const bool fired = it->second.fired;
  watches_.erase(it);
  return fired;
}

void Watchdog::Run() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const Time now = std::chrono::steady_clock::now();
    sleeps_until_ = Time::max();
    for (auto& [ticket, watch] : watches_) {
      if (watch.fired) continue;
      if (watch.at <= now) {
        ::shutdown(watch.socket, SHUT_RDWR);
        watch.fired = true;
      } else {
        sleeps_until_ = std::min(sleeps_until_, watch.at);
      }
    }
    if (sleeps_until_ == Time::max()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitWithTimeout(&mutex_, absl::FromChrono(sleeps_until_ - now));
    }
  }
}

}  // namespace datong::postgres
