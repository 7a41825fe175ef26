// The questions that the graph answers.

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/identifier/identifier.h"
#include "common/postgres/outbox.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr postgres::TransactOptions kReadOnly = {.read_only = true};

// What is asked for, and what changed since a version ($3), up to $4 changes. One statement, so
// that all rows and the version are of one snapshot.
constexpr char kFindPersons[] = R"sql(
  SELECT p.version, t.node, t.identifier, t.person, t.kind
  FROM identity.projects AS p
  LEFT JOIN (
    SELECT node, identifier, person, 0 AS kind, 0 AS place FROM identity.nodes
    WHERE project_number = $1 AND node = ANY($2::bigint[])
    UNION ALL
    (SELECT node, '', person, kind, version FROM identity.changes
     WHERE project_number = $1 AND version > $3 ORDER BY version LIMIT $4)) AS t ON true
  WHERE p.project_number = $1
  ORDER BY t.place)sql";
constexpr int64_t kMostChanges = 5000;

constexpr char kLoadPersons[] = "SELECT p.person, " DATONG_SQL_MICROS(
    "p.created_at") ", n.identifier, n.node, " DATONG_SQL_MICROS("n.first_observed") ", " DATONG_SQL_MICROS("n.retired_at") R"sql(
  FROM (SELECT DISTINCT CASE WHEN merged_into > 0 THEN merged_into ELSE person END AS person
        FROM identity.persons WHERE project_number = $1 AND person = ANY($2::bigint[])) AS wanted
  JOIN identity.persons AS p ON p.project_number = $1 AND p.person = wanted.person
  JOIN identity.nodes AS n ON n.project_number = $1 AND n.person = wanted.person AND n.person > 0
  ORDER BY p.person)sql";

constexpr char kListPersons[] = R"sql(
  SELECT person FROM identity.persons
  WHERE project_number = $1 AND person > $2 AND merged_into = 0 AND NOT emptied
  ORDER BY person LIMIT $3)sql";

constexpr char kListPersonsByPrefix[] = R"sql(
  SELECT DISTINCT person FROM identity.nodes
  WHERE project_number = $1 AND person > $2 AND person > 0
    AND identifier ~>=~ $4 AND identifier ~<~ $5
    AND identifier ~>=~ $6 AND identifier ~<~ $7
  ORDER BY person LIMIT $3)sql";

constexpr char kRefusalColumns[] =
    "array_to_string(ids, E'\\n'), reason, evidence_class, " DATONG_SQL_MICROS(
        "observed_at") ", " DATONG_SQL_MICROS("first_seen") ", " DATONG_SQL_MICROS("last_seen") R"sql(,
    seen_count, open, node, encode(refusal_id, 'hex'), number )sql";

constexpr char kChanges[] =
    "SELECT version, kind, identifier, node, person, previous_person, " DATONG_SQL_MICROS(
        "changed_at") R"sql(,
    coalesce(refusal, 0), coalesce(array_to_string(refused_ids, E'\n'), ''), coalesce(reason, '')
  FROM identity.changes WHERE project_number = $1 AND version > $2 ORDER BY version LIMIT $3)sql";

// The smallest text behind all that start with the prefix, in byte order.
std::string EndOf(const std::string& prefix) { return prefix + "\U0010FFFF"; }

RefusalView RefusalOf(const pqxx::row& row) {
  RefusalView view;
  view.refusal = {SplitIds(row[0].as<std::string>()), ReasonOf(row[1].as<std::string>()),
                  row[2].as<int>(), TimeOf(row[3])};
  view.first_seen = TimeOf(row[4]);
  view.last_seen = TimeOf(row[5]);
  view.count = row[6].as<int64_t>();
  view.open = row[7].as<bool>();
  view.number = row[10].as<int64_t>();
  return view;
}

std::vector<PersonView> ReadPersons(pqxx::work& work, const Project& project,
                                    const std::string& indexes) {
  std::vector<PersonView> persons;
  for (const auto& row : work.exec_params(kLoadPersons, project.number, indexes)) {
    const auto index = static_cast<uint32_t>(row[0].as<int64_t>());
    if (persons.empty() || persons.back().index != index) {
      persons.push_back({index, TimeOf(row[1]), {}});
    }
    persons.back().identifiers.push_back(
        {row[2].as<std::string>(), row[3].as<int64_t>(), TimeOf(row[4]),
         row[5].is_null() ? absl::InfiniteFuture() : TimeOf(row[5])});
  }
  for (PersonView& person : persons) {
    absl::c_sort(person.identifiers, [](const HeldIdentifier& a, const HeldIdentifier& b) {
      return std::make_pair(KindOf(a.identifier), a.identifier) <
             std::make_pair(KindOf(b.identifier), b.identifier);
    });
  }
  return persons;
}

}  // namespace

