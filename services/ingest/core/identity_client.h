#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/ingest/core/evidence_outbox.h"

namespace datong::ingest {

struct ConsentPage {
  std::vector<ConsentEntry> entries;
  std::string next_cursor;
  bool full = false;  // there may be more
};

struct ErasurePage {
  std::vector<ErasureEntry> entries;
  std::string next_cursor;
  bool full = false;  // there may be more
};

// What ingest wants of identity. Thread-safe; blocks.
class IdentityClient {
 public:
  virtual ~IdentityClient() = default;
  // Records evidence of one project, at most 1,000 records. What identity refuses for ever counts
  // as told. Errors: those of IdentityService/LinkBatch.
  virtual absl::Status LinkBatch(const std::string& project,
                                 const std::vector<PendingEvidence>& records,
                                 Deadline deadline) = 0;
  // The changes of consent to one purpose after `cursor`. Errors: those of ConsentService.
  virtual absl::StatusOr<ConsentPage> ListConsents(const std::string& project,
                                                   const std::string& cursor,
                                                   Deadline deadline) = 0;
  // Identifiers erased after `cursor`. Errors: those of PrivacyService/ListErasures.
  virtual absl::StatusOr<ErasurePage> ListErasures(const std::string& project,
                                                   const std::string& cursor,
                                                   Deadline deadline) = 0;
};

}  // namespace datong::ingest
