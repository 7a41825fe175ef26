#include "services/identity/core/resolution.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "services/identity/core/disjoint_sets.h"

namespace datong::identity {
namespace {

using Index = uint32_t;
using Pair = std::pair<Index, Index>;  // first < second, which is the order of the texts

// The best evidence for something: the smallest (class, time).
struct Best {
  int evidence_class = std::numeric_limits<int>::max();
  absl::Time observed = absl::InfiniteFuture();

  void Take(int other_class, absl::Time other_observed) {
    if (std::tie(other_class, other_observed) < std::tie(evidence_class, observed)) {
      evidence_class = other_class;
      observed = other_observed;
    }
  }
};

struct Edge {
  Best best;
  Pair ids;
  // The total order of R3.3.
  friend bool operator<(const Edge& a, const Edge& b) {
    return std::tie(a.best.evidence_class, a.best.observed, a.ids) <
           std::tie(b.best.evidence_class, b.best.observed, b.ids);
  }
};

struct Record {
  int evidence_class;
  absl::Time observed;
  bool snapshot;
  std::vector<Index> ids;  // ascending
};

// One run of the function. The phases fill the members in the order of the methods.
class Resolver {
 public:
  Resolver(absl::Span<const Evidence* const> records, const Policy& policy,
           absl::Span<const Decision> decisions)
      : policy_(policy), decisions_(decisions) {
    Read(records);
  }

  Resolution Run() {
    Taint();
    CollectEdges();
    CollectClaims();
    DropHubs();
    sets_.emplace(ids_.size());
    JoinStrong();
    RefuseClaimedPairs();
    JoinWeak();
    RefuseWaitingClaims();
    return Finish();
  }

