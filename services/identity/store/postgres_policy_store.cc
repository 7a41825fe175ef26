#include "services/identity/store/postgres_policy_store.h"

#include "services/identity/store/graph_sql.h"
#include "services/identity/store/policy_sql.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr postgres::TransactOptions kReadOnly = {.read_only = true};

constexpr char kLockProject[] =
    "SELECT 1 FROM identity.projects WHERE project_number = $1 FOR UPDATE";

constexpr char kAskRecomputation[] = R"sql(
  INSERT INTO identity.recomputations (project_number, reason, appid, asked_at)
  VALUES ($1, 1, '', )sql" DATONG_SQL_TIME("$2::bigint") ")";

constexpr char kIsOpen[] = R"sql(
  SELECT EXISTS (SELECT 1 FROM identity.recomputations
                 WHERE project_number = $1 AND appid = $2 AND done_at IS NULL))sql";

constexpr char kCloseIncidents[] =
    "UPDATE identity.incidents SET closed_by = $3, closed_at = " DATONG_SQL_TIME(
        "$4::bigint") R"sql(
  WHERE project_number = $1 AND appid = $2 AND closed_at IS NULL RETURNING incident)sql";

}  // namespace

absl::StatusOr<ProjectPolicy> PostgresPolicyStore::GetPolicy(const Project& project,
                                                             Deadline deadline) {
  return pool_.Query<ProjectPolicy>(
      "get_policy", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<ProjectPolicy> {
        return ReadProjectRules(work, project, policy_).policy;
      },
      kReadOnly);
}

absl::StatusOr<ProjectPolicy> PostgresPolicyStore::SetPolicy(const Project& project,
                                                             const Policy& policy,
                                                             const std::string& actor,
                                                             Deadline deadline) {
  return pool_.Query<ProjectPolicy>(
      "set_policy", deadline, [&](pqxx::work& work) -> absl::StatusOr<ProjectPolicy> {
        // Under this lock no batch commits that was worked out by the former policy.
        work.exec_params1(kLockProject, project.number);
        ProjectPolicy chosen = ReadProjectRules(work, project, policy_).policy;
        if (chosen.policy == policy) return chosen;
        chosen.policy = policy;
        ++chosen.version;
        chosen.actor = actor;
        chosen.set_at = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));
        chosen.recomputing = true;
        WritePolicy(work, project, chosen);
        work.exec_params(kAskRecomputation, project.number, absl::ToUnixMicros(clock_.Now()));
        return chosen;
      });
}

absl::StatusOr<bool> PostgresPolicyStore::IsRecomputing(const Project& project,
                                                        const std::string& appid,
                                                        Deadline deadline) {
  return pool_.Query<bool>(
      "is_recomputing", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<bool> {
        return work.exec_params1(kIsOpen, project.number, appid)[0].as<bool>();
      },
      kReadOnly);
}

absl::StatusOr<std::vector<Project>> PostgresPolicyStore::ListProjects(Deadline deadline) {
  return pool_.Query<std::vector<Project>>(
      "list_projects", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<Project>> {
        std::vector<Project> projects;
        for (const auto& row : work.exec(
                 "SELECT project, project_number FROM identity.projects ORDER BY project_number")) {
          projects.push_back({row[0].as<std::string>(), row[1].as<int32_t>()});
        }
        return projects;
      },
      kReadOnly);
}

absl::StatusOr<int> PostgresPolicyStore::CloseIncidents(const Project& project,
                                                        const std::string& appid,
                                                        const std::string& actor,
                                                        Deadline deadline) {
  return pool_.Query<int>(
      "close_incidents", deadline, [&](pqxx::work& work) -> absl::StatusOr<int> {
        // A batch that parks its records because of the incident commits before this or is done
        // again.
        work.exec_params1(
            "UPDATE identity.projects SET rules_version = rules_version + 1 "
            "WHERE project_number = $1 RETURNING 1",
            project.number);
        const auto closed = work.exec_params(kCloseIncidents, project.number, appid, actor,
                                             absl::ToUnixMicros(clock_.Now()));
        // The day begins anew.
        work.exec_params(
            "DELETE FROM identity.conflict_counts WHERE project_number = $1 AND appid = $2",
            project.number, appid);
        return static_cast<int>(closed.size());
      });
}

}  // namespace datong::identity
