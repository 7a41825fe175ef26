#pragma once

#include <vector>

#include <atomic>

#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace datong {

// Business time: what day it is, whether a token has expired, when the nightly sync is due.
// Deadlines, back-off and time-outs are not business time: they use Deadline (steady clock);
// leases use the database's clock. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;

  // Blocks until business time reaches `wake_time`, `wakeup` is signalled, or
  // the clock was moved; the caller checks which. `mutex` must be held.
  virtual void WaitUntil(Mutex& mutex, absl::CondVar& wakeup, absl::Time wake_time) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;
};

// The real time plus an offset that development tools may move; waiters wake when it moves.
class SystemClock : public Clock {
 public:
  absl::Time Now() const override;
  void WaitUntil(Mutex& mutex, absl::CondVar& wakeup, absl::Time wake_time) const override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  // Development only (`clock.url`): makes Now() the real time plus `offset`.
  void SetOffset(absl::Duration offset);

 private:
  // Read by every call of the hot paths, so it takes no lock.
  std::atomic<int64_t> offset_nanos_{0};
};

}  // namespace datong
