#pragma once

#include "common/postgres/pool.h"
#include "services/ingest/core/evidence_outbox.h"

namespace datong::ingest {

// ingest.erased_nodes, its row of ingest.feed_cursors, and the deleting. `pool` must outlive it.
class PostgresErasureStore final : public ErasureStore {
 public:
  explicit PostgresErasureStore(postgres::Pool& pool) : pool_(pool) {}
  absl::StatusOr<std::vector<ErasureEntry>> LoadAll(Deadline deadline) override;
  absl::StatusOr<std::string> Cursor(int32_t tenant_id, Deadline deadline) override;
  absl::Status Erase(int32_t tenant_id, const std::vector<ErasureEntry>& entries,
                     const std::string& cursor, Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::ingest
