#include "services/broker/core/erasure_follower.h"

#include <string>
#include <vector>

#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/broker/core/evidence.h"

namespace datong::broker {
namespace {

constexpr int kProjectsAtOnce = 500;

}  // namespace

absl::Status ErasureFollower::Run(Deadline deadline) {
  absl::Status last;
  std::string after;
  while (true) {
    DATONG_ASSIGN_OR_RETURN(std::vector<Project> projects,
                            apps_.ListProjects(after, kProjectsAtOnce, deadline));
    for (const Project& project : projects) {
      const absl::Status status = Follow(project.id, deadline);
      // One that identity was not told of yet has no feed.
      if (!status.ok() && GetReason(status) != "PROJECT_UNKNOWN") last = status;
    }
    if (projects.size() < static_cast<size_t>(kProjectsAtOnce)) return last;
    after = projects.back().id;
  }
}

absl::Status ErasureFollower::Follow(const std::string& project, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string cursor, store_.GetFeedCursor(project, deadline));
  while (!deadline.Passed()) {
    absl::StatusOr<GraphChanges> page = persons_.ReadChanges(project, cursor, deadline);
    if (GetReason(page.status()) == "CURSOR_STALE") {
      // The database of identity was restored: what was erased before is in the feed once more.
      page = persons_.ReadChanges(project, "", deadline);
    }
    if (!page.ok()) return page.status();
    if (page->changes.empty() && page->next_cursor == cursor) return absl::OkStatus();
    DATONG_ASSIGN_OR_RETURN(int deleted, store_.ApplyChanges(project, cursor, *page, deadline));
    if (deleted > 0) {
      LogInfo("sessions of erased persons deleted", {{"project", project}, {"rows", deleted}});
    }
    if (page->is_last) return absl::OkStatus();
    cursor = page->next_cursor;
  }
  return absl::OkStatus();
}

absl::Status ErasureFollower::OnEvidence(const Job& job, Deadline deadline) {
  const absl::StatusOr<Evidence> evidence = DecodeEvidence(job.payload);
  if (!evidence.ok() || evidence->openid.empty()) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(
      std::vector<std::string> persons,
      persons_.FindPersons(job.project, {OpenidId(evidence->appid, evidence->openid)}, deadline));
  if (persons.empty() || persons[0].empty()) return absl::OkStatus();
  return store_.SetPerson({job.project, evidence->appid, evidence->openid, persons[0]}, deadline);
}

}  // namespace datong::broker
