#pragma once

#include <algorithm>
#include <chrono>

#include "absl/time/time.h"

namespace datong {

// The instant, on the steady clock, after which nobody waits for the answer any more.
// Every call has one and hands it on, shortened, to SQL, HTTP and RPC.
class Deadline {
 public:
  static Deadline After(absl::Duration timeout) {
    return Deadline(Steady::now() + absl::ToChronoNanoseconds(timeout));
  }
  absl::Duration Remaining() const {
    return std::max(absl::ZeroDuration(), absl::FromChrono(at_ - Steady::now()));
  }
  bool Passed() const { return Steady::now() >= at_; }
  // The earlier of this one and `timeout` from now.
  Deadline AtMost(absl::Duration timeout) const { return std::min(*this, After(timeout)); }
  std::chrono::steady_clock::time_point time_point() const { return at_; }
  friend bool operator<(Deadline a, Deadline b) { return a.at_ < b.at_; }

 private:
  using Steady = std::chrono::steady_clock;
  explicit Deadline(Steady::time_point at) : at_(at) {}
  Steady::time_point at_;
};

}  // namespace datong
