#pragma once

#include "common/postgres/pool.h"
#include "services/ingest/core/evidence_outbox.h"

namespace datong::ingest {

// ingest.evidence_outbox; PostgresEventStore fills it. `pool` must outlive it.
class PostgresEvidenceOutbox final : public EvidenceOutbox {
 public:
  explicit PostgresEvidenceOutbox(postgres::Pool& pool) : pool_(pool) {}
  absl::StatusOr<std::vector<PendingEvidence>> Claim(int limit, absl::Duration lease,
                                                     Deadline deadline) override;
  absl::Status Release(const std::vector<int64_t>& ids, Deadline deadline) override;
  absl::Status Delete(const std::vector<int64_t>& ids, Deadline deadline) override;
  absl::StatusOr<EvidenceBacklog> Backlog(Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

// ingest.consents and its row of ingest.feed_cursors. `pool` must outlive it.
class PostgresConsentStore final : public ConsentStore {
 public:
  explicit PostgresConsentStore(postgres::Pool& pool) : pool_(pool) {}
  absl::StatusOr<std::vector<ConsentEntry>> LoadAll(Deadline deadline) override;
  absl::StatusOr<std::string> Cursor(int32_t tenant_id, Deadline deadline) override;
  absl::Status Save(int32_t tenant_id, const std::vector<ConsentEntry>& entries,
                    const std::string& cursor, Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::ingest