absl::StatusOr<int64_t> PostgresGraphStore::Version(const Project& project, Deadline deadline) {
  return pool_.Query<int64_t>(
      "read_version", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<int64_t> { return ReadVersion(work, project); },
      kReadOnly);
}

absl::StatusOr<std::vector<uint32_t>> PostgresGraphStore::FindPersons(
    const Project& project, absl::Span<const std::string> identifiers, int64_t* version,
    Deadline deadline) {
  std::vector<PersonCache::Key> keys;
  keys.reserve(identifiers.size());
  for (const std::string& id : identifiers) {
    keys.push_back(PersonCache::KeyOf(project.number, id));
  }
  PersonCache::Found found = persons_.Find(project.number, keys);
  absl::StatusOr<PersonCache::News> news;
  for (;;) {
    news = ReadNews(project, identifiers, keys, found, deadline);
    if (!news.ok()) return news.status();
    persons_.Tell(project.number, *news);
    if (news->complete) break;
    // What was remembered is worth nothing.
    found = {};
    found.persons.assign(keys.size(), 0);
  }
  if (version != nullptr) *version = news->version;
  absl::flat_hash_map<int64_t, uint32_t> changed;
  for (const PersonCache::News::Change& change : news->changes) {
    changed[change.node] = change.person;
  }
  absl::flat_hash_map<std::pair<int64_t, uint64_t>, uint32_t> fresh;
  for (const auto& [key, person] : news->fresh) fresh[{key.node, key.check}] = person;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found.persons[i] == 0) {
      const auto at = fresh.find({keys[i].node, keys[i].check});
      if (at != fresh.end()) found.persons[i] = at->second;
    } else if (const auto at = changed.find(keys[i].node); at != changed.end()) {
      found.persons[i] = at->second;
    }
  }
  return std::move(found.persons);
}

absl::StatusOr<PersonCache::News> PostgresGraphStore::ReadNews(
    const Project& project, absl::Span<const std::string> identifiers,
    absl::Span<const PersonCache::Key> keys, const PersonCache::Found& found, Deadline deadline) {
  BigintArray missing;
  absl::flat_hash_map<absl::string_view, size_t> place_of;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found.persons[i] != 0) continue;
    missing.Add(keys[i].node);
    place_of.emplace(identifiers[i], i);
  }
  const std::string nodes = missing.Take();
  return pool_.Query<PersonCache::News>(
      "find_persons", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PersonCache::News> {
        PersonCache::News news;
        news.epoch = postgres::ReadDatabaseEpoch(work);
        news.since = found.version;
        int64_t changes = 0;
        for (const auto& row : work.exec_params(kFindPersons, project.number, nodes, found.version,
                                                found.empty ? 0 : kMostChanges + 1)) {
          news.version = row[0].as<int64_t>();
          if (row[1].is_null()) continue;
          const auto node = row[1].as<int64_t>();
          const auto person = static_cast<uint32_t>(row[3].as<int64_t>());
          const auto kind = static_cast<ChangeKind>(row[4].as<int>());
          if (kind == ChangeKind{}) {
            const auto place = place_of.find(row[2].c_str());
            if (place != place_of.end()) news.fresh.push_back({keys[place->second], person});
            continue;
          }
          ++changes;
          const bool of_identifier = kind == ChangeKind::kLinked || kind == ChangeKind::kMoved ||
                                     kind == ChangeKind::kUnlinked;
          if (of_identifier) news.changes.push_back({node, person});
          // An erasure takes nodes out of the feed.
          if (kind == ChangeKind::kErased || (of_identifier && node == 0)) news.complete = false;
        }
        const bool all = changes <= kMostChanges;
        const bool same = found.empty || found.epoch == news.epoch;
        news.complete = news.complete && all && same && news.version >= found.version;
        return news;
      },
      kReadOnly);
}

