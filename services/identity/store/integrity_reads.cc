// Whole raw components, and what is known of their integrity.

#include <limits>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/postgres_policy_store.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr postgres::TransactOptions kReadOnly = {.read_only = true};
constexpr int64_t kMostNodesInPage = 20'000;

constexpr char kNextComponents[] = R"sql(
  SELECT component, count(*) FROM identity.nodes
  WHERE project_number = $1 AND component > $2
  GROUP BY component ORDER BY component LIMIT $3)sql";

constexpr char kReadMembers[] =
    "SELECT node, identifier, component, person, " DATONG_SQL_MICROS("first_observed") R"sql(
  FROM identity.nodes WHERE project_number = $1 AND component = ANY($2::bigint[]))sql";

constexpr char kReadRefusals[] =
    "SELECT node, array_to_string(ids, E'\\n'), reason, evidence_class, " DATONG_SQL_MICROS(
        "observed_at") R"sql(
  FROM identity.refusals
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND open AND NOT record_level)sql";

constexpr char kTakeRound[] = R"sql(
  INSERT INTO identity.checks AS held (project_number, taken_at)
  VALUES ($1, )sql" DATONG_SQL_TIME("$2::bigint") R"sql()
  ON CONFLICT (project_number) DO UPDATE SET taken_at = excluded.taken_at
    WHERE held.taken_at <= )sql" DATONG_SQL_TIME("$3::bigint") " RETURNING 1";

constexpr char kRecordRound[] = "UPDATE identity.checks SET began_at = " DATONG_SQL_TIME(
    "$2::bigint") ", ended_at = " DATONG_SQL_TIME("$3::bigint") R"sql(, component_count = $4, identifier_count = $5, difference_count = $6
  WHERE project_number = $1)sql";

constexpr char kReadIntegrity[] = "SELECT " DATONG_SQL_MICROS("began_at") ", " DATONG_SQL_MICROS(
    "ended_at") R"sql(, component_count, identifier_count, difference_count,
    (SELECT count(*) FROM identity.frozen_components WHERE project_number = $1),
    (SELECT count(*) FROM identity.incidents WHERE project_number = $1 AND closed_at IS NULL)
  FROM (SELECT 1) AS one LEFT JOIN identity.checks ON project_number = $1)sql";

constexpr char kListFrozen[] =
    "SELECT component, id_count, record_count, " DATONG_SQL_MICROS("frozen_at") R"sql(,
    coalesce((SELECT string_agg(id, E'\n') FROM (
      SELECT id FROM identity.nodes AS n
      JOIN identity.evidence AS e ON e.project_number = $1 AND e.node = n.node, unnest(e.ids) AS id
      WHERE n.project_number = $1 AND n.component = f.component
      GROUP BY id ORDER BY count(*) DESC, id LIMIT 10) AS busiest), '')
  FROM identity.frozen_components AS f
  WHERE project_number = $1 AND component > $2 ORDER BY component LIMIT $3)sql";

constexpr char kListIncidents[] =
    "SELECT incident, appid, reason, conflict_count, " DATONG_SQL_MICROS(
        "opened_at") ", " DATONG_SQL_MICROS("closed_at") R"sql(, closed_by,
    (SELECT count(*) FROM identity.parked_evidence AS p
     WHERE p.project_number = $1 AND p.waits_for = i.appid)
  FROM identity.incidents AS i
  WHERE project_number = $1 AND incident < $2 AND (closed_at IS NULL OR $3)
  ORDER BY incident DESC LIMIT $4)sql";

constexpr char kListFaulty[] = R"sql(
  SELECT DISTINCT ids[1] FROM identity.refusals
  WHERE project_number = $1 AND open AND record_level AND reason IN ('blocked_value', 'bad_format')
  ORDER BY 1)sql";

constexpr char kFindUses[] = R"sql(
  SELECT used.id, used.component, (SELECT count(*) FROM identity.nodes AS m
    WHERE m.project_number = $1 AND m.component = used.component)
  FROM (SELECT DISTINCT id, n.component
        FROM identity.evidence AS e
        JOIN identity.nodes AS n ON n.project_number = $1 AND n.node = e.node,
        unnest(e.ids) AS id
        WHERE e.project_number = $1 AND e.ids && $2::text[] AND id = ANY($2::text[])) AS used
  ORDER BY 1, 2)sql";

