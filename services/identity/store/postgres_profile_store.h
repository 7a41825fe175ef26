#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "common/time/clock.h"
#include "services/identity/core/profile_store.h"

namespace datong::identity {

// Consents and attributes in PostgreSQL, schema `identity`; both tables are append-only.
class PostgresProfileStore final : public ProfileStore {
 public:
  PostgresProfileStore(postgres::Pool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}

  absl::Status AppendConsent(const Project& project, absl::Span<const std::string> identifiers,
                             const ConsentEntry& consent, Deadline deadline) override;
  absl::StatusOr<std::vector<ConsentEntry>> LatestConsents(
      const Project& project, absl::Span<const std::string> identifiers,
      Deadline deadline) override;
  absl::StatusOr<ConsentPage> ListConsentChanges(const Project& project, const std::string& cursor,
                                                 int limit, Deadline deadline) override;
  absl::Status AppendAttributes(const Project& project, const std::string& identifier,
                                absl::Span<const std::string> identifiers,
                                absl::Span<const AttributeEntry> attributes,
                                Deadline deadline) override;
  absl::StatusOr<std::vector<AttributeEntry>> LatestAttributes(
      const Project& project, absl::Span<const std::string> identifiers,
      Deadline deadline) override;
  absl::StatusOr<PageOf<AttributeEntry>> AttributeHistory(const Project& project,
                                                          absl::Span<const std::string> identifiers,
                                                          const std::string& name,
                                                          const std::string& after, int limit,
                                                          Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  const Clock& clock_;
};

}  // namespace datong::identity
