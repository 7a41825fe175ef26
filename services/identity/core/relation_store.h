#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/identity/core/graph_store.h"

namespace datong::identity {

enum class RelationKind { kFollower = 1, kContact = 2 };
enum class RelationState { kActive = 1, kEndedByPerson = 2, kEndedByCompany = 3 };

// Whether an identifier is still a follower or a contact; never joins or parts anybody (R5.9).
struct Relation {
  std::string identifier;
  RelationKind kind = RelationKind::kFollower;
  std::string with;  // a member of staff, or ""
  RelationState state = RelationState::kActive;
  absl::Time since;  // whole microseconds
};

// Each operation is one transaction. Thread-safe; blocks on the database, no longer than the
// deadline. Errors of all: those of postgres::Pool.
class RelationStore {
 public:
  virtual ~RelationStore() = default;
  // Answers how many were applied: not those of which a later record holds, or whose identifier was
  // erased since.
  virtual absl::StatusOr<int> Record(const Project& project, absl::Span<const Relation> relations,
                                     Deadline deadline) = 0;
  // At most 1,000, by identifier.
  virtual absl::StatusOr<std::vector<Relation>> List(const Project& project,
                                                     absl::Span<const std::string> identifiers,
                                                     Deadline deadline) = 0;
};

}  // namespace datong::identity