// `names` is a bigint array.
std::vector<GraphState> ReadComponents(pqxx::work& work, const Project& project,
                                       const std::string& names) {
  std::vector<GraphState> components;
  std::map<int64_t, size_t> place_of_component;
  std::map<int64_t, size_t> place_of_node;
  std::map<std::string, size_t> place_of_id;
  BigintArray nodes;
  for (const auto& row : work.exec_params(kReadMembers, project.number, names)) {
    const auto component = row[2].as<int64_t>();
    const auto [at, added] = place_of_component.try_emplace(component, components.size());
    if (added) components.emplace_back();
    const size_t place = at->second;
    StoredNode node{row[0].as<int64_t>(), row[1].as<std::string>(), component,
                    row[3].as<int64_t>(), TimeOf(row[4]),           false};
    nodes.Add(node.node);
    place_of_node[node.node] = place;
    place_of_id[node.identifier] = place;
    components[place].nodes.push_back(std::move(node));
  }
  const std::string members = nodes.Take();
  for (Evidence& record : ReadEvidence(work, project, members)) {
    for (const std::string& id : record.ids) {
      const auto place = place_of_id.find(id);
      if (place == place_of_id.end()) continue;
      components[place->second].evidence.push_back(std::move(record));
      break;
    }
  }
  for (const auto& row : work.exec_params(kReadRefusals, project.number, members)) {
    components[place_of_node.at(row[0].as<int64_t>())].open_refusals.push_back(
        {SplitIds(row[1].as<std::string>()), ReasonOf(row[2].as<std::string>()), row[3].as<int>(),
         TimeOf(row[4])});
  }
  for (Decision& decision : ReadDecisions(work, project, members)) {
    const auto place = place_of_id.find(decision.a);
    if (place == place_of_id.end()) continue;
    components[place->second].decisions.push_back(std::move(decision));
  }
  return components;
}

}  // namespace

absl::StatusOr<ComponentPage> PostgresPolicyStore::LoadComponents(const Project& project,
                                                                  int64_t after, int limit,
                                                                  Deadline deadline) {
  return pool_.Query<ComponentPage>(
      "load_components", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<ComponentPage> {
        ComponentPage page;
        page.last = after;
        BigintArray names;
        int64_t count = 0;
        int found = 0;
        for (const auto& row :
             work.exec_params(kNextComponents, project.number, after, limit + 1)) {
          count += row[1].as<int64_t>();
          const bool full = found == limit || (count > kMostNodesInPage && found > 0);
          if (full) {
            page.more = true;
            break;
          }
          page.last = row[0].as<int64_t>();
          names.Add(page.last);
          ++found;
        }
        page.components = ReadComponents(work, project, names.Take());
        return page;
      },
      {.read_only = true, .one_snapshot = true});
}

absl::StatusOr<std::vector<GraphState>> PostgresPolicyStore::LoadNamed(
    const Project& project, absl::Span<const int64_t> components, Deadline deadline) {
  BigintArray names;
  for (const int64_t component : components) names.Add(component);
  return pool_.Query<std::vector<GraphState>>(
      "load_named_components", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<GraphState>> {
        return ReadComponents(work, project, names.Take());
      },
      {.read_only = true, .one_snapshot = true});
}

absl::StatusOr<std::vector<std::string>> PostgresPolicyStore::ListFaulty(const Project& project,
                                                                         Deadline deadline) {
  return pool_.Query<std::vector<std::string>>(
      "list_faulty", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<std::string>> {
        std::vector<std::string> ids;
        for (const auto& row : work.exec_params(kListFaulty, project.number)) {
          ids.push_back(row[0].as<std::string>());
        }
        return ids;
      },
      kReadOnly);
}

absl::StatusOr<std::vector<FaultyUse>> PostgresPolicyStore::FindUses(
    const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) {
  TextArray ids;
  for (const std::string& id : identifiers) ids.Add(id);
  return pool_.Query<std::vector<FaultyUse>>(
      "find_faulty_uses", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<FaultyUse>> {
        std::vector<FaultyUse> uses;
        for (const auto& row : work.exec_params(kFindUses, project.number, ids.Take())) {
          uses.push_back({row[0].as<std::string>(), row[1].as<int64_t>(), row[2].as<int64_t>()});
        }
        return uses;
      },
      kReadOnly);
}

