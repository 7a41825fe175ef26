#pragma once

#include <pqxx/pqxx>
#include <string>

#include "absl/status/statusor.h"

namespace datong::postgres {

// A text that differs between databases and changes when one is restored from a backup or fails
// over: transaction ids may then come again, so cursors of another epoch are stale. Throws as
// libpqxx does.
std::string ReadDatabaseEpoch(pqxx::transaction_base& work);

// Rows of a feed, some at a time.
struct OutboxPage {
  pqxx::result rows;        // the first two columns are xid (as text) and id
  std::string next_cursor;  // always set; where the next page begins
  bool full = false;        // `limit` rows: there may be more
};

// Reads an append-only table in an order that never lets a reader skip a row, though transactions
// commit in another order than they began: only rows of transactions older than every running one
// are shown, by (xid, id). A long writing transaction therefore holds back every reader. The table
// has, beside its own columns:
//
//   id bigint GENERATED ALWAYS AS IDENTITY,
//   xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
//   …  CREATE INDEX ON … (xid, id)   -- with the filter's columns before them
//
// Cursors are opaque, and belong to one epoch of the database.
class OutboxReader {
 public:
  // `columns` is what is selected after xid and id.
  OutboxReader(std::string table, std::string columns)
      : table_(std::move(table)), columns_(std::move(columns)) {}

  // The page after `cursor` (empty: from the start). `filter` is a condition in SQL with its values
  // quoted (work.quote), or empty.
  // Errors: INVALID_ARGUMENT/CURSOR_INVALID; FAILED_PRECONDITION/CURSOR_STALE when the database was
  // restored: start without a cursor. Throws as libpqxx does.
  absl::StatusOr<OutboxPage> Read(pqxx::transaction_base& work, const std::string& cursor,
                                  int limit, const std::string& filter = "") const;

 private:
  const std::string table_;
  const std::string columns_;
};

}  // namespace datong::postgres
