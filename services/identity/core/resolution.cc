#include "services/identity/core/resolution.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "services/identity/core/disjoint_sets.h"
#include "services/identity/core/edge_table.h"
#include "services/identity/core/record_table.h"

namespace datong::identity {
namespace resolution {
namespace {

// One run of the function: joins what the tables hold.
class Resolver {
 public:
  Resolver(absl::Span<const Evidence* const> records, const Policy& policy,
           absl::Span<const Decision> decisions)
      : policy_(policy), records_(records, decisions) {}

  Resolution Run() {
    records_.Taint(refusals_);
    edges_.emplace(records_, policy_, refusals_);
    sets_.emplace(records_.size());
    JoinStrong();
    RefuseClaims(edges_->claimed_pairs());
    JoinWeak();
    RefuseClaims(edges_->waiting());
    return Finish();
  }

 private:
  IdKind kind(Index id) const { return records_.kind(id); }
  bool weak(Index id) const {
    return IsWeak(kind(id)) && !(policy_.phone_may_merge && kind(id) == IdKind::kPhone);
  }

  // R4.3.
  bool KeptApart(Index a, Index b) {
    a = sets_->Find(a);
    b = sets_->Find(b);
    return absl::c_any_of(records_.apart(), [&](const Pair& pair) {
      const Index x = sets_->Find(pair.first);
      const Index y = sets_->Find(pair.second);
      return (x == a && y == b) || (x == b && y == a);
    });
  }

  // R4.1, by the strongest kind that clashes.
  std::optional<Reason> Clash(Index a, Index b) {
    std::optional<IdKind> clash;
    const auto& held = scopes_[a];
    for (const auto& [scope, values] : scopes_[b]) {
      const auto same = held.find(scope);
      if (same == held.end()) continue;
      std::set<Index> all = same->second;
      all.insert(values.begin(), values.end());
      const IdKind scope_kind = kind(*all.begin());
      const int most = scope_kind == IdKind::kLogin ? policy_.login_max : 1;
      if (static_cast<int>(all.size()) > most && (!clash.has_value() || scope_kind < *clash)) {
        clash = scope_kind;
      }
    }
    if (clash.has_value()) return ConflictOf(*clash);
    return std::nullopt;
  }

  bool TooLarge(Index a, Index b) {
    return static_cast<int>(sets_->SizeOf(a) + sets_->SizeOf(b)) > policy_.max_ids;
  }

  // R3.3.
  void JoinStrong() {
    scopes_.resize(records_.size());
    anchored_.assign(records_.size(), false);
    for (Index id = 0; id < records_.size(); ++id) {
      if (!IsAnchor(kind(id))) continue;
      anchored_[id] = true;
      scopes_[id][ExclusiveScope(kind(id), records_.id(id).text)].insert(id);
    }
    std::vector<Edge> edges;
    for (const auto& [ids, best] : edges_->edges()) {
      if (!weak(ids.first) && !weak(ids.second)) edges.push_back({best, ids});
    }
    absl::c_sort(edges);
    for (const Edge& edge : edges) {
      const Index a = sets_->Find(edge.ids.first);
      const Index b = sets_->Find(edge.ids.second);
      if (a == b) continue;
      std::optional<Reason> reason;
      if (KeptApart(a, b)) reason = Reason::kCannotLink;
      if (!reason.has_value()) reason = Clash(a, b);
      if (!reason.has_value() && TooLarge(a, b)) reason = Reason::kSizeLimit;
      if (reason.has_value()) {
        refusals_.Refuse({edge.ids.first, edge.ids.second}, *reason, edge.best);
        continue;
      }
      const auto [root, gone] = sets_->Join(a, b);
      anchored_[root] = anchored_[root] || anchored_[gone];
      for (auto& [scope, values] : scopes_[gone]) {
        scopes_[root][scope].insert(values.begin(), values.end());
      }
      scopes_[gone].clear();
    }
  }

  // Claims that nothing better came to confirm.
  void RefuseClaims(const std::map<Pair, Best>& claims) {
    for (const auto& [ids, best] : claims) {
      if (sets_->Find(ids.first) == sets_->Find(ids.second)) continue;
      refusals_.Refuse({ids.first, ids.second}, Reason::kClientClaimUnverified, best);
    }
  }

