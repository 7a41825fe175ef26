#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "datong/identity/v1/profile.pb.h"
#include "services/identity/core/graph_store.h"

namespace datong::identity {

// Who is meant, with all identifiers.
struct Subject {
  uint32_t person = 0;     // 0: an identifier that nobody has
  std::string identifier;  // the one named, else the person's best
  std::vector<std::string> identifiers;
};

// An identifier that nobody has is a subject of its own.
// Errors: NOT_FOUND/PERSON_UNKNOWN, INVALID_ARGUMENT/IDENTIFIER_INVALID.
absl::StatusOr<Subject> FindSubject(GraphStore& graph, const Project& project,
                                    const v1::Subject& subject, Deadline deadline);
// Errors: those, and NOT_FOUND/PERSON_UNKNOWN for an identifier that nobody has.
absl::StatusOr<Subject> FindKnownSubject(GraphStore& graph, const Project& project,
                                         const v1::Subject& subject, Deadline deadline);

}  // namespace datong::identity
