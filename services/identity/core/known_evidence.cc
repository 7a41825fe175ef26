#include "services/identity/core/known_evidence.h"

#include <algorithm>
#include <utility>

namespace datong::identity {

bool KnownEvidence::Contains(const FactKey& key, int64_t decisions, absl::Time observed) const {
  const int64_t at = absl::ToUnixMicros(observed);
  const Part& part = parts_[key.high % kParts];
  MutexLock lock(&part.mutex);
  for (const Facts* facts : {&part.young, &part.old}) {
    const auto found = facts->find(key);
    if (found == facts->end()) continue;
    if (found->second.decisions == decisions && found->second.observed_us <= at) return true;
  }
  return false;
}

void KnownEvidence::Add(const FactKey& key, int64_t decisions, absl::Time observed) {
  const Known known{decisions, absl::ToUnixMicros(observed)};
  Part& part = parts_[key.high % kParts];
  MutexLock lock(&part.mutex);
  const auto [at, added] = part.young.try_emplace(key, known);
  if (!added && at->second.decisions == decisions) {
    at->second.observed_us = std::min(at->second.observed_us, known.observed_us);
  } else if (!added) {
    at->second = known;
  }
  if (part.young.size() * 2 < capacity_) return;
  part.old = std::move(part.young);
  part.young.clear();
}

}  // namespace datong::identity
