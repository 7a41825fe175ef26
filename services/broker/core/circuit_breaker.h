#pragma once

#include <functional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/random/random.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/time/backoff.h"
#include "common/time/deadline.h"

namespace datong::broker {

struct CircuitBreakerOptions {
  int failures_to_open = 5;  // in a row
  absl::Duration open_first = absl::Seconds(1);
  absl::Duration open_longest = absl::Seconds(10);
};

// Stops asking who has failed several times in a row; after a while one call goes through as a
// probe, and its outcome decides for all. By key. Thread-safe; never blocks.
class CircuitBreaker {
 public:
  explicit CircuitBreaker(CircuitBreakerOptions options,
                          std::function<void(const std::string& key, bool is_open)> changed = {});

  // Zero when the call may go: Leave must follow. Else how long to wait.
  absl::Duration Enter(const std::string& key);
  enum class Outcome { kGood, kBad, kUnknown };
  void Leave(const std::string& key, Outcome outcome);

 private:
  struct Circuit {
    explicit Circuit(const CircuitBreakerOptions& options)
        : backoff(options.open_first, options.open_longest) {}
    int failures = 0;
    bool is_open = false;
    bool is_probing = false;
    Backoff backoff;
    Deadline not_before = Deadline::After(absl::ZeroDuration());
  };

  const CircuitBreakerOptions options_;
  const std::function<void(const std::string&, bool)> changed_;
  Mutex mutex_;
  // Only those that fail: whoever answers well is not remembered.
  absl::flat_hash_map<std::string, Circuit> circuits_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
