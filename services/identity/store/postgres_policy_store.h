#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "common/time/clock.h"
#include "services/identity/core/metrics.h"
#include "services/identity/core/policy_store.h"

namespace datong::identity {

// Keeps policies, recomputations, incidents and the results of checks. What it is given must
// outlive it. `policy` is for projects that chose none.
class PostgresPolicyStore final : public PolicyStore {
 public:
  PostgresPolicyStore(postgres::Pool& pool, const Clock& clock, const Policy& policy,
                      Metrics& metrics)
      : pool_(pool), clock_(clock), policy_(policy), metrics_(metrics) {}

  absl::StatusOr<ProjectPolicy> GetPolicy(const Project& project, Deadline deadline) override;
  absl::StatusOr<ProjectPolicy> SetPolicy(const Project& project, const Policy& policy,
                                          const std::string& actor, Deadline deadline) override;
  absl::StatusOr<bool> RunRecomputation(const Project* project, Deadline deadline) override;
  absl::StatusOr<bool> IsRecomputing(const Project& project, const std::string& appid,
                                     Deadline deadline) override;
  absl::StatusOr<ComponentPage> LoadComponents(const Project& project, int64_t after, int limit,
                                               Deadline deadline) override;
  absl::StatusOr<std::vector<GraphState>> LoadNamed(const Project& project,
                                                    absl::Span<const int64_t> components,
                                                    Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> ListFaulty(const Project& project,
                                                      Deadline deadline) override;
  absl::StatusOr<std::vector<FaultyUse>> FindUses(const Project& project,
                                                  absl::Span<const std::string> identifiers,
                                                  Deadline deadline) override;
  absl::StatusOr<std::vector<Project>> ListProjects(Deadline deadline) override;
  absl::StatusOr<IntegrityView> GetIntegrity(const Project& project, Deadline deadline) override;
  absl::StatusOr<bool> TakeRound(const Project& project, absl::Duration interval,
                                 Deadline deadline) override;
  absl::Status RecordRound(const Project& project, const IntegrityRound& round,
                           Deadline deadline) override;
  absl::StatusOr<PageOf<FrozenView>> ListFrozen(const Project& project, const std::string& after,
                                                int limit, Deadline deadline) override;
  absl::StatusOr<PageOf<IncidentView>> ListIncidents(const Project& project, bool include_closed,
                                                     const std::string& after, int limit,
                                                     Deadline deadline) override;
  absl::StatusOr<int> CloseIncidents(const Project& project, const std::string& appid,
                                     const std::string& actor, Deadline deadline) override;

 private:
  // A recomputation and how far it is.
  struct Task;
  struct Portion;
  absl::StatusOr<bool> FindTask(const Project* project, Task& task, Deadline deadline);
  absl::StatusOr<Portion> ReadPortion(const Task& task, Deadline deadline);
  absl::Status RunPortion(const Task& task, const Portion& portion, Deadline deadline);

  postgres::Pool& pool_;
  const Clock& clock_;
  const Policy policy_;
  Metrics& metrics_;
};

}  // namespace datong::identity
