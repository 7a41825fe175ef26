#pragma once

#include "common/postgres/pool.h"
#include "services/ingest/core/quarantine_store.h"

namespace datong::ingest {

// Reads ingest.quarantined_events; PostgresEventStore writes it. `pool` must outlive it.
class PostgresQuarantineStore final : public QuarantineStore {
 public:
  explicit PostgresQuarantineStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<QuarantineItem>> List(const QuarantineFilter& filter, int64_t before,
                                                   int limit, Deadline deadline) override;
  absl::StatusOr<std::vector<QuarantineItem>> Load(const QuarantineFilter& filter, int64_t after,
                                                   int limit, Deadline deadline) override;
  absl::Status MarkReplayed(int64_t id, int64_t received_us, int64_t now_us,
                            Deadline deadline) override;
  absl::StatusOr<std::vector<std::pair<Reason, int64_t>>> CountWaiting(Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::ingest
