#include "services/identity/core/edge_table.h"

#include <algorithm>
#include <map>

#include "absl/algorithm/container.h"

namespace datong::identity::resolution {

void PairTable::Order() {
  absl::c_sort(entries_, [](const Entry& a, const Entry& b) {
    return std::tie(a.first, a.second.evidence_class, a.second.observed) <
           std::tie(b.first, b.second.evidence_class, b.second.observed);
  });
  entries_.erase(std::unique(entries_.begin(), entries_.end(),
                             [](const Entry& a, const Entry& b) { return a.first == b.first; }),
                 entries_.end());
}

bool PairTable::contains(const Pair& ids) const {
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), ids,
                       [](const Entry& entry, const Pair& wanted) { return entry.first < wanted; });
  return at != entries_.end() && at->first == ids;
}

EdgeTable::EdgeTable(const RecordTable& records, const Policy& policy, RefusalTable& refusals)
    : records_(records), policy_(policy), refusals_(refusals) {
  CollectEdges();
  CollectClaims();
  DropHubs();
}

bool EdgeTable::IsBridge(const Pair& ids) const {
  const IdKind a = kind(ids.first);
  const IdKind b = kind(ids.second);
  return (a == IdKind::kExt && b == IdKind::kPending) ||
         (a == IdKind::kPending && b == IdKind::kExt);
}

// Classes 0 to 3: all pairs of a record; ext-pending pairs only while the pending id lives, and of
// the one who asked for it (R2.7).
void EdgeTable::CollectEdges() {
  std::map<Index, absl::Time> issued;
  for (const Record& record : records_.records()) {
    const bool asks =
        absl::c_any_of(record.ids, [&](Index id) { return kind(id) == IdKind::kExt; });
    if (asks || record.evidence_class == kClaimClass) continue;
    for (const Index id : record.ids) {
      if (kind(id) != IdKind::kPending) continue;
      const auto [at, first] = issued.try_emplace(id, record.observed);
      at->second = std::max(at->second, record.observed);
    }
  }
  PairTable expired;
  for (const Record& record : records_.records()) {
    if (record.evidence_class == kClaimClass || record.snapshot) continue;
    records_.ForEachPair(record, [&](const Pair& ids) {
      if (IsBridge(ids)) {
        const Index pending = kind(ids.first) == IdKind::kPending ? ids.first : ids.second;
        const Index ext = pending == ids.first ? ids.second : ids.first;
        const auto issue = issued.find(pending);
        const bool late = issue != issued.end() &&
                          record.observed > issue->second + absl::Hours(24) * policy_.pending_days;
        if (late || !MayBridge(records_.id(ext).text, records_.id(pending).text)) {
          expired.Take(ids, record.evidence_class, record.observed);
          return;
        }
      }
      edges_.Take(ids, record.evidence_class, record.observed);
    });
  }
  edges_.Order();
  expired.Order();
  for (const auto& [ids, best] : expired) {
    if (!edges_.contains(ids)) refusals_.Refuse(ids, Reason::kPendingExpired, best);
  }
}

// The one claimed id that a device is attached by: the openid, else the login, else by rank
// (R2.6).
std::optional<Index> EdgeTable::Chosen(const Record& record) const {
  const auto preference = [&](Index id) {
    if (kind(id) == IdKind::kOpenid) return -2;
    if (kind(id) == IdKind::kLogin) return -1;
    return static_cast<int>(kind(id));
  };
  std::optional<Index> chosen;
  for (const Index id : record.ids) {
    if (kind(id) == IdKind::kDevice || records_.tainted(id)) continue;
    if (!chosen.has_value() || preference(id) < preference(*chosen)) chosen = id;
  }
  return chosen;
}

void EdgeTable::CollectClaims() {
  PairTable attached;  // device and claimed id, in the order of their texts
  std::vector<bool> claimed_openid(records_.size(), false);
  for (const Record& record : records_.records()) {
    if (record.evidence_class != kClaimClass || record.snapshot) continue;
    const std::optional<Index> chosen = Chosen(record);
    records_.ForEachPair(record, [&](const Pair& ids) {
      const bool first = kind(ids.first) == IdKind::kDevice;
      const bool second = kind(ids.second) == IdKind::kDevice;
      if (first && second) {
        edges_.Take(ids, kClaimClass, record.observed);
      } else if (first || second) {
        const Index claimed = first ? ids.second : ids.first;
        if (chosen != claimed) return;
        attached.Take(ids, kClaimClass, record.observed);
        if (kind(claimed) == IdKind::kOpenid) claimed_openid[first ? ids.first : ids.second] = true;
      } else {
        claimed_pairs_.Take(ids, kClaimClass, record.observed);
      }
    });
  }
  edges_.Order();
  attached.Order();
  claimed_pairs_.Order();
  std::vector<PairTable::Entry> chosen;
  for (const auto& [ids, best] : attached) {
    if (edges_.contains(ids)) continue;
    const bool first = kind(ids.first) == IdKind::kDevice;
    const Index device = first ? ids.first : ids.second;
    const Index claimed = first ? ids.second : ids.first;
    if (claimed_openid[device] && kind(claimed) != IdKind::kOpenid) {
      waiting_.Take({ids, best});
    } else {
      chosen.push_back({ids, best});
    }
  }
  for (const PairTable::Entry& entry : chosen) edges_.Take(entry);
  edges_.Order();
  claimed_pairs_.EraseIf([&](const auto& claim) { return edges_.contains(claim.first); });
  if (policy_.trust_client_claims) {
    for (const PairTable::Entry& claim : claimed_pairs_) edges_.Take(claim);
    edges_.Order();
    claimed_pairs_.clear();
  }
}

// R1.11: counted on the full set, before anything is joined.
void EdgeTable::DropHubs() {
  std::vector<int> anchors(records_.size(), 0);
  std::map<Index, std::map<ScopeIndex, int>> values;
  for (const auto& [ids, best] : edges_) {
    for (const auto& [id, partner] : {ids, Pair{ids.second, ids.first}}) {
      if (!IsAnchor(kind(partner))) continue;
      if (kind(id) == IdKind::kDevice) ++anchors[id];
      if (kind(id) == IdKind::kLogin) ++values[id][records_.scope(partner)];
    }
  }
  std::vector<bool> hub(records_.size(), false);
  for (Index id = 0; id < records_.size(); ++id)
    hub[id] = anchors[id] > policy_.hub_device_partners;
  for (const auto& [id, counts] : values) {
    hub[id] = absl::c_any_of(
        counts, [&](const auto& count) { return count.second > policy_.hub_login_partners; });
  }
  edges_.EraseIf([&](const auto& edge) {
    const auto& [ids, best] = edge;
    if (!hub[ids.first] && !hub[ids.second]) return false;
    refusals_.Refuse(ids, Reason::kHubIdentifier, best);
    return true;
  });
}

}  // namespace datong::identity::resolution
