#include "services/insight/core/person_follower.h"

#include <algorithm>
#include <utility>

#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/insight/core/errors.h"

namespace datong::insight {
namespace {

constexpr std::chrono::seconds kListEvery(5);

}  // namespace

absl::StatusOr<int64_t> PersonFollower::CatchUp(const Asker& asker, const std::string& project) {
  return flights_.Do(project, asker.deadline, [&] { return ReadToEnd(asker, project); });
}

absl::StatusOr<int64_t> PersonFollower::ReadToEnd(const Asker& asker, const std::string& project) {
  for (;;) {
    DATONG_ASSIGN_OR_RETURN(const PersonProjection::Position position,
                            projection_.GetPosition(project, asker.deadline));
    const absl::StatusOr<FeedPage> page = feed_.Read(asker, project, position.cursor);
    if (GetReason(page.status()) == "CURSOR_STALE") {
      // The database was restored: what we copied may never have happened.
      DATONG_RETURN_IF_ERROR(projection_.Reset(project, asker.deadline));
      continue;
    }
    if (!page.ok()) {
      // One that identity was not told of yet has no feed.
      if (GetReason(page.status()) != "PROJECT_UNKNOWN") {
        metrics_.feed_lag().NotRead(project, clock_.Now());
      }
      return page.status();
    }
    const bool first = position.cursor.empty();
    if (first || !page->changes.empty()) {
      DATONG_RETURN_IF_ERROR(projection_.Apply(project, position.cursor, *page, asker.deadline));
    }
    if (page->changes.empty() || page->changes.back().version >= page->graph_version) {
      metrics_.feed_lag().AtEnd(project, clock_.Now());
      return page->changes.empty() ? position.version : page->changes.back().version;
    }
    metrics_.feed_lag().Behind(project, page->changes.back().change_time, clock_.Now());
    if (asker.deadline.Passed()) {
      return NotCaughtUp("copy of the persons", page->graph_version, page->changes.back().version);
    }
  }
}

absl::StatusOr<std::vector<std::string>> PersonFollower::Projects(const Asker& asker) {
  DATONG_ASSIGN_OR_RETURN(std::vector<std::string> projects,
                          projection_.ListProjects(asker.deadline));
  const auto now = std::chrono::steady_clock::now();
  bool ask = false;
  {
    MutexLock lock(&mutex_);
    ask = !listed_at_.has_value() || now - *listed_at_ >= kListEvery;
  }
  if (ask) {
    absl::StatusOr<std::vector<std::string>> listed = directory_.List(asker);
    MutexLock lock(&mutex_);
    // While broker is away, the projects known so far are followed.
    if (listed.ok()) {
      listed_ = *std::move(listed);
      listed_at_ = now;
    }
  }
  MutexLock lock(&mutex_);
  projects.insert(projects.end(), listed_.begin(), listed_.end());
  std::sort(projects.begin(), projects.end());
  projects.erase(std::unique(projects.begin(), projects.end()), projects.end());
  return projects;
}

absl::Status PersonFollower::CatchUpAll(const Asker& asker) {
  DATONG_ASSIGN_OR_RETURN(const std::vector<std::string> projects, Projects(asker));
  absl::Status first_error;
  for (const std::string& project : projects) {
    const absl::Status status = CatchUp(asker, project).status();
    if (GetReason(status) != "PROJECT_UNKNOWN") first_error.Update(status);
  }
  return first_error;
}

absl::StatusOr<int64_t> PersonFollower::GetVersion(const std::string& project, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(const PersonProjection::Position position,
                          projection_.GetPosition(project, deadline));
  return position.version;
}

}  // namespace datong::insight
