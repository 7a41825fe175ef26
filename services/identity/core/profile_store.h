#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/identity/core/graph_store.h"

namespace datong::identity {

struct ConsentEntry {
  std::string purpose;
  bool granted = false;
  std::string source;
  absl::Time time;
};

struct ConsentChangeView {
  int64_t version = 0;
  std::string identifier;
  int64_t node = 0;
  ConsentEntry consent;
};

struct ConsentPage {
  std::vector<ConsentChangeView> changes;
  std::string next_cursor;
};

struct AttributeEntry {
  std::string name;
  std::string value_json;
  std::string source;
  absl::Time time;
  // The purpose that the value needs the person's consent for, or "". It counts unless the purpose
  // was withdrawn, or when it was told after a later consent; a withdrawal deletes what was told
  // before.
  std::string consent_class = {};
};

// Consents and attributes, kept by identifier so that they follow merges and splits. Thread-safe;
// blocks on the database, no longer than the deadline. Errors of all: those of postgres::Pool.
class ProfileStore {
 public:
  virtual ~ProfileStore() = default;

  // The same entry for each identifier; repeats change nothing. A withdrawal deletes the values of
  // attributes that needed the consent. Of identifiers that were erased since, nothing is kept.
  virtual absl::Status AppendConsent(const Project& project,
                                     absl::Span<const std::string> identifiers,
                                     const ConsentEntry& consent, Deadline deadline) = 0;
  // The latest entry per purpose over all the identifiers, by purpose.
  virtual absl::StatusOr<std::vector<ConsentEntry>> LatestConsents(
      const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) = 0;
  // Errors: INVALID_ARGUMENT/CURSOR_INVALID, FAILED_PRECONDITION/CURSOR_STALE.
  virtual absl::StatusOr<ConsentPage> ListConsentChanges(const Project& project,
                                                         const std::string& cursor, int limit,
                                                         Deadline deadline) = 0;

  // Keeps them with `identifier`, one of the person's `identifiers`; not what was told before it
  // was erased. Errors: FAILED_PRECONDITION/CONSENT_WITHDRAWN.
  virtual absl::Status AppendAttributes(const Project& project, const std::string& identifier,
                                        absl::Span<const std::string> identifiers,
                                        absl::Span<const AttributeEntry> attributes,
                                        Deadline deadline) = 0;
  // The latest value per attribute over all the identifiers, by name; removed ones left out. Of
  // values with equal times the one of the greater source, then value, is taken.
  virtual absl::StatusOr<std::vector<AttributeEntry>> LatestAttributes(
      const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) = 0;
  virtual absl::StatusOr<PageOf<AttributeEntry>> AttributeHistory(
      const Project& project, absl::Span<const std::string> identifiers, const std::string& name,
      const std::string& after, int limit, Deadline deadline) = 0;
};

}  // namespace datong::identity
