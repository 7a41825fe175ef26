#include "services/ingest/core/consent_book.h"

#include "absl/container/flat_hash_set.h"
#include "common/identifier/identifier.h"

namespace datong::ingest {

void ConsentBook::Apply(const std::vector<ConsentEntry>& entries) {
  absl::flat_hash_map<int32_t, std::shared_ptr<Words>> changed;
  MutexLock lock(&mutex_);
  for (const ConsentEntry& entry : entries) {
    std::shared_ptr<Words>& words = changed[entry.tenant_id];
    if (words == nullptr) {
      const auto found = tenants_.find(entry.tenant_id);
      words = found == tenants_.end() ? std::make_shared<Words>()
                                      : std::make_shared<Words>(*found->second);
    }
    const auto [word, added] = words->try_emplace(entry.node, Word{entry.granted, entry.said});
    if (!added && word->second.said <= entry.said) word->second = {entry.granted, entry.said};
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
  if (words == nullptr || words->empty()) return !required;
  bool granted = false;
  const auto withdrawn = [&](int64_t node) {
    const auto word = words->find(node);
    if (word == words->end()) return false;
    granted |= word->second.granted;
    return !word->second.granted;
  };
  if (withdrawn(row.node)) return false;
  for (const EvidenceItem& item : row.evidence) {
    for (const std::string& id : item.ids) {
      if (withdrawn(NodeOf(row.tenant_id, id))) return false;
    }
  }
  return granted || !required;
}

}  // namespace datong::ingest
