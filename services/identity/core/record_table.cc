#include "services/identity/core/record_table.h"

#include <algorithm>
#include <numeric>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace datong::identity::resolution {

std::vector<RefusalTable::Entry> RefusalTable::Take() {
  absl::c_sort(entries_, [](const Entry& a, const Entry& b) {
    return std::tie(a.first, a.second, a.reason, a.best.evidence_class, a.best.observed) <
           std::tie(b.first, b.second, b.reason, b.best.evidence_class, b.best.observed);
  });
  entries_.erase(std::unique(entries_.begin(), entries_.end(),
                             [](const Entry& a, const Entry& b) {
                               return std::tie(a.first, a.second, a.reason) ==
                                      std::tie(b.first, b.second, b.reason);
                             }),
                 entries_.end());
  return std::move(entries_);
}

RecordTable::RecordTable(absl::Span<const Evidence* const> records,
                         absl::Span<const Decision> decisions)
    : decisions_(decisions) {
  Read(records);
}

void RecordTable::Read(absl::Span<const Evidence* const> records) {
  // Numbered as they come at first, in the order of their texts in the end.
  absl::flat_hash_map<absl::string_view, Index> index;
  std::vector<absl::string_view> texts;
  records_.reserve(records.size());
  for (const Evidence* record : records) {
    Record read{
        ClassOf(record->kind).value_or(kClaimClass), record->observed, record->snapshot, {}};
    const bool no_phones = IsRevoked(*record);
    for (const std::string& id : record->ids) {
      if (no_phones && KindOf(id) == IdKind::kPhone) continue;
      const auto [at, added] = index.try_emplace(id, static_cast<Index>(texts.size()));
      if (added) texts.push_back(id);
      read.ids.push_back(at->second);
    }
    records_.push_back(std::move(read));
  }
  std::vector<Index> order(texts.size());
  std::iota(order.begin(), order.end(), 0U);
  absl::c_sort(order, [&](Index a, Index b) { return texts[a] < texts[b]; });
  std::vector<Index> place(texts.size());
  ids_.reserve(texts.size());
  for (const Index old : order) {
    place[old] = static_cast<Index>(ids_.size());
    ids_.push_back({std::string(texts[old]), KindOf(texts[old]), absl::InfiniteFuture(), -1});
  }
  for (auto& [text, number] : index) number = place[number];
  for (Record& record : records_) {
    for (Index& id : record.ids) {
      id = place[id];
      ids_[id].first_observed = std::min(ids_[id].first_observed, record.observed);
    }
    absl::c_sort(record.ids);
  }
  absl::flat_hash_map<std::string, ScopeIndex> scopes;
  scopes_.assign(ids_.size(), 0);
  for (Index id = 0; id < ids_.size(); ++id) {
    if (!IsAnchor(kind(id))) continue;
    scopes_[id] = scopes
                      .try_emplace(ExclusiveScope(kind(id), ids_[id].text),
                                   static_cast<ScopeIndex>(scopes.size()))
                      .first->second;
  }
  tainted_.assign(ids_.size(), false);
  rebound_.assign(ids_.size(), absl::InfinitePast());
  for (const Decision& decision : decisions_) {
    const auto a = index.find(decision.a);
    if (a == index.end()) continue;
    if (decision.kind == DecisionKind::kRebind) {
      rebound_[a->second] = std::max(rebound_[a->second], decision.at);
    }
    const auto b = index.find(decision.b);
    if (b == index.end()) continue;
    const Pair pair = std::minmax(a->second, b->second);
    if (decision.kind == DecisionKind::kCannotLink) apart_.insert(pair);
    if (decision.kind == DecisionKind::kRetract) {
      const auto [at, added] = retracted_.try_emplace(pair, decision.at);
      at->second = std::max(at->second, decision.at);
    }
  }
}

// R5.10: the phone was told by permission, which was withdrawn.
bool RecordTable::IsRevoked(const Evidence& record) const {
  return absl::c_any_of(decisions_, [&](const Decision& d) { return RevokesPhoneOf(d, record); });
}

// R5.5, R5.6: evidence of the pair that does not count any more.
bool RecordTable::IsDropped(const Pair& ids, absl::Time observed) const {
  if (observed < rebound_[ids.first] || observed < rebound_[ids.second]) return true;
  const auto retracted = retracted_.find(ids);
  return retracted != retracted_.end() && observed <= retracted->second;
}

void RecordTable::Taint(RefusalTable& refusals) {
  std::vector<bool> immune(ids_.size(), false);
  for (const Record& record : records_) {
    if (record.evidence_class != 0 || record.snapshot) continue;
    for (const Index id : record.ids) immune[id] = true;
  }
  std::vector<std::vector<const Record*>> answers(ids_.size());
  std::vector<Index> fresh;
  std::map<Index, Best> seeds;
  const auto taint = [&](const Record& record) {
    for (const Index id : record.ids) {
      if (immune[id]) continue;
      seeds[id].Take(record.evidence_class, record.observed);
      if (tainted_[id]) continue;
      tainted_[id] = true;
      fresh.push_back(id);
    }
  };
  for (const Record& record : records_) {
    if (record.evidence_class == kWebAuthorizationClass) {
      for (const Index id : record.ids) answers[id].push_back(&record);
    }
    if (record.snapshot) taint(record);
  }
  while (!fresh.empty()) {
    const Index id = fresh.back();
    fresh.pop_back();
    for (const Record* record : answers[id]) taint(*record);
  }
  for (const auto& [id, best] : seeds) refusals.Refuse(id, Reason::kSnapshotUser, best);
}

}  // namespace datong::identity::resolution
