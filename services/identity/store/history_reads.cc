// Who was who: answered from the feed of changes.

#include <algorithm>
#include <limits>
#include <map>

#include "common/identifier/identifier.h"
#include "services/identity/core/errors.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr char kHistory[] = "SELECT version, person, " DATONG_SQL_MICROS("changed_at") R"sql(
  FROM identity.changes WHERE project_number = $1 AND node = $2 AND identifier = $3
  ORDER BY version DESC LIMIT 1000)sql";

// Whoever was one person with the identifier is in its raw component still: those never part.
constexpr char kWhoWas[] = R"sql(
  WITH latest AS (
    SELECT DISTINCT ON (c.node) c.node, c.identifier, c.person
    FROM identity.nodes AS asked
    JOIN identity.nodes AS n ON n.project_number = $1 AND n.component = asked.component
    JOIN identity.changes AS c ON c.project_number = $1 AND c.node = n.node
    WHERE asked.project_number = $1 AND asked.node = $2 AND asked.identifier = $3
      AND c.version <= $4 AND c.changed_at <= )sql" DATONG_SQL_TIME("$5::bigint") R"sql(
    ORDER BY c.node, c.version DESC)
  SELECT l.identifier, l.person FROM latest AS l
  JOIN latest AS asked ON asked.node = $2 AND asked.person = l.person
  WHERE l.person > 0 ORDER BY l.identifier)sql";

constexpr char kFindPersonsAt[] = R"sql(
  SELECT DISTINCT ON (node) identifier, person FROM identity.changes
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND version <= $3 AND changed_at <= )sql" DATONG_SQL_TIME(
    "$4::bigint") " ORDER BY node, version DESC";

constexpr int64_t kAllVersions = std::numeric_limits<int64_t>::max();
const absl::Time kAllTimes = absl::FromUnixSeconds(1LL << 34);

}  // namespace

absl::StatusOr<std::vector<uint32_t>> PostgresGraphStore::FindPersonsAt(
    const Project& project, absl::Span<const std::string> identifiers,
    std::optional<int64_t> version, std::optional<absl::Time> at, Deadline deadline) {
  BigintArray nodes;
  for (const std::string& id : identifiers) nodes.Add(NodeOf(project.number, id));
  return pool_.Query<std::vector<uint32_t>>(
      "find_persons_at", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<uint32_t>> {
        if (version.value_or(0) > ReadVersion(work, project) || version.value_or(0) < 0) {
          return ResolveInvalid("The graph has no such version yet");
        }
        std::map<std::string, uint32_t> persons;
        for (const auto& row : work.exec_params(
                 kFindPersonsAt, project.number, nodes.Take(), version.value_or(kAllVersions),
                 absl::ToUnixMicros(std::min(at.value_or(kAllTimes), kAllTimes)))) {
          persons[row[0].as<std::string>()] = static_cast<uint32_t>(row[1].as<int64_t>());
        }
        std::vector<uint32_t> found;
        for (const std::string& id : identifiers) {
          const auto person = persons.find(id);
          found.push_back(person == persons.end() ? 0 : person->second);
        }
        return found;
      },
      {.read_only = true});
}

absl::StatusOr<std::vector<HistorySpan>> PostgresGraphStore::History(const Project& project,
                                                                     const std::string& identifier,
                                                                     Deadline deadline) {
  return pool_.Query<std::vector<HistorySpan>>(
      "history", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<HistorySpan>> {
        std::vector<HistorySpan> spans;
        absl::Time until = absl::InfiniteFuture();
        for (const auto& row : work.exec_params(kHistory, project.number,
                                                NodeOf(project.number, identifier), identifier)) {
          const absl::Time from = TimeOf(row[2]);
          spans.push_back(
              {static_cast<uint32_t>(row[1].as<int64_t>()), from, until, row[0].as<int64_t>()});
          until = from;
        }
        return spans;
      },
      {.read_only = true});
}

absl::StatusOr<PastPerson> PostgresGraphStore::WhoWas(const Project& project,
                                                      const std::string& identifier,
                                                      std::optional<int64_t> version,
                                                      std::optional<absl::Time> at,
                                                      Deadline deadline) {
  return pool_.Query<PastPerson>(
      "who_was", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PastPerson> {
        PastPerson past;
        for (const auto& row :
             work.exec_params(kWhoWas, project.number, NodeOf(project.number, identifier),
                              identifier, version.value_or(kAllVersions),
                              absl::ToUnixMicros(std::min(at.value_or(kAllTimes), kAllTimes)))) {
          past.identifiers.push_back(row[0].as<std::string>());
          past.index = static_cast<uint32_t>(row[1].as<int64_t>());
        }
        return past;
      },
      {.read_only = true});
}

}  // namespace datong::identity
