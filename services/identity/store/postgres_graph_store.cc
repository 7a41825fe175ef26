#include "services/identity/store/postgres_graph_store.h"

#include <map>
#include <utility>

#include "common/identifier/identifier.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/scoping.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr int kReleaseAtOnce = 500;

constexpr char kRegister[] = R"sql(
  INSERT INTO identity.projects (project, project_number) VALUES ($1, $2)
  ON CONFLICT DO NOTHING)sql";

constexpr char kLockProject[] =
    "SELECT 1 FROM identity.projects WHERE project_number = $1 FOR UPDATE";

constexpr char kLastBinding[] =
    "SELECT account, " DATONG_SQL_MICROS("valid_from") R"sql( FROM identity.bindings
  WHERE project_number = $1 AND appid = $2 ORDER BY valid_from DESC LIMIT 1)sql";

constexpr char kBind[] = R"sql(
  INSERT INTO identity.bindings (project_number, appid, valid_from, account)
  VALUES ($1, $2, )sql" DATONG_SQL_TIME("$3::bigint") R"sql(, $4)
  ON CONFLICT (project_number, appid, valid_from) DO UPDATE SET account = excluded.account)sql";

constexpr char kAskRescoping[] = R"sql(
  INSERT INTO identity.recomputations (project_number, reason, appid, stage, asked_at)
  VALUES ($1, 2, $2, 2, )sql" DATONG_SQL_TIME("$3::bigint") ")";

constexpr char kTakeParked[] = R"sql(
  DELETE FROM identity.parked_evidence AS gone
  WHERE gone.project_number = $1 AND gone.waits_for = $2
    AND (gone.node, gone.evidence_id) IN (
      SELECT p.node, p.evidence_id FROM identity.parked_evidence AS p
      WHERE p.project_number = $1 AND p.waits_for = $2
        AND NOT EXISTS (SELECT 1 FROM identity.incidents AS i
                        WHERE i.project_number = $1 AND i.appid = $2 AND i.closed_at IS NULL)
        AND ((SELECT account FROM identity.bindings AS b
              WHERE b.project_number = $1 AND b.appid = $2 AND b.valid_from <= p.observed_at
              ORDER BY b.valid_from DESC LIMIT 1) <> ''
             OR array_to_string(p.ids, ' ') NOT LIKE '%unionid:@%')
      ORDER BY p.node LIMIT $3 FOR UPDATE SKIP LOCKED)
  RETURNING )sql";

}  // namespace

absl::Status PostgresGraphStore::RegisterProject(const Project& project, Deadline deadline) {
  return pool_.Transact("register_project", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(kRegister, project.name, project.number);
    const pqxx::result held = work.exec_params(
        "SELECT project_number FROM identity.projects WHERE project = $1", project.name);
    if (held.empty() || held[0][0].as<int32_t>() != project.number) {
      return ProjectNumberTaken(project.name, project.number);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<Project> PostgresGraphStore::FindProject(const std::string& name,
                                                        Deadline deadline) {
  {
    MutexLock lock(&mutex_);
    const auto known = projects_.find(name);
    if (known != projects_.end()) return known->second;
  }
  const absl::StatusOr<Project> found = pool_.Query<Project>(
      "find_project", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Project> {
        const pqxx::result rows = work.exec_params(
            "SELECT project_number FROM identity.projects WHERE project = $1", name);
        if (rows.empty()) return ProjectUnknown(name);
        return Project{name, rows[0][0].as<int32_t>()};
      },
      {.read_only = true});
  if (found.ok()) {
    MutexLock lock(&mutex_);
    projects_[name] = *found;
  }
  return found;
}

absl::StatusOr<LinkOutcome> PostgresGraphStore::Link(const Project& project,
                                                     absl::Span<const Evidence> records,
                                                     Deadline deadline) {
  for (;;) {
    std::optional<GraphWriter> writer;
    const absl::StatusOr<LinkOutcome> outcome = pool_.Query<LinkOutcome>(
        "link", deadline,
        [&](pqxx::work& work) -> absl::StatusOr<LinkOutcome> {
          return writer.emplace(work, project, policy_, clock_.Now()).Link(records);
        },
        {.retry_conflicts = true});
    if (absl::IsAborted(outcome.status()) && !deadline.Passed()) continue;
    if (!outcome.ok()) return outcome.status();
    metrics_.Linked(writer->plan());
    for (const Refusal& refusal : writer->record_refusals()) metrics_.Refused(refusal.reason);
    metrics_.IncidentsOpened(writer->opened_incidents());
    return outcome;
  }
}

absl::Status PostgresGraphStore::BindApp(const Project& project, const std::string& appid,
                                         const std::string& account, std::optional<absl::Time> from,
                                         Deadline deadline) {
  return pool_.Transact("bind_app", deadline, [&](pqxx::work& work) -> absl::Status {
    // Under this lock no writer can park a record without seeing the binding.
    work.exec_params1(kLockProject, project.number);
    const pqxx::result last = work.exec_params(kLastBinding, project.number, appid);
    if (last.empty() && account.empty()) return absl::OkStatus();
    absl::Time valid_from = absl::UnixEpoch();
    if (from.has_value()) {
      valid_from = *from;
    } else if (!last.empty()) {
      valid_from = clock_.Now();
    }
    if (!last.empty() && last[0][0].as<std::string>() == account &&
        (!from.has_value() || TimeOf(last[0][1]) <= valid_from)) {
      return absl::OkStatus();
    }
    work.exec_params(kBind, project.number, appid, absl::ToUnixMicros(valid_from), account);
    // What is stored already may belong to another account now.
    if (!last.empty() && valid_from < clock_.Now()) {
      work.exec_params(kAskRescoping, project.number, appid, absl::ToUnixMicros(clock_.Now()));
    }
    work.exec_params(
        "UPDATE identity.projects SET rules_version = rules_version + 1 WHERE project_number = $1",
        project.number);
    return absl::OkStatus();
  });
}

absl::StatusOr<int> PostgresGraphStore::ReleaseParked(const Project& project,
                                                      const std::string& appid, Deadline deadline) {
  for (;;) {
    std::optional<GraphWriter> writer;
    const absl::StatusOr<int> released = pool_.Query<int>(
        "release_parked", deadline,
        [&](pqxx::work& work) -> absl::StatusOr<int> {
          std::vector<Evidence> records;
          BigintArray refused;
          for (const auto& row : work.exec_params(std::string(kTakeParked) + kEvidenceColumns,
                                                  project.number, appid, kReleaseAtOnce)) {
            records.push_back(EvidenceOf(row, 0));
            for (const std::string& id : records.back().ids) {
              refused.Add(NodeOf(project.number, id));
            }
          }
          if (records.empty()) return 0;
          const absl::StatusOr<LinkOutcome> outcome =
              writer.emplace(work, project, policy_, clock_.Now()).Link(records);
          if (!outcome.ok()) return outcome.status();
          writer->CloseWaiting(refused.Take(), appid);
          return static_cast<int>(records.size());
        },
        {.retry_conflicts = true});
    if (absl::IsAborted(released.status()) && !deadline.Passed()) continue;
    if (released.ok() && writer.has_value()) metrics_.Linked(writer->plan());
    return released;
  }
}

}  // namespace datong::identity
