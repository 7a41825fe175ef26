#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// The durable inbox of pushes and the other work that is done in the background, at least once.
// Jobs that are done are kept for some days, so that a repeated push finds its key taken.
// Thread-safe; every call is one transaction and blocks until its deadline.
// Errors of all: those of postgres::Pool.
class WorkStore {
 public:
  virtual ~WorkStore() = default;

  // False when a job of that kind and key is there already, done or not.
  virtual absl::StatusOr<bool> Enqueue(const NewJob& job, Deadline deadline) = 0;
  // Takes up to `limit` jobs that are due, oldest first; no other caller gets them for `hold`.
  virtual absl::StatusOr<std::vector<Job>> Claim(int limit, absl::Duration hold,
                                                 Deadline deadline) = 0;
  virtual absl::Status Finish(const std::vector<int64_t>& ids, Deadline deadline) = 0;
  // Makes them due again after `delay`.
  virtual absl::Status Retry(const std::vector<int64_t>& ids, absl::Duration delay,
                             const std::string& error, Deadline deadline) = 0;
  // Removes jobs that were done more than `age` ago.
  virtual absl::Status Purge(absl::Duration age, Deadline deadline) = 0;

  // Keeps the user's session key and the evidence of the login in one transaction. Answers the id of
  // the evidence's job, which is due after `delay`.
  virtual absl::StatusOr<int64_t> SaveLogin(const App& app, const std::string& openid,
                                            const Secret& session_key, const NewJob& evidence,
                                            absl::Duration delay, Deadline deadline) = 0;
};

}  // namespace datong::broker
