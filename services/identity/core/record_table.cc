#include "services/identity/core/record_table.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace datong::identity::resolution {

void RefusalTable::Refuse(std::vector<Index> ids, Reason reason, const Best& best) {
  absl::c_sort(ids);
  auto& kept = refusals_[{std::move(ids), reason}];
  kept.Take(best.evidence_class, best.observed);
}

RecordTable::RecordTable(absl::Span<const Evidence* const> records,
                         absl::Span<const Decision> decisions)
    : decisions_(decisions) {
  Read(records);
}

void RecordTable::Read(absl::Span<const Evidence* const> records) {
  std::vector<absl::string_view> texts;
  for (const Evidence* record : records) {
    const bool no_phones = IsRevoked(*record);
    for (const std::string& id : record->ids) {
      if (!no_phones || KindOf(id) != IdKind::kPhone) texts.push_back(id);
    }
  }
  absl::c_sort(texts);
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  absl::flat_hash_map<absl::string_view, Index> index;
  for (const absl::string_view text : texts) {
    index.emplace(text, static_cast<Index>(ids_.size()));
    ids_.push_back({std::string(text), KindOf(text), absl::InfiniteFuture(), -1});
  }
  for (const Evidence* record : records) {
    Record read{
        ClassOf(record->kind).value_or(kClaimClass), record->observed, record->snapshot, {}};
    const bool no_phones = IsRevoked(*record);
    for (const std::string& id : record->ids) {
      if (no_phones && KindOf(id) == IdKind::kPhone) continue;
      read.ids.push_back(index.at(id));
      absl::Time& first = ids_[read.ids.back()].first_observed;
      first = std::min(first, record->observed);
    }
    absl::c_sort(read.ids);
    records_.push_back(std::move(read));
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
  for (const auto& [id, best] : seeds) refusals.Refuse({id}, Reason::kSnapshotUser, best);
}

}  // namespace datong::identity::resolution
