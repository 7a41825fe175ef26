#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/status/error.h"
#include "services/insight/core/errors.h"
#include "services/insight/core/ports.h"

namespace datong::insight {

// identity's feed of one project, held in memory. The cursor is the number of changes read.
// Thread-safe.
class FakeIdentityFeed : public IdentityFeed {
 public:
  explicit FakeIdentityFeed(std::string project, int32_t number)
      : project_(std::move(project)), number_(number) {}

  // The identifier belongs to person `index` from now on (0: to nobody). The version.
  int64_t Link(const std::string& identifier, int64_t node, int64_t index, int64_t previous = 0) {
    MutexLock lock(&mutex_);
    IdentityChange change;
    change.version = static_cast<int64_t>(changes_.size()) + 1;
    change.identifier = identifier;
    change.node = node;
    if (index != 0) change.person = absl::StrCat("p", index);
    change.person_index = index;
    if (previous != 0) change.previous_person = absl::StrCat("p", previous);
    change.change_time = absl::FromUnixSeconds(1'790'000'000 + change.version);
    changes_.push_back(change);
    return change.version;
  }
  // The person, or, of a person that stays, the identifier was erased.
  void Erase(int64_t index, int64_t node = 0) {
    MutexLock lock(&mutex_);
    IdentityChange change;
    change.version = static_cast<int64_t>(changes_.size()) + 1;
    change.node = node;
    if (node == 0) change.person = absl::StrCat("p", index);
    change.person_index = index;
    change.erased = true;
    change.change_time = absl::FromUnixSeconds(1'790'000'000 + change.version);
    changes_.push_back(change);
  }
  void FailWith(absl::Status status) {
    MutexLock lock(&mutex_);
    failure_ = std::move(status);
  }
  void set_page_size(size_t size) {
    MutexLock lock(&mutex_);
    page_size_ = size;
  }
  // The database was restored: cursors are stale, and only the first `kept` changes are left.
  void Restore(size_t kept) {
    MutexLock lock(&mutex_);
    changes_.resize(kept);
    ++epoch_;
  }

  absl::StatusOr<FeedPage> Read(const Asker&, const std::string& project,
                                const std::string& cursor) override {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    if (project != project_) return ProjectUnknown(project);
    int64_t read = 0;
    if (!cursor.empty()) {
      const size_t dot = cursor.find('.');
      if (cursor.substr(0, dot) != absl::StrCat(epoch_)) {
        return MakeError(absl::StatusCode::kFailedPrecondition, "restored",
                         {kErrorDomain, "CURSOR_STALE", {}});
      }
      if (!absl::SimpleAtoi(cursor.substr(dot + 1), &read)) return absl::InternalError("cursor");
    }
    FeedPage page;
    const size_t end = std::min(changes_.size(), static_cast<size_t>(read) + page_size_);
    page.changes.assign(changes_.begin() + read, changes_.begin() + static_cast<int64_t>(end));
    page.next_cursor = absl::StrCat(epoch_, ".", end);
    page.project_number = number_;
    page.graph_version = static_cast<int64_t>(changes_.size());
    return page;
  }

 private:
  const std::string project_;
  const int32_t number_;
  Mutex mutex_;
  int epoch_ ABSL_GUARDED_BY(mutex_) = 1;
  size_t page_size_ ABSL_GUARDED_BY(mutex_) = 1000;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<IdentityChange> changes_ ABSL_GUARDED_BY(mutex_);
};

class FakeProjectDirectory : public ProjectDirectory {
 public:
  absl::StatusOr<std::vector<std::string>> projects = std::vector<std::string>();

  absl::StatusOr<std::vector<std::string>> List(const Asker&) override { return projects; }
};

class FakeSourceDirectory : public SourceDirectory {
 public:
  std::map<std::string, ProjectSources> projects;
  absl::Status failure;

  absl::StatusOr<ProjectSources> List(const Asker&, const std::string& project) override {
    if (!failure.ok()) return failure;
    const auto it = projects.find(project);
    if (it == projects.end()) return ProjectUnknown(project);
    return it->second;
  }
};

class FakeFollowerStatistics : public FollowerStatistics {
 public:
  absl::StatusOr<FollowerFacts> facts = FollowerFacts{};

  absl::StatusOr<FollowerFacts> Read(const Asker&, const std::string&,
                                     const std::vector<std::string>&, const DayRange&) override {
    return facts;
  }
};

}  // namespace datong::insight
