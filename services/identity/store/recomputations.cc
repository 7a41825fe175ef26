// What is worked out anew in the background after a change of a policy or a binding: portion by
// portion, so that any replica may go on where another one stopped.

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/postgres_policy_store.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

// So that a portion ends within the cap on writing transactions.
constexpr int64_t kComponentsAtOnce = 200;
constexpr int64_t kNodesAtOnce = 1000;
constexpr int kRecordsAtOnce = 300;

constexpr int kPolicyReason = 1;
constexpr int kComponentStage = 1;
constexpr int kEvidenceStage = 2;

constexpr char kFindTask[] = R"sql(
  SELECT r.project_number, p.project, r.recomputation, r.reason, r.appid, r.stage, r.after_node,
    encode(r.after_evidence, 'hex')
  FROM identity.recomputations AS r JOIN identity.projects AS p USING (project_number)
  WHERE r.done_at IS NULL AND ($1 = 0 OR r.project_number = $1)
  ORDER BY r.asked_at, r.recomputation LIMIT 1)sql";

// Only where the portion was read from: another replica may have done it meanwhile.
constexpr char kTakeTask[] = R"sql(
  SELECT 1 FROM identity.recomputations
  WHERE project_number = $1 AND recomputation = $2 AND stage = $3 AND after_node = $4
    AND after_evidence = decode($5, 'hex') AND done_at IS NULL FOR UPDATE)sql";

constexpr char kMoveTask[] = R"sql(
  UPDATE identity.recomputations SET stage = $3, after_node = $4,
    after_evidence = decode($5, 'hex'), done_at = CASE WHEN $6::boolean THEN )sql" DATONG_SQL_TIME(
    "$7::bigint") R"sql( END
  WHERE project_number = $1 AND recomputation = $2)sql";

constexpr char kNextComponents[] = R"sql(
  SELECT component, count(*) FROM identity.nodes
  WHERE project_number = $1 AND component > $2
  GROUP BY component ORDER BY component LIMIT $3)sql";

// Of a policy, evidence of which nothing counted; of a binding, what a binding of the app scoped.
constexpr char kNextEvidence[] = R"sql(
  SELECT node, encode(evidence_id, 'hex'), coalesce(array_to_string(unscoped_ids, E'\n'), ''), )sql";
constexpr char kWhereUnplaced[] = R"sql(
  FROM identity.evidence AS e
  WHERE project_number = $1 AND (node, evidence_id) > ($2, decode($3, 'hex')) AND $5 = ''
    AND NOT EXISTS (SELECT 1 FROM identity.nodes AS n
                    WHERE n.project_number = $1 AND n.node = e.node)
  ORDER BY node, evidence_id LIMIT $4)sql";
constexpr char kWhereScoped[] = R"sql(
  FROM identity.evidence AS e
  WHERE project_number = $1 AND (node, evidence_id) > ($2, decode($3, 'hex'))
    AND unscoped_ids IS NOT NULL
    AND EXISTS (SELECT 1 FROM unnest(unscoped_ids) AS id WHERE left(id, length($5)) = $5)
  ORDER BY node, evidence_id LIMIT $4)sql";

}  // namespace

struct PostgresPolicyStore::Task {
  Project project;
  int64_t id = 0;
  int reason = 0;
  std::string appid;
  int stage = kComponentStage;
  int64_t after_node = 0;
  std::string after_evidence;
};

struct PostgresPolicyStore::Portion {
  std::string components;
  std::vector<GraphWriter::Rescoped> records;
  int64_t last_node = 0;
  std::string last_evidence;
  bool last = false;  // nothing comes behind it
};

absl::StatusOr<bool> PostgresPolicyStore::FindTask(const Project* project, Task& task,
                                                   Deadline deadline) {
  return pool_.Query<bool>("find_recomputation", deadline,
                           [&](pqxx::work& work) -> absl::StatusOr<bool> {
                             const pqxx::result rows = work.exec_params(
                                 kFindTask, project == nullptr ? 0 : project->number);
                             if (rows.empty()) return false;
                             const pqxx::row& row = rows[0];
                             task.project = {row[1].as<std::string>(), row[0].as<int32_t>()};
                             task.id = row[2].as<int64_t>();
                             task.reason = row[3].as<int>();
                             task.appid = row[4].as<std::string>();
                             task.stage = row[5].as<int>();
                             task.after_node = row[6].as<int64_t>();
                             task.after_evidence = row[7].as<std::string>();
                             return true;
                           },
                           {.read_only = true});
}

