#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/secret.h"

namespace datong::bench {

// The limit that identity's new edges are held against: PostgreSQL's binary COPY of the rows that
// identity stored (evidence, identifiers, persons, feed), into the same tables with their indexes,
// one commit for each of identity's. Not thread-safe.
class GraphLimit {
 public:
  static absl::StatusOr<GraphLimit> Connect(const Secret& dsn);

  // Empties the tables, but for the projects.
  absl::Status Empty();
  absl::StatusOr<int64_t> CountEvidence();
  // Takes all rows out, empties the tables and copies them in again: records of evidence a second.
  absl::StatusOr<double> Measure();
  // Rows of all tables per record of evidence, and commits, of the last Measure.
  double rows_per_record() const { return rows_per_record_; }
  size_t commits() const { return commits_; }

  // Statements without rows that matter.
  absl::Status Run(const std::string& sql);

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  explicit GraphLimit(std::unique_ptr<PGconn, Close> connection)
      : connection_(std::move(connection)) {}
  absl::StatusOr<std::string> CopyOut(const std::string& query);
  absl::Status CopyIn(const std::string& table, const std::string& rows);
  absl::StatusOr<std::vector<std::string>> ReadColumn(const std::string& sql);
  absl::Status Failure() const;

  std::unique_ptr<PGconn, Close> connection_;
  double rows_per_record_ = 0;
  size_t commits_ = 0;
};

}  // namespace datong::bench
