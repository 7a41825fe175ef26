#include "services/broker/core/circuit_breaker.h"

#include <algorithm>
#include <utility>

namespace datong::broker {

CircuitBreaker::CircuitBreaker(CircuitBreakerOptions options,
                               std::function<void(const std::string& key, bool is_open)> changed)
    : options_(options), changed_(std::move(changed)) {}

absl::Duration CircuitBreaker::Enter(const std::string& key) {
  MutexLock lock(&mutex_);
  const auto found = circuits_.find(key);
  if (found == circuits_.end() || !found->second.is_open) return absl::ZeroDuration();
  Circuit& circuit = found->second;
  // Asked once: it might pass between two questions, and zero would let a call through uncounted.
  const absl::Duration left = circuit.not_before.Remaining();
  if (left > absl::ZeroDuration()) return left;
  if (circuit.is_probing) return options_.open_first;
  circuit.is_probing = true;
  return absl::ZeroDuration();
}

void CircuitBreaker::Leave(const std::string& key, Outcome outcome) {
  bool was_open = false;
  bool is_open = false;
  {
    MutexLock lock(&mutex_);
    auto found = circuits_.find(key);
    if (found == circuits_.end()) {
      if (outcome != Outcome::kBad) return;
      found = circuits_.try_emplace(key, options_).first;
    }
    Circuit& circuit = found->second;
    was_open = is_open = circuit.is_open;
    if (outcome == Outcome::kGood) {
      is_open = false;
      circuits_.erase(found);
    } else if (outcome == Outcome::kUnknown) {
      circuit.is_probing = false;
    } else {
      // Calls that were under way when it opened tell nothing new.
      const bool counts = !circuit.is_open || circuit.is_probing;
      circuit.is_probing = false;
      if (counts && ++circuit.failures >= options_.failures_to_open) {
        circuit.is_open = is_open = true;
        circuit.not_before = Deadline::After(circuit.backoff.Next(random_));
      }
    }
  }
  if (changed_ && was_open != is_open) changed_(key, is_open);
}

}  // namespace datong::broker