absl::StatusOr<std::vector<PersonView>> PostgresGraphStore::LoadPersons(
    const Project& project, absl::Span<const uint32_t> indexes, Deadline deadline) {
  BigintArray wanted;
  for (const uint32_t index : indexes) wanted.Add(index);
  return pool_.Query<std::vector<PersonView>>(
      "load_persons", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<PersonView>> {
        return ReadPersons(work, project, wanted.Take());
      },
      kReadOnly);
}

absl::StatusOr<RawComponent> PostgresGraphStore::LoadComponent(const Project& project,
                                                               const std::string& identifier,
                                                               Deadline deadline) {
  return pool_.Query<RawComponent>(
      "load_component", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<RawComponent> {
        BigintArray nodes;
        for (const auto& row : work.exec_params(
                 "SELECT member.node FROM identity.nodes AS asked JOIN identity.nodes AS member "
                 "ON member.project_number = $1 AND member.component = asked.component "
                 "WHERE asked.project_number = $1 AND asked.node = $2",
                 project.number, NodeOf(project.number, identifier))) {
          nodes.Add(row[0].as<int64_t>());
        }
        return RawComponent{ReadEvidence(work, project, nodes.Take()),
                            ReadDecisions(work, project, nodes.Take())};
      },
      kReadOnly);
}

absl::StatusOr<Versions> PostgresGraphStore::ReadVersions(const Project& project,
                                                          Deadline deadline) {
  return pool_.Query<Versions>(
      "read_versions", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Versions> {
        const pqxx::row row = work.exec_params1(
            "SELECT version, decision_version + rules_version FROM identity.projects "
            "WHERE project_number = $1",
            project.number);
        return Versions{row[0].as<int64_t>(), row[1].as<int64_t>()};
      },
      kReadOnly);
}

absl::StatusOr<PageOf<PersonView>> PostgresGraphStore::ListPersons(const Project& project,
                                                                   const PersonFilter& filter,
                                                                   const std::string& after,
                                                                   int limit, Deadline deadline) {
  int64_t last = 0;
  if (!after.empty() && !absl::SimpleAtoi(after, &last)) last = 0;
  return pool_.Query<PageOf<PersonView>>(
      "list_persons", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PageOf<PersonView>> {
        const std::string kind = filter.kind.empty() ? "" : absl::StrCat(filter.kind, ":");
        const pqxx::result rows =
            kind.empty() && filter.identifier_prefix.empty()
                ? work.exec_params(kListPersons, project.number, last, limit + 1)
                : work.exec_params(kListPersonsByPrefix, project.number, last, limit + 1,
                                   filter.identifier_prefix, EndOf(filter.identifier_prefix), kind,
                                   EndOf(kind));
        BigintArray indexes;
        int count = 0;
        PageOf<PersonView> page;
        for (const auto& row : rows) {
          if (++count > limit) {
            page.next_key = absl::StrCat(last);
            break;
          }
          last = row[0].as<int64_t>();
          indexes.Add(last);
        }
        page.items = ReadPersons(work, project, indexes.Take());
        return page;
      },
      kReadOnly);
}

absl::StatusOr<PageOf<RefusalView>> PostgresGraphStore::ListRefusals(const Project& project,
                                                                     const RefusalFilter& filter,
                                                                     const std::string& after,
                                                                     int limit, Deadline deadline) {
  const std::vector<std::string> key = absl::StrSplit(after, '/');
  int64_t node = std::numeric_limits<int64_t>::min();
  if (key.size() == 2 && !absl::SimpleAtoi(key[0], &node)) node = 0;
  return pool_.Query<PageOf<RefusalView>>(
      "list_refusals", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PageOf<RefusalView>> {
        const pqxx::result rows =
            work.exec_params(absl::StrCat("SELECT ", kRefusalColumns, R"sql( FROM identity.refusals
              WHERE project_number = $1 AND (node, refusal_id) > ($2, decode($3, 'hex'))
                AND ($4 = '' OR reason = $4) AND ($5 = '' OR $5 = ANY(ids)) AND (open OR $6)
              ORDER BY node, refusal_id LIMIT $7)sql"),
                             project.number, node, key.size() == 2 ? key[1] : "", filter.reason,
                             filter.identifier, filter.include_closed, limit + 1);
        PageOf<RefusalView> page;
        for (const auto& row : rows) {
          if (static_cast<int>(page.items.size()) == limit) break;
          page.items.push_back(RefusalOf(row));
        }
        if (static_cast<int>(rows.size()) > limit) {
          const auto& last = rows[static_cast<pqxx::result::size_type>(limit - 1)];
          page.next_key = absl::StrCat(last[8].as<int64_t>(), "/", last[9].as<std::string>());
        }
        return page;
      },
      kReadOnly);
}

