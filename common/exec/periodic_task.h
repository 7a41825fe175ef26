#pragma once

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"

namespace datong {

// Runs `work` on its own thread: at once, then every `interval` of business time, less a random
// part of up to a tenth so that replicas spread. When the clock is moved past the next run, it
// runs; when it is moved back, as well. Stop it (or destroy it) before what the work uses.
class PeriodicTask {
 public:
  PeriodicTask(const Clock& clock, absl::Duration interval, std::function<void()> work);
  ~PeriodicTask();

  // Runs the work again as soon as it can. Thread-safe.
  void Wake();
  // Returns when the work is not running and will not run again. Idempotent.
  void Stop();

 private:
  void Run();

  const Clock& clock_;
  const absl::Duration interval_;
  const std::function<void()> work_;
  Mutex mutex_;
  absl::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace datong
