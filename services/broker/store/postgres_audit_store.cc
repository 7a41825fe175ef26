#include "services/broker/store/postgres_audit_store.h"

#include <algorithm>
#include <string>

#include "services/broker/store/sealer.h"

namespace datong::broker {
namespace {

constexpr char kAppendSql[] = R"sql(
  INSERT INTO broker.access_log
    (id, second, project, appid, app_kind, caller, action, allowed, reason, count, fingerprint,
     request_id, trace_id, peer)
  VALUES ($1, to_timestamp($2::bigint), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT DO NOTHING)sql";

constexpr char kListSql[] = R"sql(
  SELECT id, extract(epoch FROM second)::bigint, caller, project, appid, app_kind, action, allowed,
         reason, count, fingerprint, request_id, trace_id, peer
  FROM broker.access_log
  WHERE project = $1 AND ($2 = '' OR appid = $2) AND ($3 = '' OR caller = $3)
    AND second >= to_timestamp($4::bigint) AND second < to_timestamp($5::bigint)
    AND (second, id) < (to_timestamp($6::bigint), $7)
  ORDER BY second DESC, id DESC LIMIT $8)sql";

// What PostgreSQL's timestamps can hold, and more than any of ours.
int64_t Seconds(absl::Time time) {
  constexpr int64_t kFarFuture = 32'503'680'000;  // the year 3000
  return std::clamp<int64_t>(absl::ToUnixSeconds(time), 0, kFarFuture);
}

}  // namespace

absl::Status PostgresAuditStore::Append(const std::vector<AccessRow>& rows, Deadline deadline) {
  return pool_.Transact("append_access_log", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const AccessRow& row : rows) {
      work.exec_params(kAppendSql, row.id, Seconds(row.second), row.project, row.appid,
                       static_cast<int>(row.kind), row.caller, row.action, row.allowed, row.reason,
                       row.count, row.fingerprint, row.request_id, row.trace_id, row.peer);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<AccessRow>> PostgresAuditStore::List(const AccessFilter& filter,
                                                                int limit, Deadline deadline) {
  return pool_.Query<std::vector<AccessRow>>(
      "list_access_log", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<AccessRow>> {
        std::vector<AccessRow> rows;
        for (const pqxx::row& row : work.exec_params(
                 kListSql, filter.project, filter.appid, filter.caller, Seconds(filter.start),
                 Seconds(filter.end), Seconds(filter.before_second), filter.before_id, limit)) {
          AccessRow access;
          access.id = row[0].as<std::string>();
          access.second = absl::FromUnixSeconds(row[1].as<int64_t>());
          access.caller = row[2].as<std::string>();
          access.project = row[3].as<std::string>();
          access.appid = row[4].as<std::string>();
          access.kind = static_cast<AppKind>(row[5].as<int>());
          access.action = row[6].as<std::string>();
          access.allowed = row[7].as<bool>();
          access.reason = row[8].as<std::string>();
          access.count = row[9].as<int64_t>();
          access.fingerprint = row[10].as<std::string>();
          access.request_id = row[11].as<std::string>();
          access.trace_id = row[12].as<std::string>();
          access.peer = row[13].as<std::string>();
          rows.push_back(std::move(access));
        }
        return rows;
      },
      {.retry_conflicts = false, .read_only = true});
}

}  // namespace datong::broker