  // R3.4.
  void JoinWeak() {
    struct Weak {
      std::vector<Edge> edges;  // to anchored components
      std::set<Index> owners;
    };
    std::map<Index, Weak> owned_by;
    std::vector<Edge> between;
    for (Index id = 0; id < records_.size(); ++id) {
      if (weak(id)) owned_by[id];
    }
    for (const auto& [ids, best] : edges_->edges()) {
      const bool first = weak(ids.first);
      const bool second = weak(ids.second);
      if (first && second) between.push_back({best, ids});
      if (first == second) continue;
      const Index owner = sets_->Find(first ? ids.second : ids.first);
      if (!anchored_[owner]) continue;
      if (KeptApart(ids.first, ids.second)) {
        refusals_.Refuse({ids.first, ids.second}, Reason::kCannotLink, best);
        continue;
      }
      Weak& entry = owned_by[first ? ids.first : ids.second];
      entry.edges.push_back({best, ids});
      entry.owners.insert(owner);
    }
    std::vector<std::pair<Edge, Index>> owned;
    for (auto& [id, entry] : owned_by) {
      if (entry.owners.size() == 1) {
        owned.emplace_back(*absl::c_min_element(entry.edges), id);
      } else if (entry.owners.size() > 1) {
        const Reason reason =
            kind(id) == IdKind::kPhone ? Reason::kSharedPhone : Reason::kSharedDevice;
        for (const Edge& edge : entry.edges) {
          refusals_.Refuse({edge.ids.first, edge.ids.second}, reason, edge.best);
        }
      }
    }
    absl::c_sort(owned);
    for (const auto& [edge, id] : owned) JoinWeakly(edge);
    absl::c_sort(between);
    for (const Edge& edge : between) {
      if (owned_by[edge.ids.first].owners.empty() && owned_by[edge.ids.second].owners.empty()) {
        JoinWeakly(edge);
      }
    }
  }

  void JoinWeakly(const Edge& edge) {
    if (sets_->Find(edge.ids.first) == sets_->Find(edge.ids.second)) return;
    if (KeptApart(edge.ids.first, edge.ids.second)) {
      refusals_.Refuse({edge.ids.first, edge.ids.second}, Reason::kCannotLink, edge.best);
    } else if (TooLarge(edge.ids.first, edge.ids.second)) {
      refusals_.Refuse({edge.ids.first, edge.ids.second}, Reason::kSizeLimit, edge.best);
    } else {
      sets_->Join(edge.ids.first, edge.ids.second);
    }
  }

  Resolution Finish() {
    Resolution result;
    absl::flat_hash_map<Index, int> parts;
    for (Index id = 0; id < records_.size(); ++id) {
      if (records_.tainted(id)) continue;
      const auto [part, first] =
          parts.try_emplace(sets_->Find(id), static_cast<int>(result.parts.size()));
      if (first) result.parts.emplace_back();
      records_.ids()[id].part = part->second;
      result.parts[static_cast<size_t>(part->second)].push_back(id);
    }
    for (const auto& [key, best] : refusals_.all()) {
      Refusal refusal{{}, key.second, best.evidence_class, best.observed};
      for (const Index id : key.first) refusal.ids.push_back(records_.id(id).text);
      result.refusals.push_back(std::move(refusal));
    }
    result.links.reserve(edges_->edges().size());
    for (const auto& [ids, best] : edges_->edges()) result.links.emplace_back(ids);
    result.ids = std::move(records_.ids());
    return result;
  }

  const Policy& policy_;
  RecordTable records_;
  RefusalTable refusals_;
  std::optional<EdgeTable> edges_;
  std::optional<DisjointSets> sets_;
  std::vector<std::map<std::string, std::set<Index>>> scopes_;
  std::vector<bool> anchored_;
};

}  // namespace
}  // namespace resolution

Resolution Resolve(absl::Span<const Evidence* const> records, const Policy& policy,
                   absl::Span<const Decision> decisions) {
  return resolution::Resolver(records, policy, decisions).Run();
}

Resolution ResolveRaw(absl::Span<const Evidence> records, const Policy& policy,
                      absl::Span<const Decision> decisions) {
  std::vector<Refusal> refusals;
  std::vector<Evidence> clean;
  clean.reserve(records.size());
  for (const Evidence& record : records) clean.push_back(Clean(record, policy, refusals));
  std::vector<const Evidence*> pointers;
  for (const Evidence& record : clean) pointers.push_back(&record);
  Resolution result = Resolve(pointers, policy, decisions);
  result.refusals.insert(result.refusals.end(), refusals.begin(), refusals.end());
  // Of several with the same ids and reason the strongest stays.
  absl::c_sort(result.refusals, [](const Refusal& a, const Refusal& b) {
    return std::tie(a.ids, a.reason, a.evidence_class, a.observed) <
           std::tie(b.ids, b.reason, b.evidence_class, b.observed);
  });
  result.refusals.erase(std::unique(result.refusals.begin(), result.refusals.end(),
                                    [](const Refusal& a, const Refusal& b) { return a.SameAs(b); }),
                        result.refusals.end());
  return result;
}

std::set<std::string> StrongPart(absl::Span<const Evidence> records, const Policy& policy,
                                 absl::Span<const Decision> decisions,
                                 const std::string& identifier, int weakest_class) {
  std::vector<Evidence> strong;
  for (const Evidence& record : records) {
    if (ClassOf(record.kind).value_or(kClaimClass) <= weakest_class) strong.push_back(record);
  }
  const Resolution resolution = ResolveRaw(strong, policy, decisions);
  std::set<std::string> part;
  for (const Resolution::Id& id : resolution.ids) {
    if (id.text != identifier || id.part < 0) continue;
    for (const size_t member : resolution.parts[static_cast<size_t>(id.part)]) {
      part.insert(resolution.ids[member].text);
    }
  }
  return part;
}

}  // namespace datong::identity
