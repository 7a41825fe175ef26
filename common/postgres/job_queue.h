#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/postgres/pool.h"
#include "common/time/deadline.h"

namespace datong::postgres {

// Work to be done at least once, at or after its due time.
struct Job {
  int64_t id = 0;
  std::string kind;     // which worker takes it, for example "register_project"
  std::string key;      // one job per kind and key
  std::string payload;  // text, for example JSON
  absl::Time due_time;  // business time
  int attempts = 0;     // claims so far, this one included
  int64_t claim = 0;    // fences off a worker whose claim ran out
  int64_t revision = 0;
};

// The jobs of one schema. The service's migration makes the table:
//
//   CREATE TABLE broker.jobs (
//     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
//     kind text NOT NULL,
//     key text NOT NULL,
//     payload text NOT NULL DEFAULT '',
//     due_at timestamptz NOT NULL,
//     revision bigint NOT NULL DEFAULT 1,
//     claim bigint NOT NULL DEFAULT 0,
//     claimed_until timestamptz,
//     attempts int NOT NULL DEFAULT 0,
//     last_error text NOT NULL DEFAULT '',
//     created_at timestamptz NOT NULL DEFAULT now(),
//     UNIQUE (kind, key));
//   CREATE INDEX jobs_due ON broker.jobs (kind, due_at);
//
// Due times are business time, given by the caller's clock; claims run out by the database's clock.
// Thread-safe. `pool` must outlive it.
class JobQueue {
 public:
  JobQueue(Pool& pool, std::string table) : pool_(pool), table_(std::move(table)) {}

  // Adds a job in the caller's transaction. A job of the same kind and key takes the new payload
  // and the earlier due time; one that is being worked on will run once more after that.
  void Enqueue(pqxx::work& work, const std::string& kind, const std::string& key,
               const std::string& payload, absl::Time due_time) const;
  // The same in a transaction of its own.
  absl::Status Enqueue(const std::string& kind, const std::string& key, const std::string& payload,
                       absl::Time due_time, Deadline deadline);

  // Up to `limit` due jobs that no worker holds, oldest due first, held for `visibility`.
  absl::StatusOr<std::vector<Job>> Claim(const std::string& kind, absl::Time now, int limit,
                                         absl::Duration visibility, Deadline deadline);
  // Holds it for another `visibility`. Errors: ABORTED/CLAIM_LOST.
  absl::Status Extend(pqxx::work& work, const Job& job, absl::Duration visibility) const;
  absl::Status Extend(const Job& job, absl::Duration visibility, Deadline deadline);

  // Done: the job goes, unless it was enqueued again meanwhile. The first form is part of the
  // transaction that holds the job's effect. Errors: ABORTED/CLAIM_LOST when the claim ran out and
  // another worker has it.
  absl::Status Complete(pqxx::work& work, const Job& job) const;
  absl::Status Complete(const Job& job, Deadline deadline);
  // Failed: due again at `retry_time`. `error` says why, for people; no secrets.
  absl::Status Fail(const Job& job, absl::Time retry_time, const std::string& error,
                    Deadline deadline);

  // Jobs of the kind, and when the oldest is or was due.
  struct Backlog {
    int64_t jobs = 0;
    std::optional<absl::Time> oldest_due_time;
  };
  absl::StatusOr<Backlog> Count(const std::string& kind, Deadline deadline);

 private:
  Pool& pool_;
  const std::string table_;
};

}  // namespace datong::postgres
