#pragma once

#include <string>

#include "common/postgres/pool.h"
#include "services/broker/core/refresh_book.h"
#include "services/broker/store/postgres_token_store.h"

namespace datong::broker {

// broker.token_health.
class PostgresRefreshBook : public RefreshBook {
 public:
  PostgresRefreshBook(postgres::Pool& pool, const PostgresTokenStore& tokens)
      : pool_(pool), tokens_(tokens) {}

  absl::StatusOr<RefreshStart> Begin(const Lease& lease, const RefreshAttempt& attempt,
                                     Deadline deadline) override;
  absl::Status Hold(const Lease& lease, const std::string& appid, const RefreshHold& hold,
                    Deadline deadline) override;
  absl::StatusOr<bool> TakeForce(const Lease& lease, const std::string& appid, absl::Time now,
                                 int64_t day, int most_a_day, absl::Duration least_between,
                                 Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  const PostgresTokenStore& tokens_;
};

}  // namespace datong::broker
