#include <utility>

#include "absl/strings/str_cat.h"
#include "services/datacube/core/planner.h"
#include "services/datacube/store/postgres_store.h"
#include "services/datacube/store/values.h"

namespace datong::datacube {
namespace {

// $2: appids as a JSON list, empty for all. $5 to $7: the last key of the page before.
constexpr char kListChangesSql[] = R"sql(
  SELECT appid, day, user_source, new_user, cancel_user, NULL, raw_json, datacube.micros(fetch_time)
  FROM datacube.follower_changes
  WHERE project = $1 AND ($2::jsonb = '[]' OR $2::jsonb ? appid)
    AND day BETWEEN $3::date AND $4::date
    AND (day, appid, user_source) > ($5::date, $6, $7::bigint)
  ORDER BY day, appid, user_source LIMIT $8)sql";
constexpr char kListTotalsSql[] = R"sql(
  SELECT appid, day, 0, NULL, NULL, cumulate_user, raw_json, datacube.micros(fetch_time)
  FROM datacube.follower_totals
  WHERE project = $1 AND ($2::jsonb = '[]' OR $2::jsonb ? appid)
    AND day BETWEEN $3::date AND $4::date
    AND (day, appid, 0::bigint) > ($5::date, $6, $7::bigint)
  ORDER BY day, appid LIMIT $8)sql";
constexpr char kApiSnapshotSql[] = R"sql(
  SELECT coalesce(s.condition, 'fine'), coalesce(s.reason, ''),
         datacube.micros(s.last_success_time), p.pieces, datacube.micros(p.next_time),
         p.condition, p.reason, d.newest, d.known
  FROM (SELECT count(*) AS pieces, min(due_time) AS next_time,
               -- By severity: the worst of what the pieces wait for.
               coalesce(min(condition) FILTER (WHERE condition = 'quota'),
                        min(condition) FILTER (WHERE condition = 'unreachable'),
                        min(condition) FILTER (WHERE condition = 'not_ready'), 'fine') AS condition,
               coalesce(max(reason), '') AS reason
        FROM datacube.pieces WHERE appid = $1 AND api = $2) p
  CROSS JOIN (SELECT max(day) FILTER (WHERE has_rows) AS newest,
                     count(*) FILTER (WHERE day BETWEEN $3::date AND $4::date) AS known
              FROM datacube.days WHERE appid = $1 AND api = $2) d
  LEFT JOIN datacube.api_states s ON s.appid = $1 AND s.api = $2)sql";
constexpr char kCountFollowersSql[] =
    "SELECT count(*) FROM datacube.followers WHERE appid = $1 AND follows";
constexpr char kRunColumns[] = R"sql(
  appid, id, project, trigger, request_text, state, reason, datacube.micros(create_time),
  datacube.micros(end_time) FROM datacube.sync_runs)sql";
constexpr char kStepsSql[] = R"sql(
  SELECT t.api, t.pieces, t.pieces_done, t.pieces_failed, t.rows, t.rows_expected, t.rows_refused,
         t.evidence_sent, t.reason,
         (SELECT datacube.micros(min(p.due_time)) FROM datacube.pieces p
          WHERE p.appid = t.appid AND p.run_id = t.run_id AND p.api = t.api)
  FROM datacube.sync_steps t WHERE t.appid = $1 AND t.run_id = $2 ORDER BY t.api)sql";
constexpr char kCountMissingSql[] = R"sql(
  SELECT coalesce(sum(greatest(0, $2::date - a.wanted_begin + 1
           - (SELECT count(*) FROM datacube.days d
              WHERE d.appid = a.appid AND d.api = $1 AND d.day BETWEEN a.wanted_begin AND $2::date))),
         0)::bigint
  FROM datacube.accounts a WHERE a.connected AND a.kind = 'official_account')sql";

SyncRun RunFrom(pqxx::work& work, const pqxx::row& row) {
  SyncRun run;
  run.app = {row[2].as<std::string>(), row[0].as<std::string>()};
  run.id = row[1].as<int64_t>();
  run.trigger = TriggerFromName(row[3].as<std::string>());
  run.request_text = row[4].as<std::string>();
  run.state = RunStateFromName(row[5].as<std::string>());
  run.reason = row[6].as<std::string>();
  run.create_time = FromMicros(row[7]);
  run.end_time = OptionalTime(row[8]);
  const pqxx::result steps = work.exec_params(kStepsSql, run.app.appid, run.id);
  for (const pqxx::row& step_row : steps) {
    SyncStep step;
    step.api = ApiFromName(step_row[0].c_str()).value_or(Api::kRoster);
    step.pieces = step_row[1].as<int64_t>();
    step.pieces_done = step_row[2].as<int64_t>();
    step.pieces_failed = step_row[3].as<int64_t>();
    step.rows = step_row[4].as<int64_t>();
    step.rows_expected = step_row[5].as<int64_t>();
    step.rows_refused = step_row[6].as<int64_t>();
    step.evidence_sent = step_row[7].as<int64_t>();
    step.reason = step_row[8].as<std::string>();
    step.next_due_time = OptionalTime(step_row[9]);
    run.steps.push_back(std::move(step));
  }
  return run;
}

