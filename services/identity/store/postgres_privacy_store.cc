#include "services/identity/store/postgres_privacy_store.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "common/postgres/outbox.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

// What is kept, table by table: name in the export, rows as JSON. $1 project, $2 nodes, $3 ids.
constexpr const char* kExported[][2] = {
    {"identifiers",
     "SELECT to_jsonb(t) FROM (SELECT identifier, first_observed, retired_at FROM identity.nodes "
     "WHERE project_number = $1 AND node = ANY($2::bigint[]) ORDER BY identifier) AS t"},
    {"evidence",
     "SELECT to_jsonb(t) FROM (SELECT DISTINCT kind, ids, observed_at, received_at, appid, "
     "obtained_by, snapshot FROM identity.evidence WHERE project_number = $1 AND "
     "node IN (SELECT n.node FROM identity.nodes AS n JOIN identity.nodes AS own "
     "USING (project_number, component) WHERE project_number = $1 AND "
     "own.node = ANY($2::bigint[])) AND ids && $3::text[] ORDER BY observed_at, kind, ids) AS t"},
    {"parked_evidence",
     "SELECT to_jsonb(t) FROM (SELECT DISTINCT kind, ids, observed_at, received_at, appid, "
     "obtained_by FROM identity.parked_evidence WHERE project_number = $1 AND ids && $3::text[] "
     "ORDER BY observed_at, kind, ids) AS t"},
    {"refusals",
     "SELECT to_jsonb(t) FROM (SELECT ids, reason, observed_at, first_seen, last_seen, seen_count, "
     "open FROM identity.refusals WHERE project_number = $1 AND ids && $3::text[] "
     "ORDER BY first_seen, ids) AS t"},
    {"decisions",
     "SELECT to_jsonb(t) FROM (SELECT kind, a, b, decided_for, actor, reason, decided_at "
     "FROM identity.decisions WHERE project_number = $1 AND "
     "(a = ANY($3::text[]) OR b = ANY($3::text[])) ORDER BY decided_at) AS t"},
    {"consents",
     "SELECT to_jsonb(t) FROM (SELECT identifier, purpose, granted, source, said_at, recorded_at "
     "FROM identity.consents WHERE project_number = $1 AND node = ANY($2::bigint[]) "
     "ORDER BY said_at, purpose) AS t"},
    {"attributes",
     "SELECT to_jsonb(t) FROM (SELECT name, value::jsonb AS value, source, consent_class, "
     "valid_from, recorded_at "
     "FROM identity.attributes WHERE project_number = $1 AND node = ANY($2::bigint[]) "
     "ORDER BY valid_from, name) AS t"},
    {"records",
     "SELECT to_jsonb(t) FROM (SELECT kind, record_key AS key, source, value::jsonb AS value, "
     "occurred_at, recorded_at FROM identity.business_records WHERE project_number = $1 AND "
     "node = ANY($2::bigint[]) ORDER BY occurred_at, kind, record_key) AS t"},
    {"history",
     "SELECT to_jsonb(t) FROM (SELECT version, kind, identifier, changed_at FROM identity.changes "
     "WHERE project_number = $1 AND node = ANY($2::bigint[]) ORDER BY version) AS t"},
};

constexpr char kListErasures[] = "SELECT entry, node, " DATONG_SQL_MICROS("erased_at") R"sql(
  FROM identity.erased_nodes WHERE project_number = $1 AND entry > $2 ORDER BY entry LIMIT $3)sql";

constexpr char kFindRecord[] =
    "SELECT kind, record_key, source, value, " DATONG_SQL_MICROS("occurred_at") R"sql(
  FROM identity.business_records
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND kind = $3 AND record_key = $4
  ORDER BY recorded_at, node LIMIT 1)sql";

constexpr char kAddRecord[] = R"sql(
  INSERT INTO identity.business_records (project_number, node, kind, record_key, source, value,
    occurred_at, recorded_at)
  VALUES ($1, $2, $3, $4, $5, $6, )sql" DATONG_SQL_TIME("$7::bigint") ", " DATONG_SQL_TIME(
    "$8::bigint") ")";

constexpr char kListRecords[] = R"sql(
  SELECT kind, record_key, source, value, micros FROM (
    SELECT DISTINCT ON (kind, record_key) kind, record_key, source, value, )sql" DATONG_SQL_MICROS(
    "occurred_at") R"sql( AS micros
    FROM identity.business_records
    WHERE project_number = $1 AND node = ANY($2::bigint[]) AND ($3 = '' OR kind = $3)
    ORDER BY kind, record_key, recorded_at, node) AS record
  ORDER BY micros DESC, kind, record_key OFFSET $4 LIMIT $5)sql";

std::string NodesOf(const Project& project, absl::Span<const std::string> identifiers) {
  BigintArray nodes;
  for (const std::string& id : identifiers) nodes.Add(NodeOf(project.number, id));
  return nodes.Take();
}

BusinessRecord RecordOf(const pqxx::row& row) {
  return {row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
          row[3].as<std::string>(), TimeOf(row[4])};
}

}  // namespace

