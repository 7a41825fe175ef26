#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/broker/core/api_usage_store.h"

namespace datong::broker {

// broker.api_usage.
class PostgresApiUsageStore : public ApiUsageStore {
 public:
  explicit PostgresApiUsageStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<ApiUsageRow>> Add(const std::vector<ApiUsageDelta>& deltas,
                                               Deadline deadline) override;
  absl::StatusOr<bool> TakeCheck(const std::string& appid, const std::string& path, absl::Time now,
                                 absl::Duration every, Deadline deadline) override;
  absl::Status SetQuota(const std::string& appid, const std::string& path, int64_t day,
                        const ApiQuota& quota, Deadline deadline) override;
  absl::StatusOr<std::vector<ApiUsageRow>> ListUsage(const std::string& appid,
                                                     Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::broker
