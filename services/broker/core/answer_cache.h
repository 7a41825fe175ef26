#pragma once

#include <list>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {

// Good answers of the platform for a short while, within a number of bytes; those used longest ago
// go first. Thread-safe; never blocks.
class AnswerCache {
 public:
  AnswerCache(size_t most_bytes, const Clock& clock) : most_bytes_(most_bytes), clock_(clock) {}

  // Names a call of an app, digested.
  static std::string KeyOf(const std::string& appid, const ApiCall& call);
  // An answer that is younger than `max_age`.
  std::optional<ApiAnswer> Find(const std::string& key, absl::Duration max_age);
  // Answers above a sixteenth of the room are not kept.
  void Put(const std::string& key, const ApiAnswer& answer);
  size_t bytes() const {
    MutexLock lock(&mutex_);
    return bytes_;
  }

 private:
  struct Entry {
    std::string key;
    ApiAnswer answer;
    absl::Time stored;
    size_t size;
  };
  void Erase(std::list<Entry>::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t most_bytes_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // the last used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace datong::broker
