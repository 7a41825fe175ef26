#include "tools/benchmarks/graph_limit.h"

#include <array>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "common/status/macros.h"

namespace datong::bench {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// A table and its rows of one commit ($0: its instant, which each batch stamps on all it writes).
// Identifiers go in the order of their nodes, as identity writes them.
struct Table {
  const char* name;
  const char* rows_of_commit;
};
constexpr std::array<Table, 4> kTables = {{
    {"identity.nodes",
     "SELECT n.* FROM identity.nodes AS n JOIN identity.changes AS c USING (project_number, node) "
     "WHERE c.kind = 1 AND c.changed_at = '$0' ORDER BY n.node"},
    {"identity.evidence", "SELECT * FROM identity.evidence WHERE received_at = '$0'"},
    {"identity.persons", "SELECT * FROM identity.persons WHERE created_at = '$0'"},
    {"identity.changes", "SELECT * FROM identity.changes WHERE changed_at = '$0' ORDER BY version"},
}};

Result Ask(PGconn* connection, const std::string& sql) {
  return {PQexec(connection, sql.c_str()), &PQclear};
}

}  // namespace

absl::Status GraphLimit::Failure() const {
  return absl::InternalError(PQerrorMessage(connection_.get()));
}

absl::StatusOr<GraphLimit> GraphLimit::Connect(const Secret& dsn) {
  GraphLimit limit(std::unique_ptr<PGconn, Close>(PQconnectdb(dsn.Expose().c_str())));
  if (PQstatus(limit.connection_.get()) != CONNECTION_OK) return limit.Failure();
  return limit;
}

absl::Status GraphLimit::Run(const std::string& sql) {
  const ExecStatusType status = PQresultStatus(Ask(connection_.get(), sql).get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? absl::OkStatus() : Failure();
}

absl::Status GraphLimit::Empty() {
  return Run(
      "TRUNCATE identity.nodes, identity.evidence, identity.persons, identity.changes, "
      "identity.refusals");
}

absl::StatusOr<std::vector<std::string>> GraphLimit::ReadColumn(const std::string& sql) {
  const Result result = Ask(connection_.get(), sql);
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return Failure();
  std::vector<std::string> values;
  for (int i = 0; i < PQntuples(result.get()); ++i) {
    values.emplace_back(PQgetvalue(result.get(), i, 0));
  }
  return values;
}

absl::StatusOr<int64_t> GraphLimit::CountEvidence() {
  DATONG_ASSIGN_OR_RETURN(const std::vector<std::string> counts,
                          ReadColumn("SELECT count(*) FROM identity.evidence"));
  int64_t count = 0;
  return absl::SimpleAtoi(counts.front(), &count) ? count : 0;
}

absl::StatusOr<std::string> GraphLimit::CopyOut(const std::string& query) {
  const Result begin =
      Ask(connection_.get(), absl::StrCat("COPY (", query, ") TO STDOUT (FORMAT binary)"));
  if (PQresultStatus(begin.get()) != PGRES_COPY_OUT) return Failure();
  std::string rows;
  char* buffer = nullptr;
  for (int size = 0; (size = PQgetCopyData(connection_.get(), &buffer, 0)) > 0;) {
    rows.append(buffer, static_cast<size_t>(size));
    PQfreemem(buffer);
  }
  while (PGresult* end = PQgetResult(connection_.get())) PQclear(end);
  return rows;
}

absl::Status GraphLimit::CopyIn(const std::string& table, const std::string& rows) {
  const Result begin =
      Ask(connection_.get(), absl::StrCat("COPY ", table, " FROM STDIN (FORMAT binary)"));
  if (PQresultStatus(begin.get()) != PGRES_COPY_IN) return Failure();
  if (PQputCopyData(connection_.get(), rows.data(), static_cast<int>(rows.size())) != 1 ||
      PQputCopyEnd(connection_.get(), nullptr) != 1) {
    return Failure();
  }
  absl::Status status;
  while (PGresult* end = PQgetResult(connection_.get())) {
    if (PQresultStatus(end) != PGRES_COMMAND_OK) status = Failure();
    PQclear(end);
  }
  return status;
}

absl::StatusOr<double> GraphLimit::Measure() {
  DATONG_ASSIGN_OR_RETURN(const int64_t records, CountEvidence());
  DATONG_ASSIGN_OR_RETURN(
      const std::vector<std::string> commits,
      ReadColumn("SELECT DISTINCT received_at FROM identity.evidence ORDER BY received_at"));
  DATONG_ASSIGN_OR_RETURN(
      const std::vector<std::string> rows,
      ReadColumn(
          "SELECT (SELECT count(*) FROM identity.nodes) + "
          "(SELECT count(*) FROM identity.evidence) + "
          "(SELECT count(*) FROM identity.persons) + (SELECT count(*) FROM identity.changes)"));
  if (commits.empty()) return absl::InternalError("There is no evidence to copy.");
  std::vector<std::array<std::string, kTables.size()>> chunks;
  for (const std::string& commit : commits) {
    auto& chunk = chunks.emplace_back();
    for (size_t i = 0; i < kTables.size(); ++i) {
      DATONG_ASSIGN_OR_RETURN(chunk[i],
                              CopyOut(absl::Substitute(kTables[i].rows_of_commit, commit)));
    }
  }
  DATONG_RETURN_IF_ERROR(Empty());
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& chunk : chunks) {
    DATONG_RETURN_IF_ERROR(Run("BEGIN"));
    for (size_t i = 0; i < kTables.size(); ++i) {
      DATONG_RETURN_IF_ERROR(CopyIn(kTables[i].name, chunk[i]));
    }
    DATONG_RETURN_IF_ERROR(Run("COMMIT"));
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  DATONG_ASSIGN_OR_RETURN(const int64_t copied, CountEvidence());
  if (copied != records) return absl::InternalError("Not every row was copied.");
  double row_count = 0;
  if (!absl::SimpleAtod(rows.front(), &row_count)) return Failure();
  commits_ = commits.size();
  rows_per_record_ = row_count / static_cast<double>(records);
  return static_cast<double>(records) / seconds;
}

}  // namespace datong::bench
