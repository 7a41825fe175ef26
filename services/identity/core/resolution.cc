#include "services/identity/core/resolution.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"
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
    const std::vector<Held>& held = held_[a];
    const std::vector<Held>& other = held_[b];
    for (auto at = held.begin(), to = other.begin(); at != held.end() && to != other.end();) {
      if (at->scope < to->scope) {
        ++at;
      } else if (to->scope < at->scope) {
        ++to;
      } else {
        const ScopeIndex scope = at->scope;
        const IdKind scope_kind = kind(at->id);
        int count = 0;
        for (; at != held.end() && at->scope == scope; ++at) ++count;
        for (; to != other.end() && to->scope == scope; ++to) ++count;
        const int most = scope_kind == IdKind::kLogin ? policy_.login_max : 1;
        if (count > most && (!clash.has_value() || scope_kind < *clash)) clash = scope_kind;
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
    held_.resize(records_.size());
    anchored_.assign(records_.size(), false);
    for (Index id = 0; id < records_.size(); ++id) {
      if (!IsAnchor(kind(id))) continue;
      anchored_[id] = true;
      held_[id].push_back({records_.scope(id), id});
    }
    std::vector<Edge> edges;
    edges.reserve(edges_->edges().size());
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
        refusals_.Refuse(edge.ids, *reason, edge.best);
        continue;
      }
      const auto [root, gone] = sets_->Join(a, b);
      anchored_[root] = anchored_[root] || anchored_[gone];
      std::vector<Held> both;
      absl::c_merge(held_[root], held_[gone], std::back_inserter(both));
      held_[root] = std::move(both);
      held_[gone].clear();
    }
  }

  // Claims that nothing better came to confirm.
  void RefuseClaims(const PairTable& claims) {
    for (const auto& [ids, best] : claims) {
      if (sets_->Find(ids.first) == sets_->Find(ids.second)) continue;
      refusals_.Refuse(ids, Reason::kClientClaimUnverified, best);
    }
  }

  // R3.4.
  void JoinWeak() {
    struct Weak {
      std::vector<Edge> edges;  // to anchored components
      Index owner = 0;          // of the first edge
      bool shared = false;      // there is another one
    };
    std::vector<Weak> weak_ids(records_.size());
    std::vector<Edge> between;
    for (const auto& [ids, best] : edges_->edges()) {
      const bool first = weak(ids.first);
      const bool second = weak(ids.second);
      if (first && second) between.push_back({best, ids});
      if (first == second) continue;
      const Index owner = sets_->Find(first ? ids.second : ids.first);
      if (!anchored_[owner]) continue;
      if (KeptApart(ids.first, ids.second)) {
        refusals_.Refuse(ids, Reason::kCannotLink, best);
        continue;
      }
      Weak& entry = weak_ids[first ? ids.first : ids.second];
      if (entry.edges.empty()) entry.owner = owner;
      if (entry.owner != owner) entry.shared = true;
      entry.edges.push_back({best, ids});
    }
    std::vector<Edge> owned;
    for (Index id = 0; id < weak_ids.size(); ++id) {
      const Weak& entry = weak_ids[id];
      if (entry.shared) {
        const Reason reason =
            kind(id) == IdKind::kPhone ? Reason::kSharedPhone : Reason::kSharedDevice;
        for (const Edge& edge : entry.edges) refusals_.Refuse(edge.ids, reason, edge.best);
      } else if (!entry.edges.empty()) {
        owned.push_back(*absl::c_min_element(entry.edges));
      }
    }
    absl::c_sort(owned);
    for (const Edge& edge : owned) JoinWeakly(edge);
    absl::c_sort(between);
    for (const Edge& edge : between) {
      if (weak_ids[edge.ids.first].edges.empty() && weak_ids[edge.ids.second].edges.empty()) {
        JoinWeakly(edge);
      }
    }
  }

  void JoinWeakly(const Edge& edge) {
    if (sets_->Find(edge.ids.first) == sets_->Find(edge.ids.second)) return;
    if (KeptApart(edge.ids.first, edge.ids.second)) {
      refusals_.Refuse(edge.ids, Reason::kCannotLink, edge.best);
    } else if (TooLarge(edge.ids.first, edge.ids.second)) {
      refusals_.Refuse(edge.ids, Reason::kSizeLimit, edge.best);
    } else {
      sets_->Join(edge.ids.first, edge.ids.second);
    }
  }

  Resolution Finish() {
    Resolution result;
    std::vector<int> parts(records_.size(), -1);  // by root
    for (Index id = 0; id < records_.size(); ++id) {
      if (records_.tainted(id)) continue;
      int& part = parts[sets_->Find(id)];
      if (part < 0) {
        part = static_cast<int>(result.parts.size());
        result.parts.emplace_back();
      }
      records_.ids()[id].part = part;
      result.parts[static_cast<size_t>(part)].push_back(id);
    }
    const std::vector<RefusalTable::Entry> refused = refusals_.Take();
    result.refusals.reserve(refused.size());
    for (const RefusalTable::Entry& entry : refused) {
      Refusal refusal{{}, entry.reason, entry.best.evidence_class, entry.best.observed};
      refusal.ids.reserve(2);
      refusal.ids.push_back(records_.id(entry.first).text);
      if (entry.second.has_value()) refusal.ids.push_back(records_.id(*entry.second).text);
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
  // The anchors of each component, by scope.
  struct Held {
    ScopeIndex scope;
    Index id;
    auto operator<=>(const Held&) const = default;
  };
  std::vector<std::vector<Held>> held_;  // by root
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