 private:
  void Read(absl::Span<const Evidence* const> records) {
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
  bool IsRevoked(const Evidence& record) const {
    return absl::c_any_of(decisions_, [&](const Decision& d) { return RevokesPhoneOf(d, record); });
  }

  // R5.5, R5.6: evidence of the pair that does not count any more.
  bool IsDropped(const Pair& ids, absl::Time observed) const {
    if (observed < rebound_[ids.first] || observed < rebound_[ids.second]) return true;
    const auto retracted = retracted_.find(ids);
    return retracted != retracted_.end() && observed <= retracted->second;
  }

  // R4.3.
  bool KeptApart(Index a, Index b) {
    a = sets_->Find(a);
    b = sets_->Find(b);
    return absl::c_any_of(apart_, [&](const Pair& pair) {
      const Index x = sets_->Find(pair.first);
      const Index y = sets_->Find(pair.second);
      return (x == a && y == b) || (x == b && y == a);
    });
  }

  IdKind kind(Index id) const { return ids_[id].kind; }

  void Refuse(std::vector<Index> ids, Reason reason, const Best& best) {
    absl::c_sort(ids);
    auto& kept = refusals_[{std::move(ids), reason}];
    kept.Take(best.evidence_class, best.observed);
  }

  // R2.4: snapshot accounts, unless class 0 evidence contains them. Spreads inside class 1 answers.
  void Taint() {
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
    for (const auto& [id, best] : seeds) Refuse({id}, Reason::kSnapshotUser, best);
  }

  bool IsBridge(const Pair& ids) const {
    const IdKind a = kind(ids.first);
    const IdKind b = kind(ids.second);
    return (a == IdKind::kExt && b == IdKind::kPending) ||
           (a == IdKind::kPending && b == IdKind::kExt);
  }

  // Classes 0 to 3: all pairs of a record; ext-pending pairs only while the pending id lives
  // (R2.7).
  void CollectEdges() {
    std::map<Index, absl::Time> issued;
    for (const Record& record : records_) {
      const bool asks =
          absl::c_any_of(record.ids, [&](Index id) { return kind(id) == IdKind::kExt; });
      if (asks || record.evidence_class == kClaimClass) continue;
      for (const Index id : record.ids) {
        if (kind(id) != IdKind::kPending) continue;
        const auto [at, first] = issued.try_emplace(id, record.observed);
        at->second = std::max(at->second, record.observed);
      }
    }
    std::map<Pair, Best> expired;
    for (const Record& record : records_) {
      if (record.evidence_class == kClaimClass || record.snapshot) continue;
      ForEachPair(record, [&](const Pair& ids) {
        if (IsBridge(ids)) {
          const Index pending = kind(ids.first) == IdKind::kPending ? ids.first : ids.second;
          const auto issue = issued.find(pending);
          if (issue != issued.end() &&
              record.observed > issue->second + absl::Hours(24) * policy_.pending_days) {
            expired[ids].Take(record.evidence_class, record.observed);
            return;
          }
        }
        edges_[ids].Take(record.evidence_class, record.observed);
      });
    }
    for (const auto& [ids, best] : expired) {
      if (!edges_.contains(ids)) Refuse({ids.first, ids.second}, Reason::kPendingExpired, best);
    }
  }

  template <typename Visit>
  void ForEachPair(const Record& record, Visit visit) const {
    for (size_t i = 0; i < record.ids.size(); ++i) {
      for (size_t j = i + 1; j < record.ids.size(); ++j) {
        const Pair ids{record.ids[i], record.ids[j]};
        if (tainted_[ids.first] || tainted_[ids.second] || IsDropped(ids, record.observed)) {
          continue;
        }
        visit(ids);
      }
    }
  }

  // The one claimed id that a device is attached by: the openid, else the login, else by rank
  // (R2.6).
  std::optional<Index> Chosen(const Record& record) const {
    const auto preference = [&](Index id) {
      if (kind(id) == IdKind::kOpenid) return -2;
      if (kind(id) == IdKind::kLogin) return -1;
      return static_cast<int>(kind(id));
    };
    std::optional<Index> chosen;
    for (const Index id : record.ids) {
      if (kind(id) == IdKind::kDevice || tainted_[id]) continue;
      if (!chosen.has_value() || preference(id) < preference(*chosen)) chosen = id;
    }
    return chosen;
  }

  void CollectClaims() {
    std::map<Pair, Best> attached;  // device and claimed id, in the order of their texts
    std::vector<bool> claimed_openid(ids_.size(), false);
    for (const Record& record : records_) {
      if (record.evidence_class != kClaimClass || record.snapshot) continue;
      const std::optional<Index> chosen = Chosen(record);
      ForEachPair(record, [&](const Pair& ids) {
        const bool first = kind(ids.first) == IdKind::kDevice;
        const bool second = kind(ids.second) == IdKind::kDevice;
        if (first && second) {
          edges_[ids].Take(kClaimClass, record.observed);
        } else if (first || second) {
          const Index claimed = first ? ids.second : ids.first;
          if (chosen != claimed) return;
          attached[ids].Take(kClaimClass, record.observed);
          if (kind(claimed) == IdKind::kOpenid)
            claimed_openid[first ? ids.first : ids.second] = true;
        } else {
          claimed_pairs_[ids].Take(kClaimClass, record.observed);
        }
      });
    }
    for (const auto& [ids, best] : attached) {
      if (edges_.contains(ids)) continue;
      const bool first = kind(ids.first) == IdKind::kDevice;
      const Index device = first ? ids.first : ids.second;
      const Index claimed = first ? ids.second : ids.first;
      if (claimed_openid[device] && kind(claimed) != IdKind::kOpenid) {
        waiting_.emplace(ids, best);
      } else {
        edges_[ids] = best;
      }
    }
    std::erase_if(claimed_pairs_, [&](const auto& claim) { return edges_.contains(claim.first); });
    if (policy_.trust_client_claims) {
      for (const auto& [ids, best] : claimed_pairs_) edges_[ids] = best;
      claimed_pairs_.clear();
    }
  }

  // R1.11: counted on the full set, before anything is joined.
  void DropHubs() {
    std::vector<int> anchors(ids_.size(), 0);
    std::map<Index, std::map<std::string, int>> values;
    for (const auto& [ids, best] : edges_) {
      for (const auto& [id, partner] : {ids, Pair{ids.second, ids.first}}) {
        if (!IsAnchor(kind(partner))) continue;
        if (kind(id) == IdKind::kDevice) ++anchors[id];
        if (kind(id) == IdKind::kLogin)
          ++values[id][ExclusiveScope(kind(partner), ids_[partner].text)];
      }
    }
    std::vector<bool> hub(ids_.size(), false);
    for (Index id = 0; id < ids_.size(); ++id) hub[id] = anchors[id] > policy_.hub_device_partners;
    for (const auto& [id, counts] : values) {
      hub[id] = absl::c_any_of(
          counts, [&](const auto& count) { return count.second > policy_.hub_login_partners; });
    }
    std::erase_if(edges_, [&](const auto& edge) {
      const auto& [ids, best] = edge;
      if (!hub[ids.first] && !hub[ids.second]) return false;
      Refuse({ids.first, ids.second}, Reason::kHubIdentifier, best);
      return true;
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
    scopes_.resize(ids_.size());
    anchored_.assign(ids_.size(), false);
    for (Index id = 0; id < ids_.size(); ++id) {
      if (!IsAnchor(kind(id))) continue;
      anchored_[id] = true;
      scopes_[id][ExclusiveScope(kind(id), ids_[id].text)].insert(id);
    }
    std::vector<Edge> edges;
    for (const auto& [ids, best] : edges_) {
      if (!IsWeak(kind(ids.first)) && !IsWeak(kind(ids.second))) edges.push_back({best, ids});
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
        Refuse({edge.ids.first, edge.ids.second}, *reason, edge.best);
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

  void RefuseClaimedPairs() {
    for (const auto& [ids, best] : claimed_pairs_) {
      if (sets_->Find(ids.first) == sets_->Find(ids.second)) continue;
      Refuse({ids.first, ids.second}, Reason::kClientClaimUnverified, best);
    }
  }

  // R3.4.
  void JoinWeak() {
    struct Weak {
      std::vector<Edge> edges;  // to anchored components
      std::set<Index> owners;
    };
    std::map<Index, Weak> weak;
    std::vector<Edge> between;
    for (Index id = 0; id < ids_.size(); ++id) {
      if (IsWeak(kind(id))) weak[id];
    }
    for (const auto& [ids, best] : edges_) {
      const bool first = IsWeak(kind(ids.first));
      const bool second = IsWeak(kind(ids.second));
      if (first && second) between.push_back({best, ids});
      if (first == second) continue;
      const Index owner = sets_->Find(first ? ids.second : ids.first);
      if (!anchored_[owner]) continue;
      if (KeptApart(ids.first, ids.second)) {
        Refuse({ids.first, ids.second}, Reason::kCannotLink, best);
        continue;
      }
      Weak& entry = weak[first ? ids.first : ids.second];
      entry.edges.push_back({best, ids});
      entry.owners.insert(owner);
    }
    std::vector<std::pair<Edge, Index>> owned;
    for (auto& [id, entry] : weak) {
      if (entry.owners.size() == 1) {
        owned.emplace_back(*absl::c_min_element(entry.edges), id);
      } else if (entry.owners.size() > 1) {
        const Reason reason =
            kind(id) == IdKind::kPhone ? Reason::kSharedPhone : Reason::kSharedDevice;
        for (const Edge& edge : entry.edges) {
          Refuse({edge.ids.first, edge.ids.second}, reason, edge.best);
        }
      }
    }
    absl::c_sort(owned);
    for (const auto& [edge, id] : owned) JoinWeakly(edge);
    absl::c_sort(between);
    for (const Edge& edge : between) {
      if (weak[edge.ids.first].owners.empty() && weak[edge.ids.second].owners.empty()) {
        JoinWeakly(edge);
      }
    }
  }

  void JoinWeakly(const Edge& edge) {
    if (sets_->Find(edge.ids.first) == sets_->Find(edge.ids.second)) return;
    if (KeptApart(edge.ids.first, edge.ids.second)) {
      Refuse({edge.ids.first, edge.ids.second}, Reason::kCannotLink, edge.best);
    } else if (TooLarge(edge.ids.first, edge.ids.second)) {
      Refuse({edge.ids.first, edge.ids.second}, Reason::kSizeLimit, edge.best);
    } else {
      sets_->Join(edge.ids.first, edge.ids.second);
    }
  }

  void RefuseWaitingClaims() {
    for (const auto& [ids, best] : waiting_) {
      if (sets_->Find(ids.first) == sets_->Find(ids.second)) continue;
      Refuse({ids.first, ids.second}, Reason::kClientClaimUnverified, best);
    }
  }

  Resolution Finish() {
    Resolution result;
    absl::flat_hash_map<Index, int> parts;
    for (Index id = 0; id < ids_.size(); ++id) {
      if (tainted_[id]) continue;
      const auto [part, first] =
          parts.try_emplace(sets_->Find(id), static_cast<int>(result.parts.size()));
      if (first) result.parts.emplace_back();
      ids_[id].part = part->second;
      result.parts[static_cast<size_t>(part->second)].push_back(id);
    }
    for (const auto& [key, best] : refusals_) {
      Refusal refusal{{}, key.second, best.evidence_class, best.observed};
      for (const Index id : key.first) refusal.ids.push_back(ids_[id].text);
      result.refusals.push_back(std::move(refusal));
    }
    result.links.reserve(edges_.size());
    for (const auto& [ids, best] : edges_) result.links.emplace_back(ids);
    result.ids = std::move(ids_);
    return result;
  }

  const Policy& policy_;
  const absl::Span<const Decision> decisions_;
  std::vector<absl::Time> rebound_;  // by id
  std::map<Pair, absl::Time> retracted_;
  std::set<Pair> apart_;
  std::vector<Resolution::Id> ids_;
  std::vector<Record> records_;
  std::vector<bool> tainted_;
  std::map<Pair, Best> edges_;
  std::map<Pair, Best> claimed_pairs_;  // among claimed ids
  std::map<Pair, Best> waiting_;        // a device and what waits for better evidence
  std::optional<DisjointSets> sets_;
  std::vector<std::map<std::string, std::set<Index>>> scopes_;
  std::vector<bool> anchored_;
  std::map<std::pair<std::vector<Index>, Reason>, Best> refusals_;
};

}  // namespace

Resolution Resolve(absl::Span<const Evidence* const> records, const Policy& policy,
                   absl::Span<const Decision> decisions) {
  return Resolver(records, policy, decisions).Run();
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

}  // namespace datong::identity
