#include "services/broker/store/postgres_api_usage_store.h"

#include "absl/strings/str_cat.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {
namespace {

constexpr char kColumns[] =
    "appid, path, day, used, daily_limit, rate_calls, rate_seconds, "
    "(extract(epoch FROM checked_at) * 1000000)::bigint, "
    "(extract(epoch FROM stopped_until) * 1000000)::bigint, stopped_by_quota";

// Counts of a day that is over are dropped with it.
constexpr char kAddSql[] = R"sql(
  INSERT INTO broker.api_usage AS held (appid, path, day, used, stopped_until, stopped_by_quota)
  VALUES ($1, $2, $3, $4, to_timestamp($5::bigint / 1e6), $6)
  ON CONFLICT (appid, path) DO UPDATE
    SET day = greatest(held.day, excluded.day),
        used = CASE WHEN held.day = excluded.day THEN held.used + excluded.used
                    WHEN held.day < excluded.day THEN excluded.used ELSE held.used END,
        stopped_until = CASE WHEN $7 THEN excluded.stopped_until ELSE held.stopped_until END,
        stopped_by_quota = CASE WHEN $7 THEN excluded.stopped_by_quota
                                ELSE held.stopped_by_quota END
  RETURNING )sql";

ApiUsageRow ReadRow(const pqxx::row& row) {
  ApiUsageRow usage;
  usage.appid = row[0].as<std::string>();
  usage.path = row[1].as<std::string>();
  usage.day = row[2].as<int64_t>();
  usage.used = row[3].as<int64_t>();
  if (!row[4].is_null()) {
    ApiQuota quota;
    quota.daily_limit = row[4].as<int64_t>();
    quota.rate_calls = row[5].as<int64_t>();
    quota.rate_period = absl::Seconds(row[6].as<int64_t>());
    usage.quota = quota;
  }
  if (!row[7].is_null()) usage.checked = FromMicros(row[7]);
  if (!row[8].is_null()) usage.stop = {FromMicros(row[8]), row[9].as<bool>()};
  return usage;
}

}  // namespace

absl::StatusOr<std::vector<ApiUsageRow>> PostgresApiUsageStore::Add(
    const std::vector<ApiUsageDelta>& deltas, Deadline deadline) {
  return pool_.Query<std::vector<ApiUsageRow>>(
      "add_api_usage", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::vector<ApiUsageRow>> {
        std::vector<ApiUsageRow> rows;
        for (const ApiUsageDelta& delta : deltas) {
          const ApiStop stop = delta.stop.value_or(ApiStop{absl::UnixEpoch(), false});
          const pqxx::result result = work.exec_params(
              absl::StrCat(kAddSql, kColumns), delta.appid, delta.path, delta.day, delta.calls,
              ToMicros(stop.until), stop.is_quota, delta.stop.has_value());
          rows.push_back(ReadRow(result[0]));
        }
        return rows;
      });
}

absl::StatusOr<bool> PostgresApiUsageStore::TakeCheck(const std::string& appid,
                                                      const std::string& path, absl::Time now,
                                                      absl::Duration every, Deadline deadline) {
  return pool_.Query<bool>(
      "take_quota_check", deadline, [&](pqxx::work& work) -> absl::StatusOr<bool> {
        return work.exec_params(
                       "UPDATE broker.api_usage SET checked_at = to_timestamp($3::bigint / 1e6) "
                       "WHERE appid = $1 AND path = $2 AND (checked_at IS NULL "
                       "OR checked_at <= to_timestamp($4::bigint / 1e6) "
                       "OR checked_at > to_timestamp($3::bigint / 1e6))",
                       appid, path, ToMicros(now), ToMicros(now - every))
                   .affected_rows() == 1;
      });
}

absl::Status PostgresApiUsageStore::SetQuota(const std::string& appid, const std::string& path,
                                             int64_t day, const ApiQuota& quota,
                                             Deadline deadline) {
  return pool_.Transact("set_api_quota", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "UPDATE broker.api_usage SET day = $3, used = $4, daily_limit = $5, rate_calls = $6, "
        "rate_seconds = $7, stopped_until = CASE WHEN stopped_by_quota AND $8 THEN NULL "
        "ELSE stopped_until END WHERE appid = $1 AND path = $2",
        appid, path, day, quota.used, quota.daily_limit, quota.rate_calls,
        absl::ToInt64Seconds(quota.rate_period),
        quota.daily_limit == 0 || quota.used < quota.daily_limit);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ApiUsageRow>> PostgresApiUsageStore::ListUsage(const std::string& appid,
                                                                          Deadline deadline) {
  return pool_.Query<std::vector<ApiUsageRow>>(
      "list_api_usage", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<ApiUsageRow>> {
        std::vector<ApiUsageRow> rows;
        for (const pqxx::row& row :
             work.exec_params(absl::StrCat("SELECT ", kColumns,
                                           " FROM broker.api_usage WHERE appid = $1 ORDER BY path"),
                              appid)) {
          rows.push_back(ReadRow(row));
        }
        return rows;
      },
      {.retry_conflicts = false, .read_only = true});
}

}  // namespace datong::broker
