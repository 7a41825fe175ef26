#include "services/broker/store/rewrapper.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {
namespace {

constexpr int kBatch = 200;
constexpr absl::Duration kBatchTime = absl::Seconds(10);

// A sealed column. A new one is added here; rewrapper_test.cc finds those that are missing.
struct SealedColumn {
  const char* table;
  const char* column;
  const char* record;   // the record that the seal is bound to, in SQL
  const char* binding;  // the column's name in the seal
};
constexpr SealedColumn kColumns[] = {
    {"apps", "credentials", "appid", "apps.credentials"},
    {"tokens", "access_token", "appid", "tokens.access_token"},
    {"tokens", "refresh_token", "appid", "tokens.refresh_token"},
    {"tokens", "previous_refresh_token", "appid", "tokens.refresh_token"},
    {"tickets", "ticket", "component", "tickets.ticket"},
    {"sessions", "session_key", "appid || ':' || openid", "sessions.session_key"},
    // Text: project, appid and the sealed value in base64, a line each.
    {"jobs", "payload", "key", "jobs.payload"},
};

bool IsText(const SealedColumn& column) { return std::string(column.table) == "jobs"; }

// The sealed bytes, in SQL.
std::string BytesOf(const SealedColumn& column) {
  return IsText(column)
             ? absl::StrCat("decode(split_part(", column.column, ", E'\\n', 3), 'base64')")
             : std::string(column.column);
}

// The id of the key, in SQL: bytes 3 and on, as many as byte 2 says.
std::string KeyIdOf(const std::string& bytes) {
  return absl::StrCat("CASE WHEN length(", bytes, ") > 2 THEN encode(substring(", bytes,
                      " FROM 3 FOR get_byte(", bytes, ", 1)), 'escape') ELSE '' END");
}

struct Row {
  std::string place;  // ctid
  std::string record;
  std::string held;  // what the column holds
};

// The value sealed anew, in the column's form.
absl::StatusOr<std::string> Rewrapped(const SealedColumn& column, const Row& row,
                                      const Sealer& sealer) {
  std::string sealed = row.held;
  std::vector<std::string> lines;
  if (IsText(column)) {
    lines = absl::StrSplit(row.held, '\n');
    if (lines.size() != 3 || !crypto::Base64Decode(lines[2], &sealed)) {
      return absl::DataLossError("The payload of a job is broken.");
    }
  }
  DATONG_ASSIGN_OR_RETURN(const Secret value, sealer.Open(sealed, column.binding, row.record));
  DATONG_ASSIGN_OR_RETURN(sealed, sealer.Seal(value, column.binding, row.record));
  if (!IsText(column)) return sealed;
  return absl::StrCat(lines[0], "\n", lines[1], "\n", crypto::Base64Encode(sealed));
}

std::vector<Row> OlderRows(const SealedColumn& column, const std::string& active,
                           const std::string& after, pqxx::work& work) {
  const std::string bytes = BytesOf(column);
  std::vector<Row> rows;
  for (const pqxx::row& row : work.exec_params(
           absl::StrCat("SELECT ctid::text, ", column.record, ", ", column.column, " FROM broker.",
                        column.table, " WHERE ctid > $1::tid AND ", column.column,
                        " IS NOT NULL AND ", KeyIdOf(bytes), " <> $2 ORDER BY ctid LIMIT ", kBatch),
           after, active)) {
    rows.push_back({row[0].as<std::string>(), row[1].as<std::string>(),
                    IsText(column) ? row[2].as<std::string>() : pqxx::binarystring(row[2]).str()});
  }
  return rows;
}

// False when somebody else has written it since.
bool Replace(const SealedColumn& column, const Row& row, const std::string& fresh,
             pqxx::work& work) {
  const std::string sql =
      absl::StrCat("UPDATE broker.", column.table, " SET ", column.column, " = $1 WHERE ",
                   column.record, " = $2 AND ", column.column, " = $3");
  const pqxx::result result = IsText(column)
                                  ? work.exec_params(sql, fresh, row.record, row.held)
                                  : work.exec_params(sql, pqxx::binarystring(fresh), row.record,
                                                     pqxx::binarystring(row.held));
  return result.affected_rows() > 0;
}

}  // namespace

absl::StatusOr<Rewrapper::Progress> Rewrapper::Run(absl::FunctionRef<bool(const Progress&)> go_on) {
  const Sealer sealer(envelope_);
  const std::string active = envelope_.keys()->active_id();
  Progress progress;
  for (const SealedColumn& column : kColumns) {
    // Rows that services write meanwhile may move before the place we are at: passes go on until
    // one finds nothing to do.
    for (bool again = true; again;) {
      again = false;
      int64_t unreadable = 0;
      for (std::string after = "(0,0)"; !after.empty();) {
        std::string last;
        Progress batch;
        DATONG_RETURN_IF_ERROR(pool_.Transact(
            "rewrap_batch", Deadline::After(kBatchTime),
            [&](pqxx::work& work) -> absl::Status {
              last.clear();
              batch = {};
              for (const Row& row : OlderRows(column, active, after, work)) {
                last = row.place;
                const absl::StatusOr<std::string> fresh = Rewrapped(column, row, sealer);
                if (!fresh.ok()) {
                  ++batch.unreadable;
                } else if (Replace(column, row, *fresh, work)) {
                  ++batch.rewrapped;
                }
              }
              return absl::OkStatus();
            },
            {.retry_conflicts = true}));
        after = last;
        again = again || batch.rewrapped > 0;
        progress.rewrapped += batch.rewrapped;
        unreadable += batch.unreadable;
        if (!go_on(progress)) return progress;
      }
      if (!again) progress.unreadable += unreadable;
    }
  }
  return progress;
}

absl::StatusOr<std::map<std::string, int64_t>> Rewrapper::CountByKey(Deadline deadline) {
  return pool_.Query<std::map<std::string, int64_t>>(
      "count_sealed", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::map<std::string, int64_t>> {
        std::map<std::string, int64_t> counts;
        for (const SealedColumn& column : kColumns) {
          for (const pqxx::row& row : work.exec(absl::StrCat(
                   "SELECT ", KeyIdOf(BytesOf(column)), ", count(*) FROM broker.", column.table,
                   " WHERE ", column.column, " IS NOT NULL GROUP BY 1"))) {
            counts[row[0].as<std::string>()] += row[1].as<int64_t>();
          }
        }
        return counts;
      },
      {.retry_conflicts = false, .read_only = true});
}

std::map<std::string, std::string> Rewrapper::Columns() {
  std::map<std::string, std::string> columns;
  for (const SealedColumn& column : kColumns) {
    columns[absl::StrCat(column.table, ".", column.column)] = column.binding;
  }
  return columns;
}

}  // namespace datong::broker