absl::StatusOr<bool> PostgresPolicyStore::TakeRound(const Project& project, absl::Duration interval,
                                                    Deadline deadline) {
  const absl::Time now = clock_.Now();
  return pool_.Query<bool>("take_round", deadline, [&](pqxx::work& work) -> absl::StatusOr<bool> {
    return !work.exec_params(kTakeRound, project.number, absl::ToUnixMicros(now),
                             absl::ToUnixMicros(now - interval))
                .empty();
  });
}

absl::Status PostgresPolicyStore::RecordRound(const Project& project, const IntegrityRound& round,
                                              Deadline deadline) {
  return pool_.Transact("record_round", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(kRecordRound, project.number, absl::ToUnixMicros(round.began),
                     absl::ToUnixMicros(round.ended), round.components, round.identifiers,
                     round.differences);
    return absl::OkStatus();
  });
}

absl::StatusOr<IntegrityView> PostgresPolicyStore::GetIntegrity(const Project& project,
                                                                Deadline deadline) {
  return pool_.Query<IntegrityView>(
      "get_integrity", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<IntegrityView> {
        const pqxx::row row = work.exec_params1(kReadIntegrity, project.number);
        IntegrityView view;
        view.frozen = row[5].as<int64_t>();
        view.open_incidents = row[6].as<int64_t>();
        if (row[1].is_null()) return view;
        view.any = true;
        view.last = {TimeOf(row[0]), TimeOf(row[1]), row[2].as<int64_t>(), row[3].as<int64_t>(),
                     row[4].as<int64_t>()};
        return view;
      },
      kReadOnly);
}

absl::StatusOr<PageOf<FrozenView>> PostgresPolicyStore::ListFrozen(const Project& project,
                                                                   const std::string& after,
                                                                   int limit, Deadline deadline) {
  int64_t last = std::numeric_limits<int64_t>::min();
  if (!after.empty() && !absl::SimpleAtoi(after, &last)) last = 0;
  return pool_.Query<PageOf<FrozenView>>(
      "list_frozen", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PageOf<FrozenView>> {
        PageOf<FrozenView> page;
        for (const auto& row : work.exec_params(kListFrozen, project.number, last, limit + 1)) {
          if (static_cast<int>(page.items.size()) == limit) {
            page.next_key = absl::StrCat(page.items.back().component);
            break;
          }
          page.items.push_back({row[0].as<int64_t>(), row[1].as<int64_t>(), row[2].as<int64_t>(),
                                TimeOf(row[3]), SplitIds(row[4].as<std::string>())});
        }
        return page;
      },
      kReadOnly);
}

absl::StatusOr<PageOf<IncidentView>> PostgresPolicyStore::ListIncidents(const Project& project,
                                                                        bool include_closed,
                                                                        const std::string& after,
                                                                        int limit,
                                                                        Deadline deadline) {
  int64_t last = std::numeric_limits<int64_t>::max();
  if (!after.empty() && !absl::SimpleAtoi(after, &last)) last = 0;
  return pool_.Query<PageOf<IncidentView>>(
      "list_incidents", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PageOf<IncidentView>> {
        PageOf<IncidentView> page;
        for (const auto& row :
             work.exec_params(kListIncidents, project.number, last, include_closed, limit + 1)) {
          if (static_cast<int>(page.items.size()) == limit) {
            page.next_key = absl::StrCat(page.items.back().incident);
            break;
          }
          IncidentView view;
          view.incident = row[0].as<int64_t>();
          view.appid = row[1].as<std::string>();
          view.reason = row[2].as<std::string>();
          view.conflicts = row[3].as<int64_t>();
          view.opened = TimeOf(row[4]);
          if (!row[5].is_null()) view.closed = TimeOf(row[5]);
          view.closed_by = row[6].as<std::string>();
          view.waiting = row[7].as<int64_t>();
          page.items.push_back(std::move(view));
        }
        return page;
      },
      kReadOnly);
}

}  // namespace datong::identity
