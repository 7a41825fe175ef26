#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/broker/core/work_store.h"
#include "services/broker/store/job_writer.h"

namespace datong::broker {

// broker.inbox and broker.jobs.
class PostgresWorkStore : public WorkStore {
 public:
  PostgresWorkStore(postgres::Pool& pool, JobWriter& jobs, const Clock& clock)
      : pool_(pool), jobs_(jobs), clock_(clock) {}

  absl::StatusOr<bool> AddPush(const NewJob& push, Deadline deadline) override;
  absl::Status Enqueue(const NewJob& job, Deadline deadline) override;
  absl::StatusOr<std::vector<Job>> Claim(JobKind kind, int limit, absl::Duration hold,
                                         Deadline deadline) override;
  absl::Status Extend(const std::vector<Job>& jobs, absl::Duration hold,
                      Deadline deadline) override;
  absl::Status Finish(const std::vector<Job>& jobs, Deadline deadline) override;
  absl::Status Retry(const Job& job, absl::Duration delay, const std::string& error,
                     Deadline deadline) override;
  absl::Status ForgetPushes(absl::Duration age, Deadline deadline) override;
  absl::StatusOr<Backlog> CountPushes(Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  JobWriter& jobs_;
  const Clock& clock_;
};

}  // namespace datong::broker
