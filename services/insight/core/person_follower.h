#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/exec/single_flight.h"
#include "common/time/clock.h"
#include "services/insight/core/metrics.h"
#include "services/insight/core/ports.h"

namespace datong::insight {

// Keeps insight's copy of whose each identifier is in step with identity's feed: before a question
// is answered, and in the background. Safe with several replicas. Thread-safe; blocks.
class PersonFollower {
 public:
  PersonFollower(IdentityFeed& feed, PersonProjection& projection, InsightMetrics& metrics,
                 const Clock& clock)
      : feed_(feed), projection_(projection), metrics_(metrics), clock_(clock) {}

  // Reads the project's feed to its end; the version that the copy then has. Calls that overlap are
  // one. Errors: those of the feed and of the projection.
  absl::StatusOr<int64_t> CatchUp(const Asker& asker, const std::string& project);

  // The same for every project that was ever asked about; the first error.
  absl::Status CatchUpAll(const Asker& asker);

  // The version of the copy as it is.
  absl::StatusOr<int64_t> GetVersion(const std::string& project, Deadline deadline);

 private:
  absl::StatusOr<int64_t> ReadToEnd(const Asker& asker, const std::string& project);

  IdentityFeed& feed_;
  PersonProjection& projection_;
  InsightMetrics& metrics_;
  const Clock& clock_;
  SingleFlight<std::string, int64_t> flights_;
};

}  // namespace datong::insight
