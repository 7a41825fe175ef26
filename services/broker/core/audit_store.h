#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// What ListAccess asks for; unset times and texts do not narrow.
struct AccessFilter {
  std::string project;
  std::string appid;
  std::string caller;
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();
  // The last row of the page before, newest first.
  absl::Time before_second = absl::InfiniteFuture();
  std::string before_id;
};

// Where accesses are recorded. Thread-safe; blocks.
class AuditStore {
 public:
  virtual ~AuditStore() = default;
  // All or nothing; a row whose id is there already is left as it is.
  virtual absl::Status Append(const std::vector<AccessRow>& rows, Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<AccessRow>> List(const AccessFilter& filter, int limit,
                                                      Deadline deadline) = 0;
};

// Where rows wait on this machine's disk while the database is away.
class AuditSpool {
 public:
  virtual ~AuditSpool() = default;
  // Durable when it returns OK.
  virtual absl::Status Append(const std::vector<AccessRow>& rows) = 0;
  // Hands what waits to the store, and forgets it when the store took it.
  virtual absl::Status MoveTo(AuditStore& store, Deadline deadline) = 0;
};

}  // namespace datong::broker
