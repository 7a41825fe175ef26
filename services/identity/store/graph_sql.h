#pragma once

#include <map>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/identity/core/graph_store.h"

namespace datong::identity {

// What several statements of the store share. All throw as libpqxx does.

std::vector<std::string> SplitIds(const std::string& lines);
Reason ReasonOf(absl::string_view name);
int64_t ReadVersion(pqxx::transaction_base& work, const Project& project);
// The evidence kept with the nodes, which are a bigint array.
std::vector<Evidence> ReadEvidence(pqxx::transaction_base& work, const Project& project,
                                   const std::string& nodes);
// The decisions kept with the nodes, which are a bigint array.
std::vector<Decision> ReadDecisions(pqxx::transaction_base& work, const Project& project,
                                    const std::string& nodes);
// A record's columns from the first of these on: kind, ids, observed_at, appid, request_id,
// obtained_by, snapshot, watermark, selected by kEvidenceColumns.
extern const char kEvidenceColumns[];
Evidence EvidenceOf(const pqxx::row& row, int first);

// Until when what was observed of the identifiers is erased, of those that were. Takes the lock of
// the project, shared: no erasure comes in between until the end of the transaction.
std::map<std::string, absl::Time> ReadErased(pqxx::transaction_base& work, const Project& project,
                                             absl::Span<const std::string> identifiers);

// A place in a feed, bound to the database's epoch.
std::string MakeCursor(const std::string& epoch, int64_t version);
// Errors: INVALID_ARGUMENT/CURSOR_INVALID, FAILED_PRECONDITION/CURSOR_STALE.
absl::StatusOr<int64_t> ParseCursor(const std::string& cursor, const std::string& epoch);

}  // namespace datong::identity
