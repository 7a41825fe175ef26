#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/broker/core/work_store.h"
#include "services/broker/store/job_writer.h"

namespace datong::broker {

// broker.inbox, broker.jobs and broker.sessions.
class PostgresWorkStore : public WorkStore {
 public:
  PostgresWorkStore(postgres::Pool& pool, const crypto::Envelope& envelope, JobWriter& jobs,
                    const Clock& clock)
      : pool_(pool), sealer_(envelope), jobs_(jobs), clock_(clock) {}

  absl::StatusOr<bool> AddPush(const NewJob& push, Deadline deadline) override;
  absl::Status Enqueue(const NewJob& job, Deadline deadline) override;
  absl::StatusOr<std::vector<Job>> Claim(JobKind kind, int limit, absl::Duration hold,
                                         Deadline deadline) override;
  absl::Status Finish(const std::vector<Job>& jobs, Deadline deadline) override;
  absl::Status Retry(const Job& job, absl::Duration delay, const std::string& error,
                     Deadline deadline) override;
  absl::Status ForgetPushes(absl::Duration age, Deadline deadline) override;
  absl::StatusOr<Backlog> CountPushes(Deadline deadline) override;
  absl::Status SaveLogin(const App& app, const std::string& openid, const Secret& session_key,
                         const NewJob& evidence, absl::Duration delay, Deadline deadline) override;
  absl::Status DropEvidence(const std::string& key, Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  const Sealer sealer_;
  JobWriter& jobs_;
  const Clock& clock_;
};

}  // namespace datong::broker