absl::StatusOr<std::string> PostgresPrivacyStore::Export(const Project& project, uint32_t person,
                                                         absl::Span<const std::string> identifiers,
                                                         Deadline deadline) {
  TextArray ids;
  for (const std::string& id : identifiers) ids.Add(id);
  return pool_.Query<std::string>(
      "export_person", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        std::string json = absl::StrCat("{\"person_index\":", person);
        for (const auto& [name, statement] : kExported) {
          // All parameters get a type, also those that the statement does not use.
          const pqxx::row row = work.exec_params1(
              absl::StrCat("WITH given AS (SELECT $1::int, $2::bigint[], $3::text[]) "
                           "SELECT coalesce(jsonb_agg(item), '[]')::text FROM (",
                           statement, ") AS list (item)"),
              project.number, NodesOf(project, identifiers), ids.Take());
          absl::StrAppend(&json, ",\"", name, "\":", row[0].as<std::string>());
        }
        return json + "}";
      },
      {.read_only = true, .one_snapshot = true});
}

absl::StatusOr<ErasurePage> PostgresPrivacyStore::ListErasures(const Project& project,
                                                               const std::string& cursor, int limit,
                                                               Deadline deadline) {
  return pool_.Query<ErasurePage>(
      "list_erasures", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<ErasurePage> {
        const std::string epoch = postgres::ReadDatabaseEpoch(work);
        absl::StatusOr<int64_t> after = ParseCursor(cursor, epoch);
        if (!after.ok()) return after.status();
        ErasurePage page;
        int64_t last = *after;
        for (const auto& row : work.exec_params(kListErasures, project.number, last, limit)) {
          last = row[0].as<int64_t>();
          page.nodes.push_back({row[1].as<int64_t>(), TimeOf(row[2])});
        }
        page.next_cursor = MakeCursor(epoch, last);
        return page;
      },
      {.read_only = true});
}

absl::StatusOr<std::optional<absl::Time>> PostgresPrivacyStore::OldestErasure(Deadline deadline) {
  using Oldest = std::optional<absl::Time>;
  return pool_.Query<Oldest>(
      "oldest_erasure", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Oldest> {
        const pqxx::row row = work.exec1("SELECT " DATONG_SQL_MICROS(
            "min(requested_at)") " FROM identity.erasures WHERE done_at IS NULL");
        return row[0].is_null() ? Oldest() : Oldest(TimeOf(row[0]));
      },
      {.read_only = true});
}

absl::Status PostgresPrivacyStore::ForgetErasures(absl::Time before, Deadline deadline) {
  return pool_.Transact("forget_erasures", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "DELETE FROM identity.erased_nodes WHERE entered_at < " DATONG_SQL_TIME("$1::bigint"),
        absl::ToUnixMicros(before));
    return absl::OkStatus();
  });
}

absl::StatusOr<BusinessRecord> PostgresPrivacyStore::PutRecord(
    const Project& project, absl::Span<const std::string> identifiers, const BusinessRecord& record,
    bool* created, Deadline deadline) {
  return pool_.Query<BusinessRecord>(
      "put_record", deadline, [&](pqxx::work& work) -> absl::StatusOr<BusinessRecord> {
        // One writer of a key at a time, or two could both find it missing.
        work.exec_params("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))",
                         absl::StrCat(record.kind, "\n", record.key), project.number);
        const pqxx::result held = work.exec_params(
            kFindRecord, project.number, NodesOf(project, identifiers), record.kind, record.key);
        *created = held.empty();
        if (!held.empty()) return RecordOf(held[0]);
        const std::map<std::string, absl::Time> erased =
            ReadErased(work, project, {identifiers.front()});
        if (!erased.empty() && record.occurred <= erased.begin()->second) {
          *created = false;
          return record;
        }
        work.exec_params(kAddRecord, project.number, NodeOf(project.number, identifiers.front()),
                         record.kind, record.key, record.source, record.value_json,
                         absl::ToUnixMicros(record.occurred), absl::ToUnixMicros(clock_.Now()));
        return record;
      });
}

absl::StatusOr<PageOf<BusinessRecord>> PostgresPrivacyStore::ListRecords(
    const Project& project, absl::Span<const std::string> identifiers, const std::string& kind,
    const std::string& after, int limit, Deadline deadline) {
  int64_t offset = 0;
  if (!after.empty() && !absl::SimpleAtoi(after, &offset)) offset = 0;
  return pool_.Query<PageOf<BusinessRecord>>(
      "list_records", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<PageOf<BusinessRecord>> {
        PageOf<BusinessRecord> page;
        for (const auto& row :
             work.exec_params(kListRecords, project.number, NodesOf(project, identifiers), kind,
                              offset, limit + 1)) {
          if (static_cast<int>(page.items.size()) == limit) {
            page.next_key = absl::StrCat(offset + limit);
            break;
          }
          page.items.push_back(RecordOf(row));
        }
        return page;
      },
      {.read_only = true});
}

}  // namespace datong::identity
