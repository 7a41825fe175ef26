#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/ingest/core/source.h"

namespace datong::ingest {

struct SourceCatalogue {
  std::vector<Project> projects;
  std::vector<Source> sources;
};

// Where projects and sources are kept. Implementations are thread-safe and block.
class SourceStore {
 public:
  virtual ~SourceStore() = default;
  // Errors: ALREADY_EXISTS/PROJECT_NUMBER_TAKEN.
  virtual absl::Status RegisterProject(const Project& project, Deadline deadline) = 0;
  virtual absl::StatusOr<SourceCatalogue> LoadAll(Deadline deadline) = 0;
  // Gives the source its number and times. Errors: ALREADY_EXISTS/SOURCE_EXISTS,
  // ALREADY_EXISTS/WRITE_KEY_TAKEN.
  virtual absl::StatusOr<Source> Insert(const Source& source, Deadline deadline) = 0;
  // Errors: NOT_FOUND/SOURCE_UNKNOWN, ALREADY_EXISTS/WRITE_KEY_TAKEN.
  virtual absl::StatusOr<Source> Update(const Source& source, Deadline deadline) = 0;
};

}  // namespace datong::ingest
