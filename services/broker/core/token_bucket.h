#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "common/time/deadline.h"

namespace datong::broker {

// Lets through `rate` a second, and `burst` at once after a pause. Not thread-safe.
class TokenBucket {
 public:
  // A rate of 0 lets all through.
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}

  void SetRate(double rate, double burst) {
    if (rate == rate_ && burst == burst_) return;
    rate_ = rate;
    burst_ = burst;
    tokens_ = std::min(tokens_, burst);
  }
  // Zero when one may pass, which is then taken; else how long until one may.
  absl::Duration Take(std::chrono::steady_clock::time_point now) {
    if (rate_ <= 0) return absl::ZeroDuration();
    const double elapsed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    tokens_ = std::min(burst_, tokens_ + std::max(0.0, elapsed) * rate_);
    if (tokens_ >= 1) {
      tokens_ -= 1;
      return absl::ZeroDuration();
    }
    return absl::Seconds((1 - tokens_) / rate_);
  }

 private:
  double rate_;
  double burst_;
  double tokens_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace datong::broker
