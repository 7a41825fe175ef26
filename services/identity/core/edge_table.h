#pragma once

#include <map>
#include <optional>
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

class EdgeTable {
 public:
  // Collects the edges. What it leaves out is refused.
  EdgeTable(const RecordTable& records, const Policy& policy, RefusalTable& refusals);

  const std::map<Pair, Best>& edges() const { return edges_; }
  // Pairs among claimed identifiers, which nothing better shows.
  const std::map<Pair, Best>& claimed_pairs() const { return claimed_pairs_; }
  // A device and what waits for better evidence.
  const std::map<Pair, Best>& waiting() const { return waiting_; }

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
  std::map<Pair, Best> edges_;
  std::map<Pair, Best> claimed_pairs_;
  std::map<Pair, Best> waiting_;
};

}  // namespace datong::identity::resolution
