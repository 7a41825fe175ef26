#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/ingest/core/consent_book.h"

namespace datong::ingest {

// A record that waits for identity.
struct PendingEvidence {
  int64_t id = 0;
  int32_t tenant_id = 0;
  std::string evidence_id;
  std::string kind;
  std::vector<std::string> ids;
  std::string app;
  std::string source;
  absl::Time observed;
};

struct EvidenceBacklog {
  int64_t waiting = 0;
  absl::Time oldest = absl::InfinitePast();
};

// The outbox that events and their evidence are committed to together. Thread-safe; blocks.
class EvidenceOutbox {
 public:
  virtual ~EvidenceOutbox() = default;
  // Up to `limit` records of one project, oldest first, that nobody else holds; held for `lease` by
  // the database's clock.
  virtual absl::StatusOr<std::vector<PendingEvidence>> Claim(int limit, absl::Duration lease,
                                                             Deadline deadline) = 0;
  // Gives claimed records back, to be tried again.
  virtual absl::Status Release(const std::vector<int64_t>& ids, Deadline deadline) = 0;
  virtual absl::Status Delete(const std::vector<int64_t>& ids, Deadline deadline) = 0;
  virtual absl::StatusOr<EvidenceBacklog> Backlog(Deadline deadline) = 0;
};

// Consents as they were read from identity, and how far. Thread-safe; blocks.
class ConsentStore {
 public:
  virtual ~ConsentStore() = default;
  virtual absl::StatusOr<std::vector<ConsentEntry>> LoadAll(Deadline deadline) = 0;
  // "" when the feed was never read.
  virtual absl::StatusOr<std::string> Cursor(int32_t tenant_id, Deadline deadline) = 0;
  // Entries and cursor in one transaction. The latest word on a node holds.
  virtual absl::Status Save(int32_t tenant_id, const std::vector<ConsentEntry>& entries,
                            const std::string& cursor, Deadline deadline) = 0;
};

// Erasures as they were read from identity, and what they do to the events. Thread-safe; blocks.
class ErasureStore {
 public:
  virtual ~ErasureStore() = default;
  virtual absl::StatusOr<std::vector<ErasureEntry>> LoadAll(Deadline deadline) = 0;
  // "" when the feed was never read.
  virtual absl::StatusOr<std::string> Cursor(int32_t tenant_id, Deadline deadline) = 0;
  // Deletes the nodes' events up to their erasure, and what waits in quarantine and names the same
  // devices or ids; keeps entries and cursor; all in one transaction. Repeats do no harm.
  virtual absl::Status Erase(int32_t tenant_id, const std::vector<ErasureEntry>& entries,
                             const std::string& cursor, Deadline deadline) = 0;
};

}  // namespace datong::ingest
