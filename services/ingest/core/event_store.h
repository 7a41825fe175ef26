#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/ingest/core/event_row.h"
#include "services/ingest/core/reason.h"

namespace datong::ingest {

// One event, or one whole body, that could not be stored.
struct QuarantineItem {
  int64_t id = 0;  // of a stored one
  int32_t tenant_id = 0;
  int32_t source_id = 0;  // 0: could not be told
  int64_t received_us = 0;
  std::string dialect;
  Reason reason = Reason::kSchema;
  std::string detail;
  std::string raw;
  bool whole_body = false;
  std::string context;    // JSON, see replay
  int64_t raw_bytes = 0;  // of a stored one
  int64_t replayed_us = 0;
};

// kUnstorable: the database refuses a value of it.
enum class RowFate { kStored, kDuplicate, kIdReused, kUnstorable };

struct WriteBatch {
  absl::Span<EventRow* const> rows;  // no two of one id and device key
  absl::Span<const QuarantineItem* const> quarantine;
  absl::Span<const EvidenceItem* const> evidence;
  int64_t now_us = 0;
};

struct WriteOutcome {
  int64_t batch_id = 0;        // 0 when no row was new
  std::vector<RowFate> fates;  // for each row
};

// Where events go. Implementations are thread-safe and block.
class EventStore {
 public:
  virtual ~EventStore() = default;

  // Writes all in one transaction: rows, their batch, quarantine, evidence. What was stored before
  // under the same id and device key stays as it is. Safe to repeat.
  // Errors: those of postgres::Pool; INVALID_ARGUMENT/DATABASE_VALUE_REFUSED when some row cannot
  // be stored.
  virtual absl::StatusOr<WriteOutcome> Write(const WriteBatch& batch, Deadline deadline) = 0;

  // Makes the partitions from today to `days` ahead, and drops days that are kept no longer: of
  // quarantine after 30 days, of events as the store was told.
  virtual absl::Status MaintainPartitions(int64_t now_us, int days, Deadline deadline) = 0;
};

}  // namespace datong::ingest
