#include "services/broker/store/postgres_refresh_book.h"

#include "common/status/macros.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {
namespace {

constexpr char kReadSql[] = R"sql(
  SELECT greatest(0, extract(epoch FROM held_until - clock_timestamp()) * 1000)::bigint,
         held_reason, held_message, failures, prepared_epoch,
         (extract(epoch FROM replaced_at) * 1000000)::bigint,
         (extract(epoch FROM refused_since) * 1000000)::bigint, refused
  FROM broker.token_health WHERE appid = $1 FOR UPDATE)sql";

constexpr char kHoldSql[] = R"sql(
  INSERT INTO broker.token_health AS held
    (appid, held_until, held_reason, held_message, failures)
  VALUES ($1, clock_timestamp() + $2 * interval '1 ms', $3, $4, 1)
  ON CONFLICT (appid) DO UPDATE
    SET held_until = excluded.held_until, held_reason = excluded.held_reason,
        held_message = excluded.held_message, failures = held.failures + 1,
        prepared_epoch = CASE WHEN $5 THEN NULL ELSE held.prepared_epoch END)sql";

// A time that is still to come is that of a clock that was set back since: it limits nothing.
constexpr char kTakeForceSql[] = R"sql(
  INSERT INTO broker.token_health AS held (appid, forced_at, forced_day, forced)
  VALUES ($1, to_timestamp($2::bigint / 1e6), $3, 1)
  ON CONFLICT (appid) DO UPDATE
    SET forced_at = excluded.forced_at, forced_day = excluded.forced_day,
        forced = CASE WHEN held.forced_day = excluded.forced_day THEN held.forced ELSE 0 END + 1
    WHERE (held.forced_day <> excluded.forced_day OR held.forced < $4)
      AND (held.forced_at IS NULL OR held.forced_at > excluded.forced_at
           OR held.forced_at <= excluded.forced_at - $5 * interval '1 ms')
  RETURNING 1)sql";

}  // namespace

absl::StatusOr<RefreshStart> PostgresRefreshBook::Begin(const Lease& lease,
                                                        const RefreshAttempt& attempt,
                                                        Deadline deadline) {
  const auto& [appid, cause, held, now, serve_margin, least_between] = attempt;
  return pool_.Query<RefreshStart>(
      "begin_refresh", deadline, [&](pqxx::work& work) -> absl::StatusOr<RefreshStart> {
        DATONG_RETURN_IF_ERROR(tokens_.Fence(work, lease));
        RefreshStart start;
        DATONG_ASSIGN_OR_RETURN(start.record, tokens_.Read(work, appid));
        start.is_newer = IsNewer(attempt, start.record);
        if (start.is_newer) return start;
        work.exec_params(
            "INSERT INTO broker.token_health (appid) VALUES ($1) ON CONFLICT DO NOTHING", appid);
        const pqxx::result rows = work.exec_params(kReadSql, appid);
        const pqxx::row row = rows[0];
        start.held_for = absl::Milliseconds(row[0].is_null() ? 0 : row[0].as<int64_t>());
        start.held_reason = row[1].as<std::string>();
        start.held_message = row[2].as<std::string>();
        start.failures = row[3].as<int>();
        start.was_cut_off = !row[4].is_null() && row[4].as<int64_t>() < lease.epoch;
        std::optional<absl::Time> refused_since;
        if (!row[6].is_null()) refused_since = FromMicros(row[6]);
        start.refusals = row[7].as<int>();
        if (!refused_since.has_value() || now >= *refused_since + absl::Hours(1) ||
            now < *refused_since) {
          refused_since = now;
          start.refusals = 0;
        }
        if (start.held_for > absl::ZeroDuration()) return start;
        if (cause != RefreshCause::kDue && !row[5].is_null()) {
          const absl::Duration since = now - FromMicros(row[5]);
          if (since >= absl::ZeroDuration() && since < least_between) {
            start.too_often = least_between - since;
            return start;
          }
        }
        if (cause == RefreshCause::kRefusedByPlatform) ++start.refusals;
        work.exec_params(
            "UPDATE broker.token_health SET prepared_epoch = $2, replaced_at = CASE WHEN $3 THEN "
            "to_timestamp($4::bigint / 1e6) ELSE replaced_at END, "
            "refused_since = to_timestamp($5::bigint / 1e6), refused = $6 WHERE appid = $1",
            appid, lease.epoch, cause != RefreshCause::kDue, ToMicros(now),
            ToMicros(*refused_since), start.refusals);
        return start;
      });
}

absl::Status PostgresRefreshBook::Hold(const Lease& lease, const std::string& appid,
                                       const RefreshHold& hold, Deadline deadline) {
  return pool_.Transact("hold_refresh", deadline, [&](pqxx::work& work) -> absl::Status {
    DATONG_RETURN_IF_ERROR(tokens_.Fence(work, lease));
    work.exec_params(kHoldSql, appid, absl::ToInt64Milliseconds(hold.delay), hold.reason,
                     hold.message, hold.was_answered);
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> PostgresRefreshBook::TakeForce(const Lease& lease, const std::string& appid,
                                                    absl::Time now, int64_t day, int most_a_day,
                                                    absl::Duration least_between,
                                                    Deadline deadline) {
  return pool_.Query<bool>(
      "take_forced_refresh", deadline, [&](pqxx::work& work) -> absl::StatusOr<bool> {
        DATONG_RETURN_IF_ERROR(tokens_.Fence(work, lease));
        return !work.exec_params(kTakeForceSql, appid, ToMicros(now), day, most_a_day,
                                 absl::ToInt64Milliseconds(least_between))
                    .empty();
      });
}

}  // namespace datong::broker
