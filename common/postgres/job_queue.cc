#include "common/postgres/job_queue.h"

#include "absl/strings/str_cat.h"
#include "common/status/error.h"

namespace datong::postgres {
namespace {

absl::Status ClaimLost(const Job& job) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("The claim on the job \"", job.kind, "/", job.key,
                                "\" ran out and another worker has it."),
                   {"postgres.datong", "CLAIM_LOST", {{"kind", job.kind}, {"key", job.key}}});
}

constexpr char kMicros[] = " * interval '1 us' + timestamptz 'epoch'";

absl::Status ExpectOne(const pqxx::result& result, const Job& job) {
  return result.affected_rows() == 1 ? absl::OkStatus() : ClaimLost(job);
}

}  // namespace

void JobQueue::Enqueue(pqxx::work& work, const std::string& kind, const std::string& key,
                       const std::string& payload, absl::Time due_time) const {
  work.exec_params(absl::StrCat("INSERT INTO ", table_,
                                " AS job (kind, key, payload, due_at) VALUES ($1, $2, $3, "
                                "$4::bigint",
                                kMicros,
                                ") ON CONFLICT (kind, key) DO UPDATE SET payload = "
                                "excluded.payload, due_at = least(job.due_at, excluded.due_at), "
                                "revision = job.revision + 1"),
                   kind, key, payload, absl::ToUnixMicros(due_time));
}

absl::Status JobQueue::Enqueue(const std::string& kind, const std::string& key,
                               const std::string& payload, absl::Time due_time, Deadline deadline) {
  return pool_.Transact("enqueue_job", deadline, [&](pqxx::work& work) -> absl::Status {
    Enqueue(work, kind, key, payload, due_time);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<Job>> JobQueue::Claim(const std::string& kind, absl::Time now, int limit,
                                                 absl::Duration visibility, Deadline deadline) {
  // MATERIALIZED keeps the planner from running the locking part more than once.
  const std::string sql = absl::StrCat(
      "WITH due AS MATERIALIZED (SELECT id FROM ", table_,
      " WHERE kind = $1 AND due_at <= $2::bigint", kMicros,
      " AND (claimed_until IS NULL OR claimed_until <= clock_timestamp()) ORDER BY due_at, id "
      "LIMIT $3 FOR UPDATE SKIP LOCKED) UPDATE ",
      table_,
      " AS job SET claim = claim + 1, attempts = attempts + 1, claimed_until = clock_timestamp() + "
      "$4 * interval '1 ms' FROM due WHERE job.id = due.id RETURNING job.id, kind, key, payload, "
      "(extract(epoch FROM due_at) * 1000000)::bigint AS due, attempts, claim, revision");
  return pool_.Query<std::vector<Job>>(
      "claim_jobs", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::vector<Job>> {
        std::vector<Job> jobs;
        const pqxx::result rows = work.exec_params(
            absl::StrCat("WITH claimed AS (", sql, ") SELECT * FROM claimed ORDER BY due, id"),
            kind, absl::ToUnixMicros(now), limit, absl::ToInt64Milliseconds(visibility));
        for (const pqxx::row& row : rows) {
          jobs.push_back({row[0].as<int64_t>(), row[1].as<std::string>(), row[2].as<std::string>(),
                          row[3].as<std::string>(), absl::FromUnixMicros(row[4].as<int64_t>()),
                          row[5].as<int>(), row[6].as<int64_t>(), row[7].as<int64_t>()});
        }
        return jobs;
      });
}

absl::Status JobQueue::Extend(pqxx::work& work, const Job& job, absl::Duration visibility) const {
  return ExpectOne(work.exec_params(absl::StrCat("UPDATE ", table_,
                                                 " SET claimed_until = clock_timestamp() + "
                                                 "$3 * interval '1 ms' WHERE id = $1 AND claim = "
                                                 "$2 AND claimed_until IS NOT NULL"),
                                    job.id, job.claim, absl::ToInt64Milliseconds(visibility)),
                   job);
}

absl::Status JobQueue::Extend(const Job& job, absl::Duration visibility, Deadline deadline) {
  return pool_.Transact("extend_job", deadline,
                        [&](pqxx::work& work) { return Extend(work, job, visibility); });
}

absl::Status JobQueue::Complete(pqxx::work& work, const Job& job) const {
  const pqxx::result deleted = work.exec_params(
      absl::StrCat("DELETE FROM ", table_, " WHERE id = $1 AND claim = $2 AND revision = $3"),
      job.id, job.claim, job.revision);
  if (deleted.affected_rows() == 1) return absl::OkStatus();
  // Enqueued again meanwhile: let it run once more, with a clean count.
  return ExpectOne(work.exec_params(absl::StrCat("UPDATE ", table_,
                                                 " SET claimed_until = NULL, attempts = 0, "
                                                 "last_error = '' WHERE id = $1 AND claim = $2"),
                                    job.id, job.claim),
                   job);
}

absl::Status JobQueue::Complete(const Job& job, Deadline deadline) {
  return pool_.Transact("complete_job", deadline,
                        [&](pqxx::work& work) { return Complete(work, job); });
}

absl::Status JobQueue::Fail(const Job& job, absl::Time retry_time, const std::string& error,
                            Deadline deadline) {
  return pool_.Transact("fail_job", deadline, [&](pqxx::work& work) -> absl::Status {
    return ExpectOne(work.exec_params(absl::StrCat("UPDATE ", table_,
                                                   " SET claimed_until = NULL, last_error = $3, "
                                                   "due_at = $4::bigint",
                                                   kMicros, " WHERE id = $1 AND claim = $2"),
                                      job.id, job.claim, error, absl::ToUnixMicros(retry_time)),
                     job);
  });
}

absl::StatusOr<JobQueue::Backlog> JobQueue::Count(const std::string& kind, Deadline deadline) {
  return pool_.Query<Backlog>(
      "count_jobs", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Backlog> {
        const pqxx::row row = work.exec_params1(
            absl::StrCat(
                "SELECT count(*), (extract(epoch FROM min(due_at)) * 1000000)::bigint FROM ",
                table_, " WHERE kind = $1"),
            kind);
        Backlog backlog{row[0].as<int64_t>(), std::nullopt};
        if (!row[1].is_null()) backlog.oldest_due_time = absl::FromUnixMicros(row[1].as<int64_t>());
        return backlog;
      },
      {.read_only = true});
}

}  // namespace datong::postgres
