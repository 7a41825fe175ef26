#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// An openid that WeChat replaced by another one when its account moved.
struct OpenidMove {
  std::string old_openid;
  std::string new_openid;
};

// What the broker must do about one change of identity's graph.
struct GraphChange {
  enum class Kind { kMoved, kIdentifierErased, kPersonErased };
  Kind kind = Kind::kMoved;
  int64_t node = 0;    // of the identifier; 0 for persons
  std::string person;  // name; whom the identifier belongs to now, or who was erased
};

struct GraphChanges {
  std::vector<GraphChange> changes;
  std::string next_cursor;
  bool is_last = false;
};

// What the broker asks of identity about persons. Every call blocks until the deadline.
class PersonPeer {
 public:
  virtual ~PersonPeer() = default;
  // The names of the persons of 1 to 1,000 identifiers, in their order; "" where there is none.
  virtual absl::StatusOr<std::vector<std::string>> FindPersons(
      const std::string& project, const std::vector<std::string>& identifiers,
      Deadline deadline) = 0;
  // Idempotent.
  virtual absl::Status MigrateOpenids(const std::string& project, const std::string& old_appid,
                                      const std::string& new_appid,
                                      const std::vector<OpenidMove>& moves, absl::Time when,
                                      Deadline deadline) = 0;
  // The feed after `cursor` ("": from the start). Errors: FAILED_PRECONDITION/CURSOR_STALE.
  virtual absl::StatusOr<GraphChanges> ReadChanges(const std::string& project,
                                                   const std::string& cursor,
                                                   Deadline deadline) = 0;
};

}  // namespace datong::broker
