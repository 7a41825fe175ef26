#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "common/time/clock.h"
#include "services/identity/core/relation_store.h"

namespace datong::identity {

// `pool` and `clock` must outlive it.
class PostgresRelationStore final : public RelationStore {
 public:
  PostgresRelationStore(postgres::Pool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}

  absl::StatusOr<int> Record(const Project& project, absl::Span<const Relation> relations,
                             Deadline deadline) override;
  absl::StatusOr<std::vector<Relation>> List(const Project& project,
                                             absl::Span<const std::string> identifiers,
                                             Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  const Clock& clock_;
};

}  // namespace datong::identity