absl::StatusOr<std::vector<RefusalView>> PostgresGraphStore::FindRefusals(
    const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) {
  BigintArray nodes;
  TextArray ids;
  for (const std::string& id : identifiers) {
    nodes.Add(NodeOf(project.number, id));
    ids.Add(id);
  }
  return pool_.Query<std::vector<RefusalView>>(
      "find_refusals", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<RefusalView>> {
        std::vector<RefusalView> found;
        for (const auto& row : work.exec_params(
                 absl::StrCat("SELECT ", kRefusalColumns,
                              "FROM identity.refusals WHERE project_number = $1 AND node = "
                              "ANY($2::bigint[]) AND ids <@ $3::text[] AND open"),
                 project.number, nodes.Take(), ids.Take())) {
          found.push_back(RefusalOf(row));
        }
        return found;
      },
      kReadOnly);
}

absl::StatusOr<GraphStats> PostgresGraphStore::Stats(const Project& project, Deadline deadline) {
  return pool_.Query<GraphStats>(
      "graph_stats", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<GraphStats> {
        GraphStats stats;
        stats.version = ReadVersion(work, project);
        const pqxx::row persons = work.exec_params1(
            R"sql(SELECT count(*) FILTER (WHERE merged_into = 0 AND NOT emptied),
                         count(*) FILTER (WHERE merged_into > 0),
                         count(*) FILTER (WHERE split_from > 0)
                  FROM identity.persons WHERE project_number = $1)sql",
            project.number);
        stats.persons = persons[0].as<int64_t>();
        stats.merges = persons[1].as<int64_t>();
        stats.splits = persons[2].as<int64_t>();
        stats.evidence =
            work.exec_params1("SELECT count(*) FROM identity.evidence WHERE project_number = $1",
                              project.number)[0]
                .as<int64_t>();
        stats.parked = work.exec_params1(
                               "SELECT count(*) FROM identity.parked_evidence "
                               "WHERE project_number = $1",
                               project.number)[0]
                           .as<int64_t>();
        for (const auto& row :
             work.exec_params("SELECT split_part(identifier, ':', 1), count(*) FROM identity.nodes "
                              "WHERE project_number = $1 AND person > 0 GROUP BY 1",
                              project.number)) {
          stats.identifiers_by_kind[row[0].as<std::string>()] = row[1].as<int64_t>();
        }
        for (const auto& row : work.exec_params("SELECT reason, count(*) FROM identity.refusals "
                                                "WHERE project_number = $1 AND open GROUP BY 1",
                                                project.number)) {
          stats.refusals_by_reason[row[0].as<std::string>()] = row[1].as<int64_t>();
        }
        return stats;
      },
      kReadOnly);
}

absl::StatusOr<ChangePage> PostgresGraphStore::ListChanges(const Project& project,
                                                           const std::string& cursor, int limit,
                                                           Deadline deadline) {
  return pool_.Query<ChangePage>(
      "list_changes", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<ChangePage> {
        const std::string epoch = postgres::ReadDatabaseEpoch(work);
        absl::StatusOr<int64_t> after = ParseCursor(cursor, epoch);
        if (!after.ok()) return after.status();
        ChangePage page;
        // Read first: a change that is committed in between is then only early, never missing.
        page.version = ReadVersion(work, project);
        int64_t last = *after;
        for (const auto& row : work.exec_params(kChanges, project.number, last, limit)) {
          last = row[0].as<int64_t>();
          page.changes.push_back(
              {last, static_cast<ChangeKind>(row[1].as<int>()), row[2].as<std::string>(),
               row[3].as<int64_t>(), static_cast<uint32_t>(row[4].as<int64_t>()),
               static_cast<uint32_t>(row[5].as<int64_t>()), TimeOf(row[6]), row[7].as<int64_t>(),
               SplitIds(row[8].as<std::string>()), ReasonOf(row[9].as<std::string>())});
        }
        page.version = std::max(page.version, last);
        page.next_cursor = MakeCursor(epoch, last);
        return page;
      },
      kReadOnly);
}

}  // namespace datong::identity
