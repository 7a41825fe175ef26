#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/broker/core/estate_store.h"

namespace datong::broker {

// broker.push_sightings and broker.reconciliations; reads broker.authorization_links.
class PostgresEstateStore : public EstateStore {
 public:
  explicit PostgresEstateStore(postgres::Pool& pool) : pool_(pool) {}

  absl::Status SavePushSightings(const std::vector<PushSighting>& sightings,
                                 Deadline deadline) override;
  absl::StatusOr<std::map<std::string, PushSighting>> GetPushSightings(
      const std::vector<std::string>& appids, Deadline deadline) override;
  absl::Status SaveReconciliation(const Reconciliation& reconciliation, Deadline deadline) override;
  absl::StatusOr<std::optional<Reconciliation>> GetReconciliation(const std::string& component,
                                                                  Deadline deadline) override;
  absl::StatusOr<std::map<std::string, std::string>> FindMendLinks(
      const std::string& project, const std::vector<std::string>& appids, absl::Time usable_until,
      Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::broker