ApiSnapshot SnapshotOf(pqxx::work& work, const Account& account,
                       std::optional<absl::Time> roster_complete_time, Api api,
                       absl::CivilDay newest) {
  ApiSnapshot snapshot;
  snapshot.account = account;
  snapshot.api = api;
  const pqxx::row row =
      work.exec_params1(kApiSnapshotSql, account.app.appid, std::string(ApiName(api)),
                        FormatDay(account.wanted_begin), FormatDay(newest));
  snapshot.condition = ConditionFromName(row[0].as<std::string>());
  snapshot.reason = row[1].as<std::string>();
  snapshot.last_success_time = OptionalTime(row[2]);
  snapshot.open_pieces = row[3].as<int64_t>();
  snapshot.next_piece_time = OptionalTime(row[4]);
  snapshot.waiting_for = ConditionFromName(row[5].as<std::string>());
  snapshot.waiting_reason = row[6].as<std::string>();
  snapshot.newest_day = OptionalDay(row[7]);
  snapshot.days_known = row[8].as<int64_t>();
  if (api == Api::kRoster) {
    snapshot.roster_complete_time = roster_complete_time;
    snapshot.followers = work.exec_params1(kCountFollowersSql, account.app.appid)[0].as<int64_t>();
  }
  return snapshot;
}

}  // namespace

absl::StatusOr<std::vector<StatisticRow>> PostgresStore::ListRows(const RowQuery& query,
                                                                  Deadline deadline) {
  using Rows = std::vector<StatisticRow>;
  return pool_.Query<Rows>(
      "list_rows", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Rows> {
        const RowKey after = query.after.value_or(RowKey());
        const pqxx::result rows = work.exec_params(
            query.api == Api::kUserSummary ? kListChangesSql : kListTotalsSql, query.project,
            JsonList(query.appids), FormatDay(query.days.begin), FormatDay(query.days.end),
            FormatDay(DayFromNumber(after.day)), after.appid, after.user_source, query.limit);
        Rows list;
        for (const pqxx::row& row : rows) {
          list.push_back({row[0].as<std::string>(), DayOf(row[1]), row[2].as<int64_t>(),
                          OptionalInt(row[3]), OptionalInt(row[4]), OptionalInt(row[5]),
                          row[6].as<std::string>(), FromMicros(row[7])});
        }
        return list;
      },
      {.read_only = true});
}

absl::StatusOr<std::vector<ApiSnapshot>> PostgresStore::ListSnapshots(
    const std::string& project, const std::vector<std::string>& appids,
    const std::string& after_appid, int limit, absl::CivilDay newest, Deadline deadline) {
  using Snapshots = std::vector<ApiSnapshot>;
  return pool_.Query<Snapshots>(
      "list_snapshots", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Snapshots> {
        const std::string sql = absl::StrCat("SELECT ", kAccountColumns, R"sql(
          FROM datacube.accounts a
          WHERE a.project = $1 AND ($2::jsonb = '[]' OR $2::jsonb ? a.appid) AND a.appid > $3
          ORDER BY a.appid LIMIT $4)sql");
        const pqxx::result rows =
            work.exec_params(sql, project, JsonList(appids), after_appid, limit);
        Snapshots list;
        for (const pqxx::row& row : rows) {
          const Account account = AccountFrom(row);
          if (account.kind != kOfficialAccount) {
            list.emplace_back().account = account;
            continue;
          }
          for (const Api api : kApis) {
            list.push_back(SnapshotOf(work, account, OptionalTime(row[9]), api, newest));
          }
        }
        return list;
      },
      {.read_only = true, .one_snapshot = true});
}

absl::StatusOr<std::vector<SyncRun>> PostgresStore::ListRuns(const std::string& project,
                                                             const std::string& appid,
                                                             int64_t before_id, int limit,
                                                             Deadline deadline) {
  using Runs = std::vector<SyncRun>;
  return pool_.Query<Runs>("list_runs", deadline,
                           [&](pqxx::work& work) -> absl::StatusOr<Runs> {
                             const std::string sql = absl::StrCat("SELECT ", kRunColumns, R"sql(
          WHERE project = $1 AND ($2 = '' OR appid = $2) AND ($3::bigint = 0 OR id < $3::bigint)
          ORDER BY id DESC LIMIT $4)sql");
                             Runs list;
                             const pqxx::result rows =
                                 work.exec_params(sql, project, appid, before_id, limit);
                             for (const pqxx::row& row : rows) list.push_back(RunFrom(work, row));
                             return list;
                           },
                           {.read_only = true});
}

absl::StatusOr<std::optional<SyncRun>> PostgresStore::FindRun(const std::string& project,
                                                              int64_t id, Deadline deadline) {
  return pool_.Query<std::optional<SyncRun>>(
      "find_run", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::optional<SyncRun>> {
        const std::string sql =
            absl::StrCat("SELECT ", kRunColumns, " WHERE project = $1 AND id = $2");
        const pqxx::result rows = work.exec_params(sql, project, id);
        if (rows.empty()) return std::optional<SyncRun>();
        return std::optional<SyncRun>(RunFrom(work, rows[0]));
      },
      {.read_only = true});
}

absl::StatusOr<std::map<Api, int64_t>> PostgresStore::CountMissing(absl::CivilDay newest,
                                                                   Deadline deadline) {
  using Counts = std::map<Api, int64_t>;
  return pool_.Query<Counts>("count_missing", deadline,
                             [&](pqxx::work& work) -> absl::StatusOr<Counts> {
                               Counts counts;
                               for (const Api api : kStatisticsApis) {
                                 counts[api] =
                                     work.exec_params1(kCountMissingSql, std::string(ApiName(api)),
                                                       FormatDay(newest))[0]
                                         .as<int64_t>();
                               }
                               return counts;
                             },
                             {.read_only = true});
}

}  // namespace datong::datacube
