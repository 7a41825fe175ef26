#include "services/identity/core/integrity_checker.h"

#include <limits>

#include "common/log/log.h"
#include "common/status/macros.h"

namespace datong::identity {
namespace {

constexpr int kComponentsAtOnce = 500;

Deadline Soon() { return Deadline::After(absl::Minutes(1)); }

int64_t DifferencesOf(const LinkPlan& plan) {
  return static_cast<int64_t>(plan.nodes.size() + plan.emptied.size() + plan.opened.size() +
                              plan.closed.size());
}

}  // namespace

absl::StatusOr<IntegrityRound> IntegrityChecker::Check(const Project& project) {
  IntegrityRound round;
  round.began = clock_.Now();
  DATONG_ASSIGN_OR_RETURN(const ProjectPolicy policy, store_.GetPolicy(project, Soon()));
  int64_t after = std::numeric_limits<int64_t>::min();
  for (bool more = !policy.recomputing; more && !stopping_;) {
    DATONG_ASSIGN_OR_RETURN(const ComponentPage page,
                            store_.LoadComponents(project, after, kComponentsAtOnce, Soon()));
    int64_t differences = 0;
    for (const GraphState& component : page.components) {
      const LinkPlan plan =
          PlanLink(project.number, component, {}, policy.policy, /*everything=*/true);
      differences += DifferencesOf(plan);
      round.identifiers += static_cast<int64_t>(component.nodes.size());
    }
    round.components += static_cast<int64_t>(page.components.size());
    DATONG_ASSIGN_OR_RETURN(const ProjectPolicy now, store_.GetPolicy(project, Soon()));
    if (now.version != policy.version) return absl::AbortedError("The policy changed.");
    round.differences += differences;
    after = page.last;
    more = page.more;
  }
  if (policy.recomputing || stopping_) return absl::AbortedError("There is something else to do.");
  round.ended = clock_.Now();
  DATONG_RETURN_IF_ERROR(store_.RecordRound(project, round, Soon()));
  metrics_.Checked(round.differences);
  if (round.differences > 0) {
    LogError("What is kept of persons is not what the evidence says.",
             {{"project", project.name}, {"differences", round.differences}});
  }
  return round;
}

absl::Status IntegrityChecker::CheckAll(absl::Duration interval) {
  DATONG_ASSIGN_OR_RETURN(const std::vector<Project> projects, store_.ListProjects(Soon()));
  for (const Project& project : projects) {
    if (stopping_) return absl::OkStatus();
    DATONG_ASSIGN_OR_RETURN(const bool taken, store_.TakeRound(project, interval, Soon()));
    if (!taken) continue;
    const absl::Status done = Check(project).status();
    if (!done.ok() && !absl::IsAborted(done)) return done;
  }
  return absl::OkStatus();
}

}  // namespace datong::identity
