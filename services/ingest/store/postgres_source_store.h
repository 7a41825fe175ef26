#pragma once

#include "common/postgres/pool.h"
#include "services/ingest/core/source_store.h"

namespace datong::ingest {

// Projects and sources in the schema `ingest`. `pool` must outlive it.
class PostgresSourceStore final : public SourceStore {
 public:
  explicit PostgresSourceStore(postgres::Pool& pool) : pool_(pool) {}

  absl::Status RegisterProject(const Project& project, Deadline deadline) override;
  absl::StatusOr<SourceCatalogue> LoadAll(Deadline deadline) override;
  absl::StatusOr<Source> Insert(const Source& source, Deadline deadline) override;
  absl::StatusOr<Source> Update(const Source& source, Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::ingest
