#include "tools/benchmarks/copy_limit.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/macros.h"

namespace datong::bench {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

Result Ask(PGconn* connection, const std::string& sql) {
  return {PQexec(connection, sql.c_str()), &PQclear};
}

}  // namespace

absl::Status CopyLimit::Failure() const {
  return absl::InternalError(PQerrorMessage(connection_.get()));
}

absl::StatusOr<CopyLimit> CopyLimit::Connect(const Secret& dsn) {
  CopyLimit limit(std::unique_ptr<PGconn, Close>(PQconnectdb(dsn.Expose().c_str())));
  if (PQstatus(limit.connection_.get()) != CONNECTION_OK) return limit.Failure();
  return limit;
}

absl::Status CopyLimit::Empty() {
  const Result result =
      Ask(connection_.get(), "TRUNCATE ingest.events, ingest.batches, ingest.evidence_outbox");
  return PQresultStatus(result.get()) == PGRES_COMMAND_OK ? absl::OkStatus() : Failure();
}

absl::StatusOr<int64_t> CopyLimit::CountEvents() {
  const Result result = Ask(connection_.get(), "SELECT count(*) FROM ingest.events");
  int64_t count = 0;
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK ||
      !absl::SimpleAtoi(PQgetvalue(result.get(), 0, 0), &count)) {
    return Failure();
  }
  return count;
}

absl::StatusOr<std::string> CopyLimit::CopyOut(const std::string& batch) {
  const Result begin = Ask(
      connection_.get(), absl::StrCat("COPY (SELECT * FROM ingest.events WHERE batch_id = ", batch,
                                      ") TO STDOUT (FORMAT binary)"));
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

absl::Status CopyLimit::CopyIn(const std::string& rows) {
  const Result begin = Ask(connection_.get(), "COPY ingest.events FROM STDIN (FORMAT binary)");
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

absl::StatusOr<double> CopyLimit::Measure() {
  DATONG_ASSIGN_OR_RETURN(const int64_t events, CountEvents());
  std::vector<std::string> chunks;
  {
    const Result batches =
        Ask(connection_.get(), "SELECT DISTINCT batch_id FROM ingest.events ORDER BY batch_id");
    if (PQresultStatus(batches.get()) != PGRES_TUPLES_OK) return Failure();
    for (int i = 0; i < PQntuples(batches.get()); ++i) {
      DATONG_ASSIGN_OR_RETURN(std::string rows, CopyOut(PQgetvalue(batches.get(), i, 0)));
      chunks.push_back(std::move(rows));
    }
  }
  if (chunks.empty()) return absl::InternalError("There are no events to copy.");
  rows_per_commit_ = static_cast<double>(events) / static_cast<double>(chunks.size());
  DATONG_RETURN_IF_ERROR(Empty());
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string& rows : chunks) DATONG_RETURN_IF_ERROR(CopyIn(rows));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return static_cast<double>(events) / seconds;
}

}  // namespace datong::bench
