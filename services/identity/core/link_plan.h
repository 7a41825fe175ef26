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

namespace datong::identity {

// An identifier as it is stored. Its raw component is what is connected by any evidence, also by
// evidence that is refused; it is named after one of its nodes.
struct StoredNode {
  int64_t node = 0;
  std::string identifier;
  int64_t component = 0;
  int64_t person = 0;  // index; 0 for none
  absl::Time first_observed = absl::InfiniteFuture();
  bool fresh = false;  // unknown until now
};

// All that is stored of some raw components, and the fresh nodes.
struct GraphState {
  std::vector<StoredNode> nodes;
  std::vector<Evidence> evidence;
  std::vector<Refusal> open_refusals;
  std::vector<Decision> decisions;
};

// What a batch of evidence changes. Persons to be made are named -1, -2, … in order of first sight.
struct LinkPlan {
  struct NodeChange {
    int64_t node = 0;
    std::string identifier;
    int64_t component = 0;
    int64_t person = 0;
    int64_t previous_person = 0;
    absl::Time first_observed;
  };
  struct Merge {
    int64_t absorbed = 0;
    int64_t survivor = 0;
  };

  // A raw component above the caps.
  struct Frozen {
    int64_t component = 0;
    size_t ids = 0;
    size_t records = 0;
  };

  std::vector<size_t> recorded;      // which of the given records are new
  std::vector<NodeChange> nodes;     // whose component, person or first observation changes
  std::vector<int64_t> new_persons;  // of -1, -2, …: the person split from, or 0
  // Parts that got a former name back instead of a new one.
  struct Return {
    int64_t person = 0;
    int64_t split_from = 0;
  };
  std::vector<Return> returned;
  std::vector<Merge> merges;
  std::vector<int64_t> emptied;  // persons that hold nothing any more and lead nowhere
  std::vector<Refusal> opened;   // new, or with better evidence than before
  std::vector<Refusal> closed;
  std::vector<size_t> person_sizes;  // of the persons that were looked at
  std::vector<Frozen> frozen;        // too large to be worked out (R3.7)
  std::set<int64_t> components;      // that were looked at, by the names before and after

  // Gives persons to be made names that were there before, by the names that they have in the plan
  // (-1, -2, …).
  void GiveBack(const std::map<int64_t, int64_t>& former);

  // True when it leaves all persons and refusals as they are.
  bool ChangesNothing() const {
    return nodes.empty() && merges.empty() && emptied.empty() && opened.empty() && closed.empty();
  }
};

// A record at the door: as it came (identifiers trimmed, sorted, unique) and without what is wrong
// with it alone.
struct DoorRecord {
  Evidence stored;
  Evidence clean;
};

// Works out what the records change. `state` holds the whole raw components of all identifiers of
// the clean records. The persons afterwards are those of the resolution function over all evidence.
// With `everything`, all components of the state are worked out, not only those of new records.
LinkPlan PlanLink(int32_t project_number, const GraphState& state,
                  absl::Span<const DoorRecord> records, const Policy& policy,
                  bool everything = false);

}  // namespace datong::identity
