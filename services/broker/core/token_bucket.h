#pragma once

#include <algorithm>
#include <chrono>

#include "absl/time/time.h"
#include "common/time/deadline.h"

namespace datong::broker {

// Lets through `rate` a second, and `burst` at once after a pause; what others take of it elsewhere
// can be told. Not thread-safe.
class TokenBucket {
 public:
  // A rate of 0 lets all through.
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}

  void SetRate(double rate, double burst) {
    if (rate == rate_ && burst == burst_) return;
    tokens_ = rate_ <= 0 ? burst : std::min(tokens_, burst);
    rate_ = rate;
    burst_ = burst;
  }
  // Zero when one may pass, which is then taken; else how long until one may.
  absl::Duration Take(std::chrono::steady_clock::time_point now) {
    if (rate_ <= 0) return absl::ZeroDuration();
    Refill(now);
    if (tokens_ >= 1) {
      tokens_ -= 1;
      return absl::ZeroDuration();
    }
    return absl::Seconds((1 - tokens_) / rate_);
  }
  // Others took `calls` within the last `period`. Of a long one only the end still counts, and no
  // more than a burst is owed.
  void TakenByOthers(double calls, absl::Duration period,
                     std::chrono::steady_clock::time_point now) {
    if (rate_ <= 0) return;
    Refill(now);
    const double remembered = burst_ / rate_;
    const double seconds = absl::ToDoubleSeconds(period);
    if (seconds > remembered) calls *= remembered / seconds;
    tokens_ = std::max(-burst_, tokens_ - calls);
  }

 private:
  void Refill(std::chrono::steady_clock::time_point now) {
    const double elapsed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    tokens_ = std::min(burst_, tokens_ + std::max(0.0, elapsed) * rate_);
  }

  double rate_;
  double burst_;
  double tokens_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace datong::broker
