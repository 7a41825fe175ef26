#include "common/time/clock.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace datong {
namespace {
// A jump of the clock is noticed within this time: no registry of waiters is needed.
constexpr absl::Duration kLongestNap = absl::Milliseconds(100);
}  // namespace

absl::Time SystemClock::Now() const {
  return absl::Now() + absl::Nanoseconds(offset_nanos_.load(std::memory_order_relaxed));
}

void SystemClock::WaitUntil(Mutex& mutex, absl::CondVar& wakeup, absl::Time wake_time) const {
  const absl::Duration left = wake_time - Now();
  if (left <= absl::ZeroDuration()) return;
  wakeup.WaitWithTimeout(&mutex, std::min(left, kLongestNap));
}

void SystemClock::SetOffset(absl::Duration offset) {
  offset_nanos_.store(absl::ToInt64Nanoseconds(offset), std::memory_order_relaxed);
}

}  // namespace datong
