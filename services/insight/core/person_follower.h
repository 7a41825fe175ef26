#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/exec/single_flight.h"
#include "common/time/clock.h"
#include "services/insight/core/metrics.h"
#include "services/insight/core/ports.h"

namespace datong::insight {

// Keeps insight's copy of whose each identifier is in step with identity's feed: before a question
// is answered, and in the background. Safe with several replicas. Thread-safe; blocks.
class PersonFollower {
 public:
  PersonFollower(ProjectDirectory& directory, IdentityFeed& feed, PersonProjection& projection,
                 InsightMetrics& metrics, const Clock& clock)
      : directory_(directory),
        feed_(feed),
        projection_(projection),
        metrics_(metrics),
        clock_(clock) {}

  // Reads the project's feed to its end; the version that the copy then has. Calls that overlap are
  // one. Errors: those of the feed and of the projection.
  absl::StatusOr<int64_t> CatchUp(const Asker& asker, const std::string& project);

  // The same for every project there is, and every one that was ever asked about; the first error.
  // Projects that identity was not told of yet are left for the next time.
  absl::Status CatchUpAll(const Asker& asker);

  // The version of the copy as it is.
  absl::StatusOr<int64_t> GetVersion(const std::string& project, Deadline deadline);

 private:
  absl::StatusOr<int64_t> ReadToEnd(const Asker& asker, const std::string& project);

  absl::StatusOr<std::vector<std::string>> Projects(const Asker& asker);

  ProjectDirectory& directory_;
  IdentityFeed& feed_;
  PersonProjection& projection_;
  InsightMetrics& metrics_;
  const Clock& clock_;
  SingleFlight<std::string, int64_t> flights_;
  Mutex mutex_;
  // As broker last listed them, and when.
  std::vector<std::string> listed_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::chrono::steady_clock::time_point> listed_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::insight
