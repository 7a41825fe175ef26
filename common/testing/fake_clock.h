#pragma once

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace datong {

// A clock that stands still until it is told to move. Thread-safe.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time now) : now_(now) {}

  absl::Time Now() const override {
    MutexLock lock(&mutex_);
    return now_;
  }
  void Advance(absl::Duration by) {
    MutexLock lock(&mutex_);
    now_ += by;
  }
  void Set(absl::Time now) {
    MutexLock lock(&mutex_);
    now_ = now;
  }
  void WaitUntil(Mutex& mutex, absl::CondVar& wakeup, absl::Time) const override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    wakeup.WaitWithTimeout(&mutex, absl::Milliseconds(1));
  }

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong
