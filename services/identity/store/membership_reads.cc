// Memberships, bindings and identifiers in bulk.

#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/identifier/identifier.h"
#include "common/postgres/outbox.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr postgres::TransactOptions kSnapshot = {.read_only = true, .one_snapshot = true};

constexpr char kMemberships[] = R"sql(
  SELECT node, identifier, person FROM identity.nodes
  WHERE project_number = $1 AND node > $2 AND person > 0 ORDER BY node LIMIT $3)sql";

constexpr char kBindings[] = "SELECT account, " DATONG_SQL_MICROS("valid_from") R"sql(
  FROM identity.bindings WHERE project_number = $1 AND appid = $2 ORDER BY valid_from)sql";

constexpr char kIdentifiers[] = R"sql(
  SELECT identifier FROM identity.nodes
  WHERE project_number = $1 AND identifier ~>=~ $2 AND identifier ~<~ $3 AND identifier ~>~ $4
  ORDER BY identifier USING ~<~ LIMIT $5)sql";

constexpr char kMembersOf[] = R"sql(
  SELECT member.node, member.identifier, member.component FROM identity.nodes AS member
  WHERE member.project_number = $1 AND member.component IN (
    SELECT asked.component FROM identity.nodes AS asked
    WHERE asked.project_number = $1 AND asked.node = ANY($2::bigint[])))sql";

}  // namespace

absl::StatusOr<MembershipPage> PostgresGraphStore::ListMemberships(const Project& project,
                                                                   int64_t after, int limit,
                                                                   Deadline deadline) {
  return pool_.Query<MembershipPage>(
      "list_memberships", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<MembershipPage> {
        MembershipPage page;
        page.last = after;
        page.version = ReadVersion(work, project);
        page.cursor = MakeCursor(postgres::ReadDatabaseEpoch(work), page.version);
        for (const auto& row : work.exec_params(kMemberships, project.number, after, limit + 1)) {
          if (static_cast<int>(page.memberships.size()) == limit) {
            page.more = true;
            break;
          }
          page.last = row[0].as<int64_t>();
          page.memberships.push_back(
              {row[1].as<std::string>(), page.last, static_cast<uint32_t>(row[2].as<int64_t>())});
        }
        return page;
      },
      kSnapshot);
}

absl::StatusOr<std::vector<Binding>> PostgresGraphStore::ListBindings(const Project& project,
                                                                      const std::string& appid,
                                                                      Deadline deadline) {
  return pool_.Query<std::vector<Binding>>(
      "list_bindings", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<Binding>> {
        std::vector<Binding> bindings;
        for (const auto& row : work.exec_params(kBindings, project.number, appid)) {
          bindings.push_back({TimeOf(row[1]), row[0].as<std::string>()});
        }
        return bindings;
      },
      {.read_only = true});
}

absl::StatusOr<std::vector<std::string>> PostgresGraphStore::ListIdentifiers(
    const Project& project, const std::string& prefix, const std::string& after, int limit,
    Deadline deadline) {
  return pool_.Query<std::vector<std::string>>(
      "list_identifiers", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<std::string>> {
        std::vector<std::string> found;
        for (const auto& row : work.exec_params(kIdentifiers, project.number, prefix,
                                                prefix + "\U0010FFFF", after, limit)) {
          found.push_back(row[0].as<std::string>());
        }
        return found;
      },
      {.read_only = true});
}

absl::StatusOr<std::vector<RawComponent>> PostgresGraphStore::LoadRawComponents(
    const Project& project, absl::Span<const std::string> identifiers, std::vector<int>* places,
    Deadline deadline) {
  BigintArray asked;
  for (const std::string& id : identifiers) asked.Add(NodeOf(project.number, id));
  return pool_.Query<std::vector<RawComponent>>(
      "load_raw_components", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<RawComponent>> {
        std::vector<RawComponent> components;
        std::map<int64_t, int> place_of_component;
        absl::flat_hash_map<std::string, int> place_of_id;
        BigintArray nodes;
        for (const auto& row : work.exec_params(kMembersOf, project.number, asked.Take())) {
          const auto [at, added] = place_of_component.try_emplace(
              row[2].as<int64_t>(), static_cast<int>(components.size()));
          if (added) components.emplace_back();
          place_of_id[row[1].as<std::string>()] = at->second;
          nodes.Add(row[0].as<int64_t>());
        }
        const std::string members = nodes.Take();
        for (Evidence& record : ReadEvidence(work, project, members)) {
          for (const std::string& id : record.ids) {
            const auto place = place_of_id.find(id);
            if (place == place_of_id.end()) continue;
            components[static_cast<size_t>(place->second)].evidence.push_back(std::move(record));
            break;
          }
        }
        for (Decision& decision : ReadDecisions(work, project, members)) {
          const auto place = place_of_id.find(decision.a);
          if (place == place_of_id.end()) continue;
          components[static_cast<size_t>(place->second)].decisions.push_back(std::move(decision));
        }
        places->clear();
        for (const std::string& id : identifiers) {
          const auto place = place_of_id.find(id);
          places->push_back(place == place_of_id.end() ? -1 : place->second);
        }
        return components;
      },
      kSnapshot);
}

}  // namespace datong::identity
