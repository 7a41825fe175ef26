#include "services/ingest/core/clock_rules.h"

#include <cstdlib>

#include "services/ingest/core/flags.h"

namespace datong::ingest {
namespace {

constexpr int64_t kToleranceMs = 60'000;
constexpr int64_t kFutureMs = 60'000;
constexpr int64_t kLateMs = 86'400'000;
constexpr int64_t kOldestMs = int64_t{730} * 86'400'000;

}  // namespace

bool IsPlausibleTime(int64_t ms) { return ms >= 946'684'800'000 && ms <= 4'102'444'800'000; }

TimeVerdict JudgeTime(const TimeInput& input) {
  TimeVerdict verdict;
  verdict.event_ms = input.received_ms;
  if (input.client.state == ClientTime::State::kMissing) {
    verdict.flags = kTimeMissing;
    return verdict;
  }
  if (input.client.state == ClientTime::State::kInvalid || !IsPlausibleTime(input.client.ms)) {
    verdict.flags = kTimeInvalid;
    return verdict;
  }
  verdict.event_ms = input.client.ms;
  if (!input.trusted) {
    if (input.sent_ms.has_value() && IsPlausibleTime(*input.sent_ms)) {
      if (input.client.ms > *input.sent_ms + kToleranceMs) verdict.flags |= kTimeAfterSend;
      const int64_t skew = input.received_ms - *input.sent_ms;
      if (std::abs(skew) > kToleranceMs) {
        verdict.event_ms += skew;
        verdict.flags |= kClockCorrected;
      }
    }
    if (verdict.event_ms > input.received_ms + kFutureMs) {
      verdict.event_ms = input.received_ms;
      verdict.flags |= kFutureClamped;
    }
    if (input.received_ms - verdict.event_ms > kOldestMs) {
      verdict.out_of_range = true;
      return verdict;
    }
  }
  if (input.received_ms - verdict.event_ms > kLateMs) verdict.flags |= kLate;
  return verdict;
}

}  // namespace datong::ingest
