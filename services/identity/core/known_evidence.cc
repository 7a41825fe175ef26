#include "services/identity/core/known_evidence.h"

#include <algorithm>
#include <utility>

namespace datong::identity {

bool KnownEvidence::Contains(const std::string& key, absl::Time observed) const {
  const int64_t at = absl::ToUnixMicros(observed);
  MutexLock lock(&mutex_);
  for (const Facts* facts : {&young_, &old_}) {
    const auto found = facts->find(key);
    if (found != facts->end() && found->second <= at) return true;
  }
  return false;
}

void KnownEvidence::Add(const std::string& key, absl::Time observed) {
  MutexLock lock(&mutex_);
  const auto [at, added] = young_.try_emplace(key, absl::ToUnixMicros(observed));
  if (!added) at->second = std::min(at->second, absl::ToUnixMicros(observed));
  if (young_.size() * 2 < capacity_) return;
  old_ = std::move(young_);
  young_.clear();
}

}  // namespace datong::identity
