#pragma once

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "services/identity/core/record_table.h"

// The second part of the resolution function: which identifiers the records join (R3.2, R2.6,
// R2.7).
namespace datong::identity::resolution {

struct Edge {
  Best best;
  Pair ids;
  // The total order of R3.3.
  friend bool operator<(const Edge& a, const Edge& b) {
    return std::tie(a.best.evidence_class, a.best.observed, a.ids) <
           std::tie(b.best.evidence_class, b.best.observed, b.ids);
  }
};

// Pairs in their order, each with its best evidence. A sorted list, since there are many and they
// are filled in at once: after Take and before anything is read of it, Order.
class PairTable {
 public:
  using Entry = std::pair<Pair, Best>;

  void Take(const Pair& ids, int evidence_class, absl::Time observed) {
    entries_.push_back({ids, {evidence_class, observed}});
  }
  void Take(const Entry& entry) { entries_.push_back(entry); }
  void Order();

  bool contains(const Pair& ids) const;
  std::vector<Entry>::const_iterator begin() const { return entries_.begin(); }
  std::vector<Entry>::const_iterator end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }
  void clear() { entries_.clear(); }
  template <typename Condition>
  void EraseIf(Condition condition) {
    std::erase_if(entries_, condition);
  }

 private:
  std::vector<Entry> entries_;
};

class EdgeTable {
 public:
  // Collects the edges. What it leaves out is refused.
  EdgeTable(const RecordTable& records, const Policy& policy, RefusalTable& refusals);

  const PairTable& edges() const { return edges_; }
  // Pairs among claimed identifiers, which nothing better shows.
  const PairTable& claimed_pairs() const { return claimed_pairs_; }
  // A device and what waits for better evidence.
  const PairTable& waiting() const { return waiting_; }

 private:
  IdKind kind(Index id) const { return records_.kind(id); }
  bool IsBridge(const Pair& ids) const;
  void CollectEdges();
  std::optional<Index> Chosen(const Record& record) const;
  void CollectClaims();
  void DropHubs();

  const RecordTable& records_;
  const Policy& policy_;
  RefusalTable& refusals_;
  PairTable edges_;
  PairTable claimed_pairs_;
  PairTable waiting_;
};

}  // namespace datong::identity::resolution
