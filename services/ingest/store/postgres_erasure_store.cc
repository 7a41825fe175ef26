#include "services/ingest/store/postgres_erasure_store.h"

#include "absl/strings/str_cat.h"

namespace datong::ingest {
namespace {

constexpr char kLoadSql[] = R"sql(
  SELECT tenant_id, node, (extract(epoch FROM erased_at) * 1000000)::bigint
  FROM ingest.erased_nodes)sql";
constexpr char kCursorSql[] = R"sql(
  SELECT cursor FROM ingest.feed_cursors WHERE feed = 'identity_erasures' AND tenant_id = $1)sql";
constexpr char kSaveCursorSql[] = R"sql(
  INSERT INTO ingest.feed_cursors (feed, tenant_id, cursor) VALUES ('identity_erasures', $1, $2)
  ON CONFLICT (feed, tenant_id) DO UPDATE SET cursor = excluded.cursor)sql";
constexpr char kSaveNodesSql[] = R"sql(
  INSERT INTO ingest.erased_nodes AS held (tenant_id, node, erased_at)
  SELECT $1, node, max('epoch'::timestamptz + erased * interval '1 microsecond')
  FROM unnest($2::bigint[], $3::bigint[]) AS e (node, erased) GROUP BY node
  ON CONFLICT (tenant_id, node) DO UPDATE
    SET erased_at = greatest(held.erased_at, excluded.erased_at))sql";
// What quarantined bytes may name. An id that is long enough is nobody else's by chance; a shorter
// one is looked for as a whole JSON string; one that is shorter still goes when the quarantine's
// days are over.
constexpr char kNamesSql[] = R"sql(
  SELECT DISTINCT name
  FROM ingest.events AS e, unnest(ARRAY[e.device_id, e.user_id, e.openid, e.unionid]) AS name
  WHERE e.tenant_id = $1 AND e.node = ANY ($2::bigint[]) AND length(name) >= 6)sql";
constexpr size_t kLongName = 16;
constexpr char kDeleteEventsSql[] = R"sql(
  WITH gone AS (
    DELETE FROM ingest.events AS e
    USING unnest($2::bigint[], $3::bigint[]) AS erased (node, at)
    WHERE e.tenant_id = $1 AND e.node = erased.node
      AND e.event_time <= 'epoch'::timestamptz + erased.at * interval '1 microsecond'
    RETURNING e.batch_id)
  UPDATE ingest.batches AS b SET row_count = b.row_count - gone.rows
  FROM (SELECT batch_id, count(*)::int AS rows FROM gone GROUP BY batch_id) AS gone
  WHERE b.id = gone.batch_id)sql";
constexpr char kDeleteQuarantineSql[] = R"sql(
  DELETE FROM ingest.quarantined_events AS q
  WHERE q.tenant_id = $1 AND (position(convert_to($2, 'UTF8') in q.raw) > 0
                              OR position($2 in q.context) > 0))sql";
constexpr char kDeleteConsentsSql[] = R"sql(
  DELETE FROM ingest.consents AS c USING unnest($2::bigint[], $3::bigint[]) AS erased (node, at)
  WHERE c.tenant_id = $1 AND c.node = erased.node
    AND c.said_at <= 'epoch'::timestamptz + erased.at * interval '1 microsecond')sql";

}  // namespace

absl::StatusOr<std::vector<ErasureEntry>> PostgresErasureStore::LoadAll(Deadline deadline) {
  using Entries = std::vector<ErasureEntry>;
  return pool_.Query<Entries>("load_erasures", deadline,
                              [](pqxx::work& work) -> absl::StatusOr<Entries> {
                                Entries entries;
                                for (const pqxx::row& row : work.exec(kLoadSql)) {
                                  entries.push_back({row[0].as<int32_t>(), row[1].as<int64_t>(),
                                                     absl::FromUnixMicros(row[2].as<int64_t>())});
                                }
                                return entries;
                              },
                              {.read_only = true});
}

absl::StatusOr<std::string> PostgresErasureStore::Cursor(int32_t tenant_id, Deadline deadline) {
  return pool_.Query<std::string>(
      "read_cursor", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const pqxx::result rows = work.exec_params(kCursorSql, tenant_id);
        return rows.empty() ? std::string() : rows[0][0].as<std::string>();
      },
      {.read_only = true});
}

absl::Status PostgresErasureStore::Erase(int32_t tenant_id,
                                         const std::vector<ErasureEntry>& entries,
                                         const std::string& cursor, Deadline deadline) {
  std::string nodes, times;
  for (const ErasureEntry& entry : entries) {
    absl::StrAppend(&nodes, nodes.empty() ? "{" : ",", entry.node);
    absl::StrAppend(&times, times.empty() ? "{" : ",", absl::ToUnixMicros(entry.erased));
  }
  nodes = nodes.empty() ? "{}" : nodes + "}";
  times = times.empty() ? "{}" : times + "}";
  return pool_.Transact("erase_events", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const pqxx::row& row : work.exec_params(kNamesSql, tenant_id, nodes)) {
      const std::string name = row[0].as<std::string>();
      work.exec_params0(kDeleteQuarantineSql, tenant_id,
                        name.size() >= kLongName ? name : absl::StrCat("\"", name, "\""));
    }
    work.exec_params0(kDeleteEventsSql, tenant_id, nodes, times);
    work.exec_params0(kDeleteConsentsSql, tenant_id, nodes, times);
    work.exec_params0(kSaveNodesSql, tenant_id, nodes, times);
    work.exec_params0(kSaveCursorSql, tenant_id, cursor);
    return absl::OkStatus();
  });
}

}  // namespace datong::ingest
