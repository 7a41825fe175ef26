#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/identity/core/decision.h"
#include "services/identity/core/evidence.h"
#include "services/identity/core/link_plan.h"
#include "services/identity/core/scoping.h"

namespace datong::identity {

// The incremental engine (R3, 3.1) over memory: one graph, of which each change works out only the
// raw components that it touches, by the same plans that the database is written by. Not
// thread-safe.
class MemoryGraph {
 public:
  MemoryGraph(int32_t project_number, Policy policy)
      : number_(project_number), policy_(std::move(policy)) {}

  // The records are in their stored form (see Normalise).
  void Link(absl::Span<const Evidence> records, absl::Time now);
  void Decide(absl::Span<const Decision> decisions, absl::Span<const Evidence> records,
              absl::Time now);
  // As DecisionStore::RequestErasure and RunErasure at once.
  void Erase(std::set<std::string> ids, bool whole_person, absl::Time at, absl::Time now);
  void Bind(const std::string& appid, const std::string& account, absl::Time from, absl::Time now);
  void SetPolicy(const Policy& policy, absl::Time now);

  // The identifiers of each person, sorted.
  std::map<int64_t, std::vector<std::string>> Persons() const;
  std::vector<Refusal> OpenRefusals() const;
  // True when working out everything anew changes nothing (R3.8).
  bool IsWhole() const;

 private:
  // A record as it is stored, and with the identifiers that it came with.
  struct Kept {
    Evidence stored;
    std::vector<std::string> original;
  };
  struct Door {
    DoorRecord record;
    std::vector<Refusal> refusals;
    std::vector<std::string> original;
  };
  using RefusalKey = std::pair<std::vector<std::string>, Reason>;

  // Links, decides and replaces stored records, all at once.
  void Apply(absl::Span<const Evidence> records, absl::Span<const Decision> decisions,
             const std::vector<Kept>& replaced, absl::Time now);
  std::vector<Door> Admit(absl::Span<const Evidence> records, absl::Time now);
  void Recompute(const std::set<std::string>& ids);
  void ReleaseParked(absl::Time now);
  void RunExtended(absl::Time now);
  void MakeNode(const std::string& id, std::set<std::string>& fresh);
  GraphState LoadState(const std::set<std::string>& ids, const std::set<std::string>& fresh) const;
  void Take(const LinkPlan& plan);
  void Open(const Refusal& refusal);

  const int32_t number_;
  Policy policy_;
  Bindings bindings_;
  std::map<std::string, StoredNode> nodes_;
  std::map<int64_t, std::set<std::string>> members_;   // by component
  std::map<std::string, std::vector<Kept>> evidence_;  // by the identifier that it hangs on
  std::vector<Evidence> parked_;                       // as they came
  std::vector<Decision> decisions_;
  std::map<RefusalKey, Refusal> refusals_;
  std::map<std::string, Tombstone> tombstones_;
  std::vector<std::pair<std::set<std::string>, absl::Time>> extended_;
  int64_t next_person_ = 1;
};

}  // namespace datong::identity
