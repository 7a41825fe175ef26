#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/ingest/core/event_store.h"

namespace datong::ingest {

struct QuarantineFilter {
  int32_t tenant_id = 0;
  int32_t source_id = 0;  // 0: any
  Reason reason = Reason::kNone;
  bool show_replayed = false;
  std::vector<int64_t> ids;  // empty: any
};

// Reads quarantine and marks what was replayed. Thread-safe; blocks.
class QuarantineStore {
 public:
  virtual ~QuarantineStore() = default;
  // Newest first, with ids below `before` (0: all); raw cut to 4 KiB.
  virtual absl::StatusOr<std::vector<QuarantineItem>> List(const QuarantineFilter& filter,
                                                           int64_t before, int limit,
                                                           Deadline deadline) = 0;
  // Oldest first, with ids above `after`, whole; at most 32 MiB of them at once, but at least one.
  virtual absl::StatusOr<std::vector<QuarantineItem>> Load(const QuarantineFilter& filter,
                                                           int64_t after, int limit,
                                                           Deadline deadline) = 0;
  virtual absl::Status MarkReplayed(int64_t id, int64_t received_us, int64_t now_us,
                                    Deadline deadline) = 0;
  // How many wait, by reason.
  virtual absl::StatusOr<std::vector<std::pair<Reason, int64_t>>> CountWaiting(
      Deadline deadline) = 0;
};

}  // namespace datong::ingest