absl::StatusOr<PostgresPolicyStore::Portion> PostgresPolicyStore::ReadPortion(const Task& task,
                                                                              Deadline deadline) {
  return pool_.Query<Portion>(
      "read_recomputation", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Portion> {
        Portion portion;
        portion.last_node = task.after_node;
        if (task.stage == kComponentStage) {
          BigintArray components;
          int64_t nodes = 0;
          const pqxx::result rows = work.exec_params(kNextComponents, task.project.number,
                                                     task.after_node, kComponentsAtOnce);
          portion.last = static_cast<int64_t>(rows.size()) < kComponentsAtOnce;
          for (const auto& row : rows) {
            nodes += row[1].as<int64_t>();
            if (nodes > kNodesAtOnce && portion.last_node != task.after_node) {
              portion.last = false;
              break;
            }
            portion.last_node = row[0].as<int64_t>();
            components.Add(portion.last_node);
          }
          portion.components = components.Take();
          return portion;
        }
        const bool policy = task.reason == kPolicyReason;
        const std::string prefix = policy ? "" : absl::StrCat("unionid:@", task.appid, ":");
        const pqxx::result rows = work.exec_params(
            absl::StrCat(kNextEvidence, kEvidenceColumns, policy ? kWhereUnplaced : kWhereScoped),
            task.project.number, task.after_node, task.after_evidence, kRecordsAtOnce, prefix);
        for (const auto& row : rows) {
          portion.last_node = row[0].as<int64_t>();
          portion.last_evidence = row[1].as<std::string>();
          GraphWriter::Rescoped record{EvidenceOf(row, 3), EvidenceOf(row, 3), portion.last_node,
                                       portion.last_evidence};
          const std::vector<std::string> unscoped = SplitIds(row[2].as<std::string>());
          if (!unscoped.empty()) record.original.ids = unscoped;
          portion.records.push_back(std::move(record));
        }
        portion.last = static_cast<int>(rows.size()) < kRecordsAtOnce;
        return portion;
      },
      {.read_only = true});
}

absl::Status PostgresPolicyStore::RunPortion(const Task& task, const Portion& portion,
                                             Deadline deadline) {
  for (;;) {
    std::optional<GraphWriter> writer;
    const absl::Status done = pool_.Transact(
        "run_recomputation", deadline,
        [&](pqxx::work& work) -> absl::Status {
          if (work.exec_params(kTakeTask, task.project.number, task.id, task.stage, task.after_node,
                               task.after_evidence)
                  .empty()) {
            return absl::OkStatus();
          }
          writer.emplace(work, task.project, policy_, clock_.Now());
          absl::Status worked = absl::OkStatus();
          if (task.stage == kComponentStage) {
            worked = writer->Recompute(portion.components);
          } else if (!portion.records.empty()) {
            worked = writer->Rescope(portion.records, task.reason == kPolicyReason).status();
          }
          if (!worked.ok()) return worked;
          const bool next_stage = portion.last && task.stage == kComponentStage;
          work.exec_params(kMoveTask, task.project.number, task.id,
                           next_stage ? kEvidenceStage : task.stage,
                           next_stage ? std::numeric_limits<int64_t>::min() : portion.last_node,
                           next_stage ? "" : portion.last_evidence, portion.last && !next_stage,
                           absl::ToUnixMicros(clock_.Now()));
          return absl::OkStatus();
        },
        {.retry_conflicts = true});
    if (absl::IsAborted(done) && !deadline.Passed()) continue;
    if (done.ok() && writer.has_value()) metrics_.Linked(writer->plan());
    return done;
  }
}

absl::StatusOr<bool> PostgresPolicyStore::RunRecomputation(const Project* project,
                                                           Deadline deadline) {
  Task task;
  const absl::StatusOr<bool> any = FindTask(project, task, deadline);
  if (!any.ok() || !*any) return any;
  const absl::StatusOr<Portion> portion = ReadPortion(task, deadline);
  if (!portion.ok()) return portion.status();
  const absl::Status done = RunPortion(task, *portion, deadline);
  if (!done.ok()) return done;
  return true;
}

}  // namespace datong::identity
