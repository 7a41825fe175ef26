#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/secret.h"

namespace datong::bench {

// The limit that ingest is held against: PostgreSQL's binary COPY of rows that ingest stored, into
// the same table, one commit for each of ingest's. Not thread-safe.
class CopyLimit {
 public:
  static absl::StatusOr<CopyLimit> Connect(const Secret& dsn);

  // Empties the stream.
  absl::Status Empty();
  absl::StatusOr<int64_t> CountEvents();
  // Takes all events out, empties the table and copies them in again: events a second.
  absl::StatusOr<double> Measure();
  // Rows of one commit, on average, of the last Measure.
  double rows_per_commit() const { return rows_per_commit_; }

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  explicit CopyLimit(std::unique_ptr<PGconn, Close> connection)
      : connection_(std::move(connection)) {}
  absl::StatusOr<std::string> CopyOut(const std::string& batch);
  absl::Status CopyIn(const std::string& rows);
  absl::Status Failure() const;

  std::unique_ptr<PGconn, Close> connection_;
  double rows_per_commit_ = 0;
};

}  // namespace datong::bench
