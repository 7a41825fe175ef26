#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/identity/core/resolution.h"

// The first part of the resolution function: what the records say of each identifier (R3.1).
namespace datong::identity::resolution {

using Index = uint32_t;
using ScopeIndex = uint32_t;           // of exclusive scopes (R4.1), as they are met
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

// Refusals of single identifiers and of pairs, each with the best evidence for what is refused.
class RefusalTable {
 public:
  struct Entry {
    Index first = 0;
    std::optional<Index> second;
    Reason reason = Reason::kBlockedValue;
    Best best;
  };

  void Refuse(Index id, Reason reason, const Best& best) {
    entries_.push_back({id, std::nullopt, reason, best});
  }
  void Refuse(const Pair& ids, Reason reason, const Best& best) {
    entries_.push_back({ids.first, ids.second, reason, best});
  }
  // By identifiers and reason, without repeats.
  std::vector<Entry> Take();

 private:
  std::vector<Entry> entries_;
};

struct Record {
  int evidence_class;
  absl::Time observed;
  bool snapshot;
  absl::InlinedVector<Index, 4> ids;  // ascending
};

// The records with their identifiers numbered in the order of their texts, without what decisions
// and snapshot accounts take away.
class RecordTable {
 public:
  RecordTable(absl::Span<const Evidence* const> records, absl::Span<const Decision> decisions);

  // R2.4: snapshot accounts, unless class 0 evidence contains them. Spreads inside class 1 answers.
  void Taint(RefusalTable& refusals);

  size_t size() const { return ids_.size(); }
  const std::vector<Record>& records() const { return records_; }
  const Resolution::Id& id(Index index) const { return ids_[index]; }
  std::vector<Resolution::Id>& ids() { return ids_; }
  IdKind kind(Index index) const { return ids_[index].kind; }
  bool tainted(Index index) const { return tainted_[index]; }
  // Of anchors alone.
  ScopeIndex scope(Index index) const { return scopes_[index]; }
  // Pairs that are never one person (R4.3).
  const std::set<Pair>& apart() const { return apart_; }

  // Calls `visit` with each pair of the record's identifiers that counts.
  template <typename Visit>
  void ForEachPair(const Record& record, Visit visit) const {
    for (size_t i = 0; i < record.ids.size(); ++i) {
      for (size_t j = i + 1; j < record.ids.size(); ++j) {
        const Pair pair{record.ids[i], record.ids[j]};
        if (tainted_[pair.first] || tainted_[pair.second] || IsDropped(pair, record.observed)) {
          continue;
        }
        visit(pair);
      }
    }
  }

 private:
  void Read(absl::Span<const Evidence* const> records);
  bool IsRevoked(const Evidence& record) const;
  bool IsDropped(const Pair& ids, absl::Time observed) const;

  const absl::Span<const Decision> decisions_;
  std::vector<Resolution::Id> ids_;
  std::vector<Record> records_;
  std::vector<ScopeIndex> scopes_;
  std::vector<bool> tainted_;
  std::vector<absl::Time> rebound_;  // by id
  std::map<Pair, absl::Time> retracted_;
  std::set<Pair> apart_;
};

}  // namespace datong::identity::resolution
