#pragma once

#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "services/identity/core/linker.h"

namespace datong::identity {

// Records that come one by one at the same time are linked together: writers of one project take
// turns, so a turn for each record would cost each a commit of its own. The caller whose turn it is
// takes along all that wait. Thread-safe. `linker` must outlive it.
class LinkGatherer {
 public:
  explicit LinkGatherer(Linker& linker) : linker_(linker) {}

  // The reason why the record was rejected, or "" when it is linked.
  // Errors: those of Linker::Link; DEADLINE_EXCEEDED when its turn does not come in time.
  absl::StatusOr<std::string> Link(const Project& project, const Evidence& record,
                                   Deadline deadline);

 private:
  struct Waiting {
    const Project* project;
    const Evidence* record;
    bool taken = false;
    bool done = false;
    absl::StatusOr<std::string> answer = std::string();
  };

  // Takes the waiting records of the project and links them.
  void TakeTurn(const Project& project, Deadline deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Linker& linker_;
  Mutex mutex_;
  std::vector<Waiting*> waiting_ ABSL_GUARDED_BY(mutex_);
  bool is_turn_taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace datong::identity
