#pragma once

#include <pqxx/pqxx>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/postgres/job_queue.h"
#include "common/time/clock.h"
#include "services/broker/core/types.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {

// Puts jobs into broker.jobs within the transaction of whatever makes them necessary, with sealed
// payloads. Thread-safe.
class JobWriter {
 public:
  JobWriter(postgres::Pool& pool, const crypto::Envelope& envelope, const Clock& clock)
      : queue_(pool, "broker.jobs"), sealer_(envelope), clock_(clock) {}

  absl::Status Write(pqxx::work& work, const NewJob& job,
                     absl::Duration delay = absl::ZeroDuration()) const;
  // A job as the queue gives it, opened. Errors: those of crypto::Envelope::Open.
  absl::StatusOr<Job> Read(JobKind kind, const postgres::Job& job) const;
  static postgres::Job ToQueued(const Job& job);

  postgres::JobQueue& queue() { return queue_; }
  const Clock& clock() const { return clock_; }

 private:
  postgres::JobQueue queue_;
  const Sealer sealer_;
  const Clock& clock_;
};

const char* JobKindName(JobKind kind);
// Appends to the account feed.
void TellAccountFeed(pqxx::work& work, const std::string& project, const std::string& appid,
                     absl::Time now);

}  // namespace datong::broker
