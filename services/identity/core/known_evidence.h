#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace datong::identity {

// Remembers which facts are committed, by KnownKey, so that repeats cost no query: most of what
// SDKs send. Bounded: it forgets the older half when full. Thread-safe.
class KnownEvidence {
 public:
  explicit KnownEvidence(size_t capacity) : capacity_(capacity) {}

  // True when the fact is known as observed then or before.
  bool Contains(const std::string& key, absl::Time observed) const;
  void Add(const std::string& key, absl::Time observed);

 private:
  using Facts = absl::flat_hash_map<std::string, int64_t>;

  const size_t capacity_;
  mutable Mutex mutex_;
  Facts young_ ABSL_GUARDED_BY(mutex_);
  Facts old_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::identity
