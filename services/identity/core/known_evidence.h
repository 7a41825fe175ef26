#pragma once

#include <array>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "services/identity/core/evidence.h"

namespace datong::identity {

// Remembers which facts are committed, so that repeats cost no query: most of what SDKs send. What
// is remembered holds until the next decision or change of the rules, of any replica, so it goes
// with the version of these. Bounded: it forgets the older half when full. Thread-safe; split, so
// that threads seldom meet.
class KnownEvidence {
 public:
  explicit KnownEvidence(size_t capacity) : capacity_(capacity / kParts) {}

  // True when the fact is known as observed then or before.
  bool Contains(const FactKey& key, int64_t decisions, absl::Time observed) const;
  void Add(const FactKey& key, int64_t decisions, absl::Time observed);

 private:
  static constexpr size_t kParts = 16;
  struct Known {
    int64_t decisions = 0;
    int64_t observed_us = 0;
  };
  using Facts = absl::flat_hash_map<FactKey, Known>;
  struct Part {
    mutable Mutex mutex;
    Facts young ABSL_GUARDED_BY(mutex);
    Facts old ABSL_GUARDED_BY(mutex);
  };

  const size_t capacity_;  // of each part
  std::array<Part, kParts> parts_;
};

}  // namespace datong::identity
