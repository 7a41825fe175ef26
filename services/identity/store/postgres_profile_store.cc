#include "services/identity/store/postgres_profile_store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "common/postgres/outbox.h"
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
    recorded_at)
  SELECT $1, $2::bigint, t.name, t.source, )sql" DATONG_SQL_TIME(
    "t.valid_from") ", t.value, " DATONG_SQL_TIME("$3::bigint") R"sql(
  FROM unnest($4::text[], $5::text[], $6::bigint[], $7::text[])
    AS t (name, source, valid_from, value)
  ON CONFLICT DO NOTHING)sql";

constexpr char kLatestAttributes[] =
    "SELECT DISTINCT ON (name) name, value, source, " DATONG_SQL_MICROS("valid_from") R"sql(
  FROM identity.attributes WHERE project_number = $1 AND node = ANY($2::bigint[])
  ORDER BY name, valid_from DESC, source DESC, value DESC)sql";

constexpr char kAttributeHistory[] =
    "SELECT name, value, source, " DATONG_SQL_MICROS("valid_from") R"sql(
  FROM identity.attributes
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND ($3 = '' OR name = $3)
  ORDER BY valid_from DESC, name, source DESC, value DESC, node OFFSET $4 LIMIT $5)sql";

std::string NodesOf(const Project& project, absl::Span<const std::string> identifiers) {
  BigintArray nodes;
  for (const std::string& id : identifiers) nodes.Add(NodeOf(project.number, id));
  return nodes.Take();
}

AttributeEntry AttributeOf(const pqxx::row& row) {
  return {row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
          TimeOf(row[3])};
}

}  // namespace

absl::Status PostgresProfileStore::AppendConsent(const Project& project,
                                                 absl::Span<const std::string> identifiers,
                                                 const ConsentEntry& consent, Deadline deadline) {
  TextArray ids;
  for (const std::string& id : identifiers) ids.Add(id);
  return pool_.Transact("append_consent", deadline, [&](pqxx::work& work) -> absl::Status {
    // One writer at a time, or two could both find the same entry missing.
    work.exec_params1("SELECT 1 FROM identity.projects WHERE project_number = $1 FOR UPDATE",
                      project.number);
    work.exec_params(kAppendConsent, project.number, NodesOf(project, identifiers), ids.Take(),
                     consent.purpose, consent.granted, consent.source,
                     absl::ToUnixMicros(consent.time), absl::ToUnixMicros(clock_.Now()));
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
                                                    absl::Span<const AttributeEntry> attributes,
                                                    Deadline deadline) {
  TextArray names, sources, values;
  BigintArray times;
  for (const AttributeEntry& attribute : attributes) {
    names.Add(attribute.name);
    sources.Add(attribute.source);
    times.Add(absl::ToUnixMicros(attribute.time));
    values.Add(attribute.value_json);
  }
  return pool_.Transact("append_attributes", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(kAppendAttributes, project.number, NodeOf(project.number, identifier),
                     absl::ToUnixMicros(clock_.Now()), names.Take(), sources.Take(), times.Take(),
                     values.Take());
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
