#include "common/postgres/outbox.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/error.h"

namespace datong::postgres {
namespace {

struct Cursor {
  std::string epoch;
  uint64_t xid = 0;
  int64_t id = 0;
};

std::string Encode(const Cursor& cursor) {
  return absl::WebSafeBase64Escape(absl::StrCat(cursor.epoch, ".", cursor.xid, ".", cursor.id));
}

bool Decode(const std::string& text, Cursor& cursor) {
  std::string plain;
  if (!absl::WebSafeBase64Unescape(text, &plain)) return false;
  const std::vector<std::string> parts = absl::StrSplit(plain, '.');
  if (parts.size() != 3) return false;
  cursor.epoch = parts[0];
  return absl::SimpleAtoi(parts[1], &cursor.xid) && absl::SimpleAtoi(parts[2], &cursor.id);
}

}  // namespace

std::string ReadDatabaseEpoch(pqxx::transaction_base& work) {
  // The time line changes when a backup is restored up to a point in time, and when a standby takes
  // over, which may have missed the last commits.
  const pqxx::row row = work.exec1(
      "SELECT to_hex(system_identifier), "
      "(SELECT oid FROM pg_database WHERE datname = current_database()), "
      "left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()");
  return absl::StrCat(row[0].c_str(), "-", row[1].c_str(), "-", row[2].c_str());
}

absl::StatusOr<OutboxPage> OutboxReader::Read(pqxx::transaction_base& work,
                                              const std::string& cursor, int limit,
                                              const std::string& filter) const {
  Cursor at;
  const std::string epoch = ReadDatabaseEpoch(work);
  if (!cursor.empty()) {
    if (!Decode(cursor, at)) {
      return MakeError(absl::StatusCode::kInvalidArgument,
                       "The cursor is not one that this feed gave; start without a cursor.",
                       {"postgres.datong", "CURSOR_INVALID", {}});
    }
    if (at.epoch != epoch) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       "The database was restored since the cursor was given; start without a "
                       "cursor.",
                       {"postgres.datong", "CURSOR_STALE", {}});
    }
  }
  at.epoch = epoch;
  OutboxPage page;
  page.rows = work.exec(absl::StrCat("SELECT xid::text, id", columns_.empty() ? "" : ", ", columns_,
                                     " FROM ", table_, " WHERE (xid, id) > ('", at.xid, "'::xid8, ",
                                     at.id, ") AND xid < pg_snapshot_xmin(pg_current_snapshot())",
                                     filter.empty() ? "" : absl::StrCat(" AND (", filter, ")"),
                                     " ORDER BY ", table_, ".xid, ", table_, ".id LIMIT ", limit));
  if (!page.rows.empty()) {
    at.xid = page.rows.back()[0].as<uint64_t>();
    at.id = page.rows.back()[1].as<int64_t>();
  }
  page.full = page.rows.size() >= static_cast<size_t>(limit);
  page.next_cursor = Encode(at);
  return page;
}

}  // namespace datong::postgres
