#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"
#include "services/datacube/core/accounts.h"
#include "services/datacube/core/types.h"

namespace datong::datacube {

// Calls the platform in the name of an account. Thread-safe, blocks.
class Platform {
 public:
  virtual ~Platform() = default;
  // The body of the platform's answer, whatever its errcode. An empty `body` makes it a GET.
  virtual absl::StatusOr<std::string> Call(const AppKey& app, const std::string& path,
                                           const std::map<std::string, std::string>& query,
                                           const std::string& body, Deadline deadline) = 0;
};

// Tells which accounts there are. Thread-safe, blocks.
class AccountFeed {
 public:
  struct Page {
    std::vector<AccountUpdate> updates;
    std::string cursor;
    bool caught_up = false;
  };
  virtual ~AccountFeed() = default;
  virtual absl::StatusOr<std::vector<std::string>> ListProjects(Deadline deadline) = 0;
  // Errors: INVALID_ARGUMENT when the cursor is no longer known: begin anew with an empty one.
  virtual absl::StatusOr<Page> Read(const std::string& project, const std::string& cursor,
                                    Deadline deadline) = 0;
};

// Tells who was erased. Thread-safe, blocks.
class ErasureFeed {
 public:
  struct Erased {
    int64_t node = 0;  // identity's, of an identifier
    absl::Time time;
  };
  struct Page {
    std::vector<Erased> nodes;
    std::string cursor;
    int32_t project_number = 0;  // which nodes are made with
  };
  virtual ~ErasureFeed() = default;
  // Errors: FAILED_PRECONDITION/CURSOR_STALE: begin anew with an empty one.
  virtual absl::StatusOr<Page> ReadErasures(const std::string& project, const std::string& cursor,
                                            Deadline deadline) = 0;
  // Those of the openids that are a person's now.
  virtual absl::StatusOr<std::vector<std::string>> FindKnown(
      const AppKey& app, const std::vector<std::string>& openids, Deadline deadline) = 0;
};

// Takes what is known of who is who. Thread-safe, blocks.
class EvidenceSink {
 public:
  virtual ~EvidenceSink() = default;
  // Harmless when done twice.
  virtual absl::Status Send(const AppKey& app, const std::vector<OpenidPair>& pairs,
                            absl::Time observed_time, Deadline deadline) = 0;
};

}  // namespace datong::datacube
