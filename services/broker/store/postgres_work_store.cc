#include "services/broker/store/postgres_work_store.h"

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::broker {

absl::StatusOr<bool> PostgresWorkStore::AddPush(const NewJob& push, Deadline deadline) {
  return pool_.Query<bool>("add_push", deadline, [&](pqxx::work& work) -> absl::StatusOr<bool> {
    const pqxx::result made = work.exec_params(
        "INSERT INTO broker.inbox (key, received_at) VALUES ($1, to_timestamp($2::bigint / 1e6)) "
        "ON CONFLICT DO NOTHING RETURNING 1",
        push.key, ToMicros(clock_.Now()));
    if (made.empty()) return false;
    DATONG_RETURN_IF_ERROR(jobs_.Write(work, push));
    return true;
  });
}

absl::Status PostgresWorkStore::Enqueue(const NewJob& job, Deadline deadline) {
  return pool_.Transact("enqueue_job", deadline,
                        [&](pqxx::work& work) { return jobs_.Write(work, job); });
}

absl::StatusOr<std::vector<Job>> PostgresWorkStore::Claim(JobKind kind, int limit,
                                                          absl::Duration hold, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      std::vector<postgres::Job> queued,
      jobs_.queue().Claim(JobKindName(kind), clock_.Now(), limit, hold, deadline));
  std::vector<Job> jobs;
  for (const postgres::Job& one : queued) {
    absl::StatusOr<Job> job = jobs_.Read(kind, one);
    if (job.ok()) {
      jobs.push_back(*std::move(job));
      continue;
    }
    // Its key is missing, or its bytes are broken: it stays, for whoever can repair that.
    LogError("job cannot be read", {{"kind", one.kind}, {"reason", GetReason(job.status())}});
    jobs_.queue()
        .Fail(one, clock_.Now() + absl::Minutes(10), std::string(job.status().message()), deadline)
        .IgnoreError();
  }
  return jobs;
}

absl::Status PostgresWorkStore::Extend(const std::vector<Job>& jobs, absl::Duration hold,
                                       Deadline deadline) {
  return pool_.Transact("extend_jobs", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const Job& job : jobs) {
      const absl::Status status = jobs_.queue().Extend(work, JobWriter::ToQueued(job), hold);
      if (!status.ok() && !absl::IsAborted(status)) return status;
    }
    return absl::OkStatus();
  });
}

absl::Status PostgresWorkStore::Finish(const std::vector<Job>& jobs, Deadline deadline) {
  return pool_.Transact("finish_jobs", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const Job& job : jobs) {
      const absl::Status status = jobs_.queue().Complete(work, JobWriter::ToQueued(job));
      // Another worker has it by now and will end it itself.
      if (!status.ok() && !absl::IsAborted(status)) return status;
    }
    return absl::OkStatus();
  });
}

absl::Status PostgresWorkStore::Retry(const Job& job, absl::Duration delay,
                                      const std::string& error, Deadline deadline) {
  return jobs_.queue().Fail(JobWriter::ToQueued(job), clock_.Now() + delay, error, deadline);
}

absl::Status PostgresWorkStore::ForgetPushes(absl::Duration age, Deadline deadline) {
  return pool_.Transact("forget_pushes", deadline, [&](pqxx::work& work) -> absl::Status {
    const int64_t now = ToMicros(clock_.Now());
    work.exec_params("DELETE FROM broker.inbox WHERE received_at < to_timestamp($1::bigint / 1e6)",
                     ToMicros(clock_.Now() - age));
    work.exec_params(
        "DELETE FROM broker.pre_auth_codes WHERE expires_at < to_timestamp($1::bigint / 1e6) - "
        "interval '1 day'",
        now);
    work.exec_params(
        "DELETE FROM broker.leases WHERE expires_at < now() - interval '1 day' "
        "AND (name LIKE 'code/%' OR name LIKE 'start_tickets/%')");
    return absl::OkStatus();
  });
}

absl::StatusOr<WorkStore::Backlog> PostgresWorkStore::CountPushes(Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(postgres::JobQueue::Backlog backlog,
                          jobs_.queue().Count(JobKindName(JobKind::kPush), deadline));
  return Backlog{backlog.jobs, backlog.oldest_due_time.value_or(absl::InfiniteFuture())};
}

}  // namespace datong::broker
