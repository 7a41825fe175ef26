#pragma once

#include <optional>
#include <string>

#include "common/postgres/pool.h"
#include "common/time/clock.h"
#include "services/identity/core/privacy_store.h"

namespace datong::identity {

// Export, the feed of erasures and business records in PostgreSQL, schema `identity`.
class PostgresPrivacyStore final : public PrivacyStore {
 public:
  PostgresPrivacyStore(postgres::Pool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}

  absl::StatusOr<std::string> Export(const Project& project, uint32_t person,
                                     absl::Span<const std::string> identifiers,
                                     Deadline deadline) override;
  absl::StatusOr<ErasurePage> ListErasures(const Project& project, const std::string& cursor,
                                           int limit, Deadline deadline) override;
  absl::StatusOr<std::optional<absl::Time>> OldestErasure(Deadline deadline) override;
  absl::Status ForgetErasures(absl::Time before, Deadline deadline) override;
  absl::StatusOr<BusinessRecord> PutRecord(const Project& project,
                                           absl::Span<const std::string> identifiers,
                                           const BusinessRecord& record, bool* created,
                                           Deadline deadline) override;
  absl::StatusOr<PageOf<BusinessRecord>> ListRecords(const Project& project,
                                                     absl::Span<const std::string> identifiers,
                                                     const std::string& kind,
                                                     const std::string& after, int limit,
                                                     Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  const Clock& clock_;
};

}  // namespace datong::identity
