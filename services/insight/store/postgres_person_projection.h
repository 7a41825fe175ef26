#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/insight/core/ports.h"

namespace datong::insight {

// `insight.feeds` and `insight.node_person`. Thread-safe, also between processes. `pool` must
// outlive it.
class PostgresPersonProjection : public PersonProjection {
 public:
  explicit PostgresPersonProjection(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Position> GetPosition(const std::string& project, Deadline deadline) override;
  absl::Status Apply(const std::string& project, const std::string& from, const FeedPage& page,
                     Deadline deadline) override;
  absl::Status Reset(const std::string& project, Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> ListProjects(Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::insight
