#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/identity/core/decision.h"
#include "services/identity/core/graph_store.h"

namespace datong::identity {

// An erasure asked for (R6.1).
struct Erasure {
  std::vector<std::string> ids;
  bool whole_person = false;  // all identifiers of the persons that hold the ids when it is done
  absl::Time erased;          // evidence observed up to then goes
  absl::Time due;             // when it is done, after late data has come (H10)
  std::string basis;
  std::string actor;
};

// Decisions and erasures. Each operation is one transaction. Thread-safe; blocks on the database,
// no longer than the deadline. Errors of all: those of postgres::Pool.
class DecisionStore {
 public:
  virtual ~DecisionStore() = default;

  // Records the decisions and the evidence that comes with them, and brings the graph up to date.
  // Repeats change nothing.
  virtual absl::StatusOr<LinkOutcome> Decide(const Project& project,
                                             absl::Span<const Decision> decisions,
                                             absl::Span<const Evidence> records,
                                             Deadline deadline) = 0;
  // Decisions that name one of the identifiers, the latest first.
  virtual absl::StatusOr<std::vector<Decision>> ListDecisions(
      const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) = 0;
  virtual absl::Status MarkRetired(const Project& project, absl::Span<const std::string> ids,
                                   absl::Time at, Deadline deadline) = 0;
  // Forgets the values of attributes that were told of the identifier up to then.
  virtual absl::Status ForgetAttributes(const Project& project, const std::string& identifier,
                                        absl::Span<const std::string> names, absl::Time at,
                                        Deadline deadline) = 0;
  // Gives the erasure's number.
  virtual absl::StatusOr<int64_t> RequestErasure(const Project& project, const Erasure& erasure,
                                                 Deadline deadline) = 0;
  // Does one erasure that is due, of any project; false when there is none.
  virtual absl::StatusOr<bool> RunErasure(Deadline deadline) = 0;
  // A new consent after an erasure (R6.3): evidence observed from `at` on is admitted again.
  virtual absl::Status RenewConsent(const Project& project, absl::Span<const std::string> ids,
                                    absl::Time at, Deadline deadline) = 0;
};

}  // namespace datong::identity
