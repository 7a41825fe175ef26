#include "services/identity/store/postgres_decision_store.h"

#include <optional>
#include <utility>

#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/identifier/identifier.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr char kListDecisions[] =
    "SELECT kind, a, b, " DATONG_SQL_MICROS("decided_for") R"sql(, actor, reason
  FROM identity.decisions WHERE project_number = $1 AND (a = ANY($2::text[]) OR b = ANY($2::text[]))
  ORDER BY decided_at DESC, decision_id LIMIT 1000)sql";

constexpr char kMarkRetired[] = "UPDATE identity.nodes SET retired_at = " DATONG_SQL_TIME(
    "$3::bigint") " WHERE project_number = $1 AND node = ANY($2::bigint[])";

constexpr char kForgetAttributes[] = R"sql(
  DELETE FROM identity.attributes
  WHERE project_number = $1 AND node = $2 AND name = ANY($3::text[]) AND valid_from <= )sql" DATONG_SQL_TIME(
    "$4::bigint");

constexpr char kRequest[] = R"sql(
  INSERT INTO identity.erasures (project_number, ids, whole_person, erased_at, due_at, basis, actor)
  VALUES ($1, $2::text[], $3, )sql" DATONG_SQL_TIME("$4::bigint") ", " DATONG_SQL_TIME(
    "$5::bigint") ", $6, $7) RETURNING erasure";

constexpr char kTakeErasure[] =
    "SELECT e.project_number, p.project, e.erasure, array_to_string(e.ids, E'\\n'), "
    "e.whole_person, " DATONG_SQL_MICROS("e.erased_at") R"sql(
  FROM identity.erasures AS e JOIN identity.projects AS p USING (project_number)
  WHERE e.done_at IS NULL AND e.due_at <= )sql" DATONG_SQL_TIME("$1::bigint") R"sql(
  ORDER BY e.due_at LIMIT 1 FOR UPDATE OF e SKIP LOCKED)sql";

constexpr char kEndErasure[] = R"sql(
  UPDATE identity.erasures SET ids = '{}', identifier_count = $3, done_at = )sql" DATONG_SQL_TIME(
    "$4::bigint") " WHERE project_number = $1 AND erasure = $2";

constexpr char kRenew[] = R"sql(
  UPDATE identity.tombstones AS t
  SET renewed_at = least(coalesce(renewed_at, 'infinity'), )sql" DATONG_SQL_TIME(
    "$3::bigint") R"sql()
  WHERE project_number = $1 AND erased_at < )sql" DATONG_SQL_TIME("$3::bigint") R"sql(
    AND tombstone IN (SELECT decode(x, 'hex') FROM unnest($2::text[]) AS x))sql";

}  // namespace

absl::StatusOr<LinkOutcome> PostgresDecisionStore::Decide(const Project& project,
                                                          absl::Span<const Decision> decisions,
                                                          absl::Span<const Evidence> records,
                                                          Deadline deadline) {
  for (;;) {
    std::optional<GraphWriter> writer;
    const absl::StatusOr<LinkOutcome> outcome = pool_.Query<LinkOutcome>(
        "decide", deadline,
        [&](pqxx::work& work) -> absl::StatusOr<LinkOutcome> {
          return writer.emplace(work, project, policy_, clock_.Now()).Apply(records, decisions);
        },
        {.retry_conflicts = true});
    if (absl::IsAborted(outcome.status()) && !deadline.Passed()) continue;
    if (outcome.ok()) metrics_.Linked(writer->plan());
    return outcome;
  }
}

absl::StatusOr<std::vector<Decision>> PostgresDecisionStore::ListDecisions(
    const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) {
  TextArray ids;
  for (const std::string& id : identifiers) ids.Add(id);
  return pool_.Query<std::vector<Decision>>(
      "list_decisions", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<Decision>> {
        std::vector<Decision> found;
        for (const auto& row : work.exec_params(kListDecisions, project.number, ids.Take())) {
          found.push_back({static_cast<DecisionKind>(row[0].as<int>()), row[1].as<std::string>(),
                           row[2].as<std::string>(), TimeOf(row[3]), row[4].as<std::string>(),
                           row[5].as<std::string>()});
        }
        return found;
      },
      {.read_only = true});
}

