#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/deadline.h"

namespace datong {

// Merges calls for one key that overlap in time: the first runs the work, the others wait for its
// result. Thread-safe.
template <typename Key, typename Value>
class SingleFlight {
 public:
  // Errors: those of `work`; DEADLINE_EXCEEDED when another caller's work takes too long.
  template <typename Work>
  absl::StatusOr<Value> Do(const Key& key, Deadline deadline, Work work) {
    std::shared_ptr<Flight> flight;
    bool leader = false;
    {
      MutexLock lock(&mutex_);
      std::shared_ptr<Flight>& slot = flights_[key];
      if (slot == nullptr) {
        slot = std::make_shared<Flight>();
        leader = true;
      }
      flight = slot;
    }
    if (!leader) return flight->Await(deadline);
    absl::StatusOr<Value> result = work();
    {
      MutexLock lock(&mutex_);
      flights_.erase(key);
    }
    flight->Land(result);
    return result;
  }

 private:
  struct Flight {
    absl::StatusOr<Value> Await(Deadline deadline) {
      MutexLock lock(&mutex);
      const auto landed = [this]()
                              ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return result.has_value(); };
      if (!mutex.AwaitWithTimeout(absl::Condition(&landed), deadline.Remaining())) {
        return absl::DeadlineExceededError("Waited too long for a call already under way.");
      }
      return *result;
    }
    void Land(absl::StatusOr<Value> value) {
      MutexLock lock(&mutex);
      result = std::move(value);
    }
    Mutex mutex;
    std::optional<absl::StatusOr<Value>> result ABSL_GUARDED_BY(mutex);
  };

  Mutex mutex_;
  absl::flat_hash_map<Key, std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong
