#pragma once

#include <vector>

#include "common/postgres/pool.h"
#include "services/broker/core/audit_store.h"

namespace datong::broker {

// broker.access_log.
class PostgresAuditStore : public AuditStore {
 public:
  explicit PostgresAuditStore(postgres::Pool& pool) : pool_(pool) {}
  absl::Status Append(const std::vector<AccessRow>& rows, Deadline deadline) override;
  absl::StatusOr<std::vector<AccessRow>> List(const AccessFilter& filter, int limit,
                                              Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::broker
