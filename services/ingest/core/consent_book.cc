#include "services/ingest/core/consent_book.h"

#include <algorithm>

#include "common/identifier/identifier.h"

namespace datong::ingest {

std::shared_ptr<ConsentBook::Words> ConsentBook::CopyOf(int32_t tenant) {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? std::make_shared<Words>()
                                 : std::make_shared<Words>(*found->second);
}

void ConsentBook::Apply(const std::vector<ConsentEntry>& entries) {
  absl::flat_hash_map<int32_t, std::shared_ptr<Words>> changed;
  MutexLock lock(&mutex_);
  for (const ConsentEntry& entry : entries) {
    std::shared_ptr<Words>& words = changed[entry.tenant_id];
    if (words == nullptr) words = CopyOf(entry.tenant_id);
    const auto [word, added] =
        words->consents.try_emplace(entry.node, Word{entry.granted, entry.said});
    if (!added && word->second.said <= entry.said) word->second = {entry.granted, entry.said};
  }
  for (auto& [tenant, words] : changed) tenants_[tenant] = std::move(words);
}

void ConsentBook::Apply(const std::vector<ErasureEntry>& entries) {
  absl::flat_hash_map<int32_t, std::shared_ptr<Words>> changed;
  MutexLock lock(&mutex_);
  for (const ErasureEntry& entry : entries) {
    std::shared_ptr<Words>& words = changed[entry.tenant_id];
    if (words == nullptr) words = CopyOf(entry.tenant_id);
    absl::Time& erased = words->erased.try_emplace(entry.node, entry.erased).first->second;
    erased = std::max(erased, entry.erased);
  }
  for (auto& [tenant, words] : changed) tenants_[tenant] = std::move(words);
}

bool ConsentBook::Allows(const Source& source, const EventRow& row) const {
  std::shared_ptr<const Words> words;
  {
    MutexLock lock(&mutex_);
    const auto found = tenants_.find(row.tenant_id);
    if (found != tenants_.end()) words = found->second;
  }
  const bool required = source.consent_mode == ConsentMode::kRequired;
  if (words == nullptr || (words->consents.empty() && words->erased.empty())) return !required;
  const absl::Time time = absl::FromUnixMicros(row.event_us);
  bool granted = false;
  const auto refuses = [&](int64_t node) {
    const auto erased = words->erased.find(node);
    if (erased != words->erased.end() && time <= erased->second) return true;
    const auto word = words->consents.find(node);
    if (word == words->consents.end()) return false;
    granted |= word->second.granted;
    return !word->second.granted;
  };
  if (refuses(row.node)) return false;
  for (const EvidenceItem& item : row.evidence) {
    for (const std::string& id : item.ids) {
      if (refuses(NodeOf(row.tenant_id, id))) return false;
    }
  }
  return granted || !required;
}

}  // namespace datong::ingest
