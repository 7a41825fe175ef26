#pragma once

#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "services/ingest/core/errors.h"
#include "services/ingest/core/source_store.h"

namespace datong::ingest {

// Projects and sources in memory; held to the same contract as PostgresSourceStore. Thread-safe.
class FakeSourceStore final : public SourceStore {
 public:
  absl::Status RegisterProject(const Project& project, Deadline) override {
    MutexLock lock(&mutex_);
    for (const Project& there : catalogue_.projects) {
      if (there.number != project.number && there.id != project.id) continue;
      if (there.number == project.number && there.id == project.id) return absl::OkStatus();
      return ProjectNumberTaken(project.id, project.number);
    }
    catalogue_.projects.push_back(project);
    return absl::OkStatus();
  }

  absl::StatusOr<SourceCatalogue> LoadAll(Deadline) override {
    MutexLock lock(&mutex_);
    return catalogue_;
  }

  absl::StatusOr<Source> Insert(const Source& source, Deadline) override {
    MutexLock lock(&mutex_);
    for (const Source& there : catalogue_.sources) {
      if (IsSame(there, source)) return SourceExists(source.Name());
    }
    if (IsKeyTaken(source)) return WriteKeyTaken();
    Source stored = source;
    stored.number = ++last_number_;
    for (const Source& sdk : catalogue_.sources) {
      const bool joins = stored.kind == SourceKind::kPush && stored.surface == stored.app &&
                         sdk.tenant_id == stored.tenant_id && sdk.kind == SourceKind::kSdk &&
                         sdk.app == stored.app && sdk.device_scope == sdk.app;
      if (joins) stored.surface = sdk.surface;
    }
    catalogue_.sources.push_back(stored);
    PushesFollow(stored);
    return stored;
  }

  absl::StatusOr<Source> Update(const Source& source, Deadline) override {
    MutexLock lock(&mutex_);
    for (Source& there : catalogue_.sources) {
      if (!IsSame(there, source)) continue;
      if (IsKeyTaken(source)) return WriteKeyTaken();
      Source stored = source;
      stored.number = there.number;
      stored.kind = there.kind;
      stored.create_time = there.create_time;
      there = stored;
      PushesFollow(stored);
      return stored;
    }
    return SourceUnknown(source.Name());
  }

 private:
  static bool IsSame(const Source& a, const Source& b) {
    return a.tenant_id == b.tenant_id && a.id == b.id;
  }
  bool IsKeyTaken(const Source& source) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const Source& there : catalogue_.sources) {
      if (IsSame(there, source)) continue;
      if (there.write_key == source.write_key) return true;
      if (!source.data_source_id.empty() && there.sdk_project == source.sdk_project &&
          there.data_source_id == source.data_source_id) {
        return true;
      }
    }
    return false;
  }
  // The pushes of a mini program belong to the surface that its SDK source names.
  void PushesFollow(const Source& source) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (source.kind != SourceKind::kSdk || source.app.empty() ||
        source.device_scope != source.app) {
      return;
    }
    for (Source& there : catalogue_.sources) {
      const bool pushes = there.tenant_id == source.tenant_id && there.kind == SourceKind::kPush &&
                          there.app == source.app && there.surface == source.app;
      if (pushes) there.surface = source.surface;
    }
  }

  Mutex mutex_;
  SourceCatalogue catalogue_ ABSL_GUARDED_BY(mutex_);
  int32_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace datong::ingest
