#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/identity/core/graph_store.h"

namespace datong::identity {

struct ErasedNode {
  int64_t node = 0;
  absl::Time erased;
};

struct ErasurePage {
  std::vector<ErasedNode> nodes;
  std::string next_cursor;
};

struct BusinessRecord {
  std::string kind;
  std::string key;
  std::string source;
  std::string value_json;
  absl::Time occurred;
};

// What persons may ask for, and what business keeps with them. Thread-safe; blocks on the database,
// no longer than the deadline. Errors of all: those of postgres::Pool.
class PrivacyStore {
 public:
  virtual ~PrivacyStore() = default;

  // All that is kept under the identifiers, as one JSON object with a list for each table.
  virtual absl::StatusOr<std::string> Export(const Project& project, uint32_t person,
                                             absl::Span<const std::string> identifiers,
                                             Deadline deadline) = 0;
  // Errors: INVALID_ARGUMENT/CURSOR_INVALID, FAILED_PRECONDITION/CURSOR_STALE.
  virtual absl::StatusOr<ErasurePage> ListErasures(const Project& project,
                                                   const std::string& cursor, int limit,
                                                   Deadline deadline) = 0;
  // When the oldest erasure that is not done was asked for.
  virtual absl::StatusOr<std::optional<absl::Time>> OldestErasure(Deadline deadline) = 0;
  // Entries of the feed of erasures from before are removed.
  virtual absl::Status ForgetErasures(absl::Time before, Deadline deadline) = 0;

  // The record of this kind and key that any of the identifiers has, stored now under the first of
  // them when there was none. `*created` tells which.
  virtual absl::StatusOr<BusinessRecord> PutRecord(const Project& project,
                                                   absl::Span<const std::string> identifiers,
                                                   const BusinessRecord& record, bool* created,
                                                   Deadline deadline) = 0;
  // `kind` may be empty: all.
  virtual absl::StatusOr<PageOf<BusinessRecord>> ListRecords(
      const Project& project, absl::Span<const std::string> identifiers, const std::string& kind,
      const std::string& after, int limit, Deadline deadline) = 0;
};

}  // namespace datong::identity
