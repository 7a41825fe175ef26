#include "common/time/clock.h"

#include <algorithm>

namespace datong {
namespace {
// A jump of the clock is noticed within this time: no registry of waiters is needed.
constexpr absl::Duration kLongestNap = absl::Milliseconds(100);
}  // namespace

absl::Time SystemClock::Now() const {
  MutexLock lock(&mutex_);
  return absl::Now() + offset_;
}

void SystemClock::WaitUntil(Mutex& mutex, absl::CondVar& wakeup, absl::Time wake_time) const {
  const absl::Duration left = wake_time - Now();
  if (left <= absl::ZeroDuration()) return;
  wakeup.WaitWithTimeout(&mutex, std::min(left, kLongestNap));
}

void SystemClock::SetOffset(absl::Duration offset) {
  MutexLock lock(&mutex_);
  offset_ = offset;
}

}  // namespace datong
