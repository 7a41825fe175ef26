#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "services/ingest/core/event_row.h"
#include "services/ingest/core/source.h"

namespace datong::ingest {

// One word of consent, as identity's feed tells it.
struct ConsentEntry {
  int32_t tenant_id = 0;
  int64_t node = 0;  // of the identifier
  bool granted = false;
  absl::Time said;
};

// An identifier whose person was erased: events up to then are kept out.
struct ErasureEntry {
  int32_t tenant_id = 0;
  int64_t node = 0;
  absl::Time erased;
};

// Who agreed, who withdrew and who was erased, by identifier node, in memory. Thread-safe.
class ConsentBook {
 public:
  // The latest word on a node holds.
  void Apply(const std::vector<ConsentEntry>& entries);
  // The latest erasure of a node holds.
  void Apply(const std::vector<ErasureEntry>& entries);

  // May the event be kept? Looks at the identifier it belongs to and at those it claims.
  bool Allows(const Source& source, const EventRow& row) const;

 private:
  struct Word {
    bool granted;
    absl::Time said;
  };
  struct Words {
    absl::flat_hash_map<int64_t, Word> consents;
    absl::flat_hash_map<int64_t, absl::Time> erased;
  };

  // A copy of the tenant's words to change and put back.
  std::shared_ptr<Words> CopyOf(int32_t tenant) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  absl::flat_hash_map<int32_t, std::shared_ptr<const Words>> tenants_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::ingest
