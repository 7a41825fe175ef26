#include "services/identity/store/postgres_profile_store.h"

#include <limits>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "common/postgres/outbox.h"
#include "services/identity/core/errors.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr postgres::TransactOptions kReadOnly = {.read_only = true};

// Versions are given out to new rows alone, without gaps.
constexpr char kAppendConsent[] = R"sql(
  WITH fresh AS (
    SELECT t.node, t.identifier, row_number() OVER () AS place
    FROM unnest($2::bigint[], $3::text[]) AS t (node, identifier)
    WHERE NOT EXISTS (
      SELECT 1 FROM identity.consents AS c
      WHERE c.project_number = $1 AND c.node = t.node AND c.purpose = $4 AND c.granted = $5
        AND c.source = $6 AND c.said_at = )sql" DATONG_SQL_TIME("$7::bigint") R"sql()),
  counted AS (
    UPDATE identity.projects SET consent_version = consent_version + (SELECT count(*) FROM fresh)
    WHERE project_number = $1 RETURNING consent_version)
  INSERT INTO identity.consents (project_number, node, identifier, purpose, granted, source,
    said_at, recorded_at, version)
  SELECT $1, fresh.node, fresh.identifier, $4, $5, $6, )sql" DATONG_SQL_TIME(
    "$7::bigint") ", " DATONG_SQL_TIME("$8::bigint") R"sql(,
    counted.consent_version - (SELECT count(*) FROM fresh) + fresh.place
  FROM fresh, counted)sql";

constexpr char kLatestConsents[] =
    "SELECT DISTINCT ON (purpose) purpose, granted, source, " DATONG_SQL_MICROS("said_at") R"sql(
  FROM identity.consents WHERE project_number = $1 AND node = ANY($2::bigint[])
  ORDER BY purpose, said_at DESC, granted, source DESC)sql";

constexpr char kConsentChanges[] =
    "SELECT version, identifier, node, purpose, granted, source, " DATONG_SQL_MICROS(
        "said_at") R"sql(
  FROM identity.consents WHERE project_number = $1 AND version > $2 ORDER BY version LIMIT $3)sql";

constexpr char kAppendAttributes[] = R"sql(
  INSERT INTO identity.attributes (project_number, node, name, source, valid_from, value,
    consent_class, recorded_at)
  SELECT $1, $2::bigint, t.name, t.source, )sql" DATONG_SQL_TIME(
    "t.valid_from") ", t.value, t.consent_class, " DATONG_SQL_TIME("$3::bigint") R"sql(
  FROM unnest($4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[])
    AS t (name, source, valid_from, value, consent_class)
  WHERE t.valid_from > $9::bigint
  ON CONFLICT DO NOTHING)sql";

// Of an attribute `a`: no withdrawal that came after it, or was not followed by a consent before
// it.
#define DATONG_SQL_AGREED_TO                                                          \
  "(a.consent_class = '' OR NOT EXISTS ("                                             \
  "SELECT 1 FROM identity.consents AS w WHERE w.project_number = $1 "                 \
  "AND w.node = ANY($2::bigint[]) AND w.purpose = a.consent_class AND NOT w.granted " \
  "AND (w.said_at >= a.valid_from OR NOT EXISTS ("                                    \
  "SELECT 1 FROM identity.consents AS g WHERE g.project_number = $1 "                 \
  "AND g.node = ANY($2::bigint[]) AND g.purpose = a.consent_class AND g.granted "     \
  "AND g.said_at > w.said_at AND g.said_at <= a.valid_from))))"

constexpr char kFindRefused[] =
    "SELECT a.name, a.consent_class FROM (SELECT t.name, t.consent_class, " DATONG_SQL_TIME(
        "t.told") R"sql( AS valid_from
    FROM unnest($3::text[], $4::text[], $5::bigint[]) AS t (name, consent_class, told)) AS a
  WHERE NOT )sql" DATONG_SQL_AGREED_TO " LIMIT 1";

constexpr char kForgetWithdrawn[] = R"sql(
  DELETE FROM identity.attributes
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND consent_class = $3 AND valid_from <= )sql" DATONG_SQL_TIME(
    "$4::bigint");

constexpr char kLatestAttributes[] =
    "SELECT DISTINCT ON (name) name, value, source, " DATONG_SQL_MICROS(
        "valid_from") R"sql(, consent_class
  FROM identity.attributes AS a WHERE project_number = $1 AND node = ANY($2::bigint[]) AND )sql" DATONG_SQL_AGREED_TO
                      R"sql(
  ORDER BY name, valid_from DESC, source DESC, value DESC)sql";

constexpr char kAttributeHistory[] =
    "SELECT name, value, source, " DATONG_SQL_MICROS("valid_from") R"sql(, consent_class
  FROM identity.attributes AS a
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND ($3 = '' OR name = $3)
    AND )sql" DATONG_SQL_AGREED_TO R"sql(
  ORDER BY valid_from DESC, name, source DESC, value DESC, node OFFSET $4 LIMIT $5)sql";

std::string NodesOf(const Project& project, absl::Span<const std::string> identifiers) {
  BigintArray nodes;
  for (const std::string& id : identifiers) nodes.Add(NodeOf(project.number, id));
  return nodes.Take();
}

AttributeEntry AttributeOf(const pqxx::row& row) {
  return {row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
          TimeOf(row[3]), row[4].as<std::string>()};
}

}  // namespace

