#include "services/identity/store/postgres_relation_store.h"

#include <map>
#include <string>
#include <vector>

#include "common/identifier/identifier.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

// Of two records of one instant the one that ends the relation holds.
constexpr char kRecord[] = R"sql(
  INSERT INTO identity.relations AS held (project_number, node, identifier, kind, with_whom, state,
    since, recorded_at)
  VALUES ($1, $2, $3, $4, $5, $6, )sql" DATONG_SQL_TIME("$7::bigint") ", " DATONG_SQL_TIME(
    "$8::bigint") R"sql()
  ON CONFLICT (project_number, node, kind, with_whom) DO UPDATE
    SET state = excluded.state, since = excluded.since, recorded_at = excluded.recorded_at
    WHERE (held.since, held.state) < (excluded.since, excluded.state)
  RETURNING 1)sql";

constexpr char kList[] =
    "SELECT identifier, kind, with_whom, state, " DATONG_SQL_MICROS("since") R"sql(
  FROM identity.relations WHERE project_number = $1 AND node = ANY($2::bigint[])
  ORDER BY identifier, kind, with_whom LIMIT 1000)sql";

}  // namespace

absl::StatusOr<int> PostgresRelationStore::Record(const Project& project,
                                                  absl::Span<const Relation> relations,
                                                  Deadline deadline) {
  std::vector<std::string> identifiers;
  for (const Relation& relation : relations) identifiers.push_back(relation.identifier);
  return pool_.Query<int>(
      "record_relation", deadline, [&](pqxx::work& work) -> absl::StatusOr<int> {
        const std::map<std::string, absl::Time> erased = ReadErased(work, project, identifiers);
        int applied = 0;
        for (const Relation& relation : relations) {
          const auto gone = erased.find(relation.identifier);
          if (gone != erased.end() && relation.since <= gone->second) continue;
          const pqxx::result rows =
              work.exec_params(kRecord, project.number, NodeOf(project.number, relation.identifier),
                               relation.identifier, static_cast<int>(relation.kind), relation.with,
                               static_cast<int>(relation.state), absl::ToUnixMicros(relation.since),
                               absl::ToUnixMicros(clock_.Now()));
          if (!rows.empty()) ++applied;
        }
        return applied;
      });
}

absl::StatusOr<std::vector<Relation>> PostgresRelationStore::List(
    const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) {
  BigintArray nodes;
  for (const std::string& id : identifiers) nodes.Add(NodeOf(project.number, id));
  return pool_.Query<std::vector<Relation>>(
      "list_relations", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<Relation>> {
        std::vector<Relation> found;
        for (const auto& row : work.exec_params(kList, project.number, nodes.Take())) {
          found.push_back({row[0].as<std::string>(), static_cast<RelationKind>(row[1].as<int>()),
                           row[2].as<std::string>(), static_cast<RelationState>(row[3].as<int>()),
                           TimeOf(row[4])});
        }
        return found;
      },
      {.read_only = true});
}

}  // namespace datong::identity
