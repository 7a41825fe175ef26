#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/base/mutex.h"
#include "common/postgres/pool.h"
#include "services/ingest/core/event_store.h"

namespace datong::ingest {

// Keeps events in the schema `ingest`: binary COPY into the day's partition; only when an id is
// there already, the same rows again through a temporary table and ON CONFLICT DO NOTHING. Makes
// the partitions that a batch needs before it writes. `pool` must outlive it.
class PostgresEventStore final : public EventStore {
 public:
  // Days of events older than `event_days` are dropped.
  explicit PostgresEventStore(postgres::Pool& pool, int event_days = 400)
      : pool_(pool), event_days_kept_(event_days) {}

  absl::StatusOr<WriteOutcome> Write(const WriteBatch& batch, Deadline deadline) override;
  absl::Status MaintainPartitions(int64_t now_us, int days, Deadline deadline) override;

 private:
  absl::Status EnsureDays(const WriteBatch& batch, Deadline deadline);
  absl::Status MakeEventDay(int32_t day, Deadline deadline);
  absl::Status MakeQuarantineDay(int32_t day, Deadline deadline);
  absl::Status DropOldEvents(int32_t today, Deadline deadline);

  postgres::Pool& pool_;
  const int event_days_kept_;
  Mutex mutex_;
  absl::flat_hash_set<int32_t> event_days_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<int32_t> quarantine_days_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::ingest