absl::Status PostgresProfileStore::AppendConsent(const Project& project,
                                                 absl::Span<const std::string> identifiers,
                                                 const ConsentEntry& consent, Deadline deadline) {
  return pool_.Transact("append_consent", deadline, [&](pqxx::work& work) -> absl::Status {
    // One writer at a time, or two could both find the same entry missing.
    work.exec_params1("SELECT 1 FROM identity.projects WHERE project_number = $1 FOR UPDATE",
                      project.number);
    const std::map<std::string, absl::Time> erased = ReadErased(work, project, identifiers);
    BigintArray nodes;
    TextArray ids;
    for (const std::string& id : identifiers) {
      const auto at = erased.find(id);
      if (at != erased.end() && consent.time <= at->second) continue;
      nodes.Add(NodeOf(project.number, id));
      ids.Add(id);
    }
    work.exec_params(kAppendConsent, project.number, nodes.Take(), ids.Take(), consent.purpose,
                     consent.granted, consent.source, absl::ToUnixMicros(consent.time),
                     absl::ToUnixMicros(clock_.Now()));
    if (!consent.granted) {
      work.exec_params(kForgetWithdrawn, project.number, nodes.Take(), consent.purpose,
                       absl::ToUnixMicros(consent.time));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ConsentEntry>> PostgresProfileStore::LatestConsents(
    const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) {
  return pool_.Query<std::vector<ConsentEntry>>(
      "latest_consents", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<ConsentEntry>> {
        std::vector<ConsentEntry> found;
        for (const auto& row :
             work.exec_params(kLatestConsents, project.number, NodesOf(project, identifiers))) {
          found.push_back({row[0].as<std::string>(), row[1].as<bool>(), row[2].as<std::string>(),
                           TimeOf(row[3])});
        }
        return found;
      },
      kReadOnly);
}

absl::StatusOr<ConsentPage> PostgresProfileStore::ListConsentChanges(const Project& project,
                                                                     const std::string& cursor,
                                                                     int limit, Deadline deadline) {
  return pool_.Query<ConsentPage>(
      "list_consent_changes", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<ConsentPage> {
        const std::string epoch = postgres::ReadDatabaseEpoch(work);
        absl::StatusOr<int64_t> after = ParseCursor(cursor, epoch);
        if (!after.ok()) return after.status();
        ConsentPage page;
        int64_t last = *after;
        for (const auto& row : work.exec_params(kConsentChanges, project.number, last, limit)) {
          last = row[0].as<int64_t>();
          page.changes.push_back({last,
                                  row[1].as<std::string>(),
                                  row[2].as<int64_t>(),
                                  {row[3].as<std::string>(), row[4].as<bool>(),
                                   row[5].as<std::string>(), TimeOf(row[6])}});
        }
        page.next_cursor = MakeCursor(epoch, last);
        return page;
      },
      kReadOnly);
}

absl::Status PostgresProfileStore::AppendAttributes(const Project& project,
                                                    const std::string& identifier,
                                                    absl::Span<const std::string> identifiers,
                                                    absl::Span<const AttributeEntry> attributes,
                                                    Deadline deadline) {
  TextArray names, sources, values, classes;
  BigintArray times;
  for (const AttributeEntry& attribute : attributes) {
    names.Add(attribute.name);
    sources.Add(attribute.source);
    times.Add(absl::ToUnixMicros(attribute.time));
    values.Add(attribute.value_json);
    classes.Add(attribute.consent_class);
  }
  return pool_.Transact("append_attributes", deadline, [&](pqxx::work& work) -> absl::Status {
    const std::map<std::string, absl::Time> erased = ReadErased(work, project, {identifier});
    const pqxx::result refused =
        work.exec_params(kFindRefused, project.number, NodesOf(project, identifiers), names.Take(),
                         classes.Take(), times.Take());
    if (!refused.empty()) {
      return ConsentWithdrawn(refused[0][0].as<std::string>(), refused[0][1].as<std::string>());
    }
    work.exec_params(kAppendAttributes, project.number, NodeOf(project.number, identifier),
                     absl::ToUnixMicros(clock_.Now()), names.Take(), sources.Take(), times.Take(),
                     values.Take(), classes.Take(),
                     erased.empty() ? std::numeric_limits<int64_t>::min()
                                    : absl::ToUnixMicros(erased.begin()->second));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<AttributeEntry>> PostgresProfileStore::LatestAttributes(
    const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) {
  return pool_.Query<std::vector<AttributeEntry>>(
      "latest_attributes", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<AttributeEntry>> {
        std::vector<AttributeEntry> found;
        for (const auto& row :
             work.exec_params(kLatestAttributes, project.number, NodesOf(project, identifiers))) {
          found.push_back(AttributeOf(row));
          if (found.back().value_json == "null") found.pop_back();
        }
        return found;
      },
      kReadOnly);
}

absl::StatusOr<PageOf<AttributeEntry>> PostgresProfileStore::AttributeHistory(
    const Project& project, absl::Span<const std::string> identifiers, const std::string& name,
    const std::string& after, int limit, Deadline deadline) {
  int64_t offset = 0;
  if (!after.empty() && !absl::SimpleAtoi(after, &offset)) offset = 0;
  return pool_.Query<PageOf<AttributeEntry>>(
      "attribute_history", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PageOf<AttributeEntry>> {
        PageOf<AttributeEntry> page;
        for (const auto& row :
             work.exec_params(kAttributeHistory, project.number, NodesOf(project, identifiers),
                              name, offset, limit + 1)) {
          if (static_cast<int>(page.items.size()) == limit) {
            page.next_key = absl::StrCat(offset + limit);
            break;
          }
          page.items.push_back(AttributeOf(row));
        }
        return page;
      },
      kReadOnly);
}

}  // namespace datong::identity