absl::Status PostgresDecisionStore::MarkRetired(const Project& project,
                                                absl::Span<const std::string> ids, absl::Time at,
                                                Deadline deadline) {
  BigintArray nodes;
  for (const std::string& id : ids) nodes.Add(NodeOf(project.number, id));
  return pool_.Transact("mark_retired", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(kMarkRetired, project.number, nodes.Take(), absl::ToUnixMicros(at));
    return absl::OkStatus();
  });
}

absl::Status PostgresDecisionStore::ForgetAttributes(const Project& project,
                                                     const std::string& identifier,
                                                     absl::Span<const std::string> names,
                                                     absl::Time at, Deadline deadline) {
  TextArray forgotten;
  for (const std::string& name : names) forgotten.Add(name);
  return pool_.Transact("forget_attributes", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(kForgetAttributes, project.number, NodeOf(project.number, identifier),
                     forgotten.Take(), absl::ToUnixMicros(at));
    return absl::OkStatus();
  });
}

absl::StatusOr<int64_t> PostgresDecisionStore::RequestErasure(const Project& project,
                                                              const Erasure& erasure,
                                                              Deadline deadline) {
  TextArray ids;
  for (const std::string& id : erasure.ids) ids.Add(id);
  return pool_.Query<int64_t>(
      "request_erasure", deadline, [&](pqxx::work& work) -> absl::StatusOr<int64_t> {
        return work
            .exec_params1(kRequest, project.number, ids.Take(), erasure.whole_person,
                          absl::ToUnixMicros(erasure.erased), absl::ToUnixMicros(erasure.due),
                          erasure.basis, erasure.actor)[0]
            .as<int64_t>();
      });
}

absl::StatusOr<bool> PostgresDecisionStore::RunErasure(Deadline deadline) {
  for (;;) {
    const absl::StatusOr<bool> done = pool_.Query<bool>(
        "run_erasure", deadline,
        [&](pqxx::work& work) -> absl::StatusOr<bool> {
          const absl::Time now = clock_.Now();
          const pqxx::result due = work.exec_params(kTakeErasure, absl::ToUnixMicros(now));
          if (due.empty()) return false;
          const pqxx::row& row = due[0];
          const Project project{row[1].as<std::string>(), row[0].as<int32_t>()};
          const absl::StatusOr<int> count =
              GraphWriter(work, project, policy_, now)
                  .Erase(SplitIds(row[3].as<std::string>()), row[4].as<bool>(), TimeOf(row[5]));
          if (!count.ok()) return count.status();
          work.exec_params(kEndErasure, project.number, row[2].as<int64_t>(), *count,
                           absl::ToUnixMicros(now));
          return true;
        },
        {.retry_conflicts = true});
    if (absl::IsAborted(done.status()) && !deadline.Passed()) continue;
    return done;
  }
}

absl::Status PostgresDecisionStore::RenewConsent(const Project& project,
                                                 absl::Span<const std::string> ids, absl::Time at,
                                                 Deadline deadline) {
  return pool_.Transact("renew_consent", deadline, [&](pqxx::work& work) -> absl::Status {
    const pqxx::row row = work.exec_params1(
        "SELECT coalesce(encode(erase_key, 'hex'), '') FROM identity.projects "
        "WHERE project_number = $1",
        project.number);
    const Secret key(row[0].as<std::string>());
    if (key.Expose().empty()) return absl::OkStatus();
    TextArray buried;
    for (const std::string& id : ids) buried.Add(BytesToHex(crypto::HmacSha256(key, id)));
    work.exec_params(kRenew, project.number, buried.Take(), absl::ToUnixMicros(at));
    return absl::OkStatus();
  });
}

}  // namespace datong::identity
