#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// The durable inbox of pushes and the other work that is done in the background, at least once.
// Thread-safe; every call is one transaction and blocks until its deadline.
// Errors of all: those of postgres::Pool.
class WorkStore {
 public:
  virtual ~WorkStore() = default;

  // Stores a push as a job. False, and no job, when a push with that key came before.
  virtual absl::StatusOr<bool> AddPush(const NewJob& push, Deadline deadline) = 0;
  // A job of the same kind and key that is still there takes the new payload.
  virtual absl::Status Enqueue(const NewJob& job, Deadline deadline) = 0;
  // Takes up to `limit` jobs that are due, oldest first; no other caller gets them for `hold`.
  virtual absl::StatusOr<std::vector<Job>> Claim(JobKind kind, int limit, absl::Duration hold,
                                                 Deadline deadline) = 0;
  // Keeps claimed jobs for another `hold`; what others have by now is left to them.
  virtual absl::Status Extend(const std::vector<Job>& jobs, absl::Duration hold,
                              Deadline deadline) = 0;
  virtual absl::Status Finish(const std::vector<Job>& jobs, Deadline deadline) = 0;
  // Makes it due again after `delay`.
  virtual absl::Status Retry(const Job& job, absl::Duration delay, const std::string& error,
                             Deadline deadline) = 0;
  // Forgets the keys of pushes that came more than `age` ago.
  virtual absl::Status ForgetPushes(absl::Duration age, Deadline deadline) = 0;

  // Jobs waiting, and since when the oldest is due (nothing: the infinite future).
  struct Backlog {
    int64_t jobs = 0;
    absl::Time oldest = absl::InfiniteFuture();
  };
  virtual absl::StatusOr<Backlog> CountPushes(Deadline deadline) = 0;
};

}  // namespace datong::broker
