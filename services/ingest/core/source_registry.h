#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "services/ingest/core/privacy.h"
#include "services/ingest/core/source_store.h"

namespace datong::ingest {

// All sources, as of one reading.
class SourceSnapshot {
 public:
  explicit SourceSnapshot(const SourceCatalogue& catalogue);

  const Project* FindProject(absl::string_view id) const;
  SourcePtr ByName(absl::string_view project, absl::string_view id) const;
  SourcePtr ByWriteKey(absl::string_view key) const;
  SourcePtr ByNumber(int32_t number) const;
  // The project that collects under a GrowingIO project (the path of the collector), if any.
  std::optional<int32_t> TenantOfSdkProject(absl::string_view sdk_project) const;
  // The source of a GrowingIO event: by its dataSourceId; where it has none, the only SDK source,
  // or the only one of the app that the event's domain names.
  SourcePtr ForSdkEvent(absl::string_view sdk_project, absl::string_view data_source_id,
                        absl::string_view domain) const;
  // By name.
  std::vector<SourcePtr> OfProject(absl::string_view project) const;
  const std::vector<Project>& projects() const { return projects_; }

 private:
  std::vector<Project> projects_;
  absl::flat_hash_map<std::string, size_t> by_project_;
  absl::flat_hash_map<std::string, SourcePtr> by_name_;
  absl::flat_hash_map<std::string, SourcePtr> by_write_key_;
  absl::flat_hash_map<int32_t, SourcePtr> by_number_;
  absl::flat_hash_map<std::string, std::vector<SourcePtr>> by_sdk_project_;
  std::vector<SourcePtr> sorted_;
};

// The sources in memory: read on every event, refreshed every few seconds, after each change made
// here and, at most once a second, when something unknown is asked for. Also the rules for changing
// them. Thread-safe; blocks on the store only where a Deadline is taken.
class SourceRegistry {
 public:
  SourceRegistry(SourceStore& store, const Privacy& privacy, const Clock& clock)
      : store_(store), privacy_(privacy), clock_(clock) {}

  std::shared_ptr<const SourceSnapshot> Snapshot() const;
  // True once the sources were read.
  bool loaded() const;
  absl::Status Reload(Deadline deadline);
  // The snapshot for a lookup that has just failed: read again unless that was done within a
  // second. Errors: UNAVAILABLE/… when the store cannot be read, so that nothing is refused
  // wrongly.
  absl::StatusOr<std::shared_ptr<const SourceSnapshot>> AfterMiss(Deadline deadline);

  // Errors: those of datong.ingest.v1.SourceService.
  absl::Status RegisterProject(const Project& project, Deadline deadline);
  absl::StatusOr<SourcePtr> Create(Source source, Deadline deadline);
  absl::StatusOr<SourcePtr> Get(absl::string_view project, absl::string_view id, Deadline deadline);
  absl::StatusOr<SourcePtr> Update(Source source, Deadline deadline);
  absl::StatusOr<SourcePtr> EnsurePush(const std::string& project, const std::string& app,
                                       const std::string& surface, const std::string& display_name,
                                       Deadline deadline);
  absl::StatusOr<Project> GetProject(absl::string_view id, Deadline deadline);

 private:
  absl::StatusOr<Source> Complete(Source source, Deadline deadline);

  SourceStore& store_;
  const Privacy& privacy_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::shared_ptr<const SourceSnapshot> snapshot_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<SourceSnapshot>(SourceCatalogue{});
  bool loaded_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point read_at_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace datong::ingest
