#include "services/ingest/store/postgres_quarantine_store.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace datong::ingest {
namespace {

// $1 project, $2 source or 0, $3 reason or '', $4 also replayed, $5 ids or '{}'.
constexpr char kFilter[] = R"sql(
  tenant_id = $1 AND ($2 = 0 OR source_id = $2) AND ($3 = '' OR reason = $3)
  AND ($4 OR replayed_at IS NULL) AND ($5::bigint[] = '{}' OR id = ANY ($5::bigint[])))sql";
constexpr char kColumns[] = R"sql(
  id, coalesce(source_id, 0), (extract(epoch FROM received_at) * 1000000)::bigint, dialect, reason,
  detail, octet_length(raw), whole_body, context,
  coalesce((extract(epoch FROM replayed_at) * 1000000)::bigint, 0))sql";
constexpr char kMarkSql[] = R"sql(
  UPDATE ingest.quarantined_events
  SET replayed_at = to_timestamp($3::double precision / 1000000)
  WHERE id = $1 AND received_at BETWEEN to_timestamp($2::double precision / 1000000 - 1)
                                    AND to_timestamp($2::double precision / 1000000 + 1))sql";
constexpr char kCountSql[] = R"sql(
  SELECT reason, count(*) FROM ingest.quarantined_events WHERE replayed_at IS NULL GROUP BY 1)sql";

QuarantineItem FromRow(const pqxx::row& row, int32_t tenant_id) {
  QuarantineItem item;
  item.tenant_id = tenant_id;
  item.id = row[0].as<int64_t>();
  item.source_id = row[1].as<int32_t>();
  item.received_us = row[2].as<int64_t>();
  item.dialect = row[3].as<std::string>();
  item.reason = ReasonFromName(row[4].as<std::string>());
  item.detail = row[5].as<std::string>();
  item.raw_bytes = row[6].as<int64_t>();
  item.whole_body = row[7].as<bool>();
  item.context = row[8].as<std::string>();
  item.replayed_us = row[9].as<int64_t>();
  item.raw = pqxx::binarystring(row[10]).str();
  return item;
}

absl::StatusOr<std::vector<QuarantineItem>> Select(postgres::Pool& pool, const char* op,
                                                   const QuarantineFilter& filter,
                                                   const std::string& sql, int64_t from, int limit,
                                                   Deadline deadline) {
  return pool.Query<std::vector<QuarantineItem>>(
      op, deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<QuarantineItem>> {
        std::vector<QuarantineItem> items;
        const std::string ids = absl::StrCat("{", absl::StrJoin(filter.ids, ","), "}");
        for (const pqxx::row& row : work.exec_params(sql, filter.tenant_id, filter.source_id,
                                                     std::string(ReasonName(filter.reason)),
                                                     filter.show_replayed, ids, from, limit)) {
          items.push_back(FromRow(row, filter.tenant_id));
        }
        return items;
      },
      {.read_only = true});
}

}  // namespace

absl::StatusOr<std::vector<QuarantineItem>> PostgresQuarantineStore::List(
    const QuarantineFilter& filter, int64_t before, int limit, Deadline deadline) {
  return Select(pool_, "list_quarantined", filter,
                absl::StrCat("SELECT ", kColumns, ", substring(raw FOR 4096)",
                             " FROM ingest.quarantined_events WHERE ", kFilter,
                             " AND ($6 = 0 OR id < $6) ORDER BY id DESC LIMIT $7"),
                before, limit, deadline);
}

absl::StatusOr<std::vector<QuarantineItem>> PostgresQuarantineStore::Load(
    const QuarantineFilter& filter, int64_t after, int limit, Deadline deadline) {
  return Select(pool_, "load_quarantined", filter,
                absl::StrCat("SELECT * FROM (SELECT ", kColumns, ", raw, ",
                             "sum(octet_length(raw)) OVER (ORDER BY id) AS running, ",
                             "row_number() OVER (ORDER BY id) AS place",
                             " FROM ingest.quarantined_events WHERE ", kFilter,
                             " AND id > $6 ORDER BY id LIMIT $7) AS items "
                             "WHERE running <= 33554432 OR place = 1 ORDER BY id"),
                after, limit, deadline);
}

absl::Status PostgresQuarantineStore::MarkReplayed(int64_t id, int64_t received_us, int64_t now_us,
                                                   Deadline deadline) {
  return pool_.Transact("mark_replayed", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params0(kMarkSql, id, received_us, now_us);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<std::pair<Reason, int64_t>>> PostgresQuarantineStore::CountWaiting(
    Deadline deadline) {
  using Counts = std::vector<std::pair<Reason, int64_t>>;
  return pool_.Query<Counts>("count_quarantined", deadline,
                             [](pqxx::work& work) -> absl::StatusOr<Counts> {
                               Counts counts;
                               for (const pqxx::row& row : work.exec(kCountSql)) {
                                 counts.emplace_back(ReasonFromName(row[0].as<std::string>()),
                                                     row[1].as<int64_t>());
                               }
                               return counts;
                             },
                             {.read_only = true});
}

}  // namespace datong::ingest
