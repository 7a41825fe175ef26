#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/known_evidence.h"
#include "services/identity/core/metrics.h"

namespace datong::identity {

// The door for evidence: checks the form of records, lets known facts pass without a query, hands
// the rest to the store. Thread-safe. `store` and `metrics` must outlive it.
class Linker {
 public:
  Linker(GraphStore& store, Metrics& metrics, size_t known_capacity)
      : store_(store), metrics_(metrics), known_(known_capacity) {}

  struct Rejected {
    size_t index = 0;
    std::string reason;
  };
  struct Result {
    int64_t version = 0;  // of the graph, that holds all of it
    int recorded = 0;
    int known = 0;
    int remembered = 0;  // of the known ones: cost no query
    int parked = 0;
    int erased = 0;
    std::vector<Rejected> rejected;
  };
  // Errors: those of GraphStore::Link.
  absl::StatusOr<Result> Link(const Project& project, std::vector<Evidence> records,
                              Deadline deadline);

 private:
  GraphStore& store_;
  Metrics& metrics_;
  KnownEvidence known_;
};

// Brings a record into its stored form: identifiers trimmed, sorted, unique; whole microseconds.
// Gives the reason why it can never be stored, or "".
std::string Normalise(Evidence& record);

}  // namespace datong::identity
