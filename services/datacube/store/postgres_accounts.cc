#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "services/datacube/core/errors.h"
#include "services/datacube/store/postgres_store.h"
#include "services/datacube/store/values.h"

namespace datong::datacube {
namespace {

constexpr char kLoadCursorSql[] = "SELECT cursor FROM datacube.feed_cursors WHERE project = $1";
constexpr char kSaveCursorSql[] = R"sql(
  INSERT INTO datacube.feed_cursors (project, cursor) VALUES ($1, $2)
  ON CONFLICT (project) DO UPDATE SET cursor = excluded.cursor)sql";
// Two processes that read the feed at once take turns, and the second finds the account known.
constexpr char kLockFeedSql[] = R"sql(
  INSERT INTO datacube.feed_cursors (project, cursor) VALUES ($1, '')
  ON CONFLICT (project) DO UPDATE SET cursor = datacube.feed_cursors.cursor)sql";
constexpr char kSaveAccountSql[] = R"sql(
  INSERT INTO datacube.accounts (appid, project, kind, connected, detail, authorize_time,
                                 wanted_begin, next_night)
  VALUES ($1, $2, $3, $4, $5, nullif($6, '')::timestamptz, $7::date, $8::timestamptz)
  ON CONFLICT (appid) DO UPDATE
    SET project = excluded.project, kind = excluded.kind, connected = excluded.connected,
        detail = excluded.detail, authorize_time = excluded.authorize_time,
        wanted_begin = excluded.wanted_begin, next_night = excluded.next_night)sql";
constexpr char kLockRunningSql[] = R"sql(
  SELECT id FROM datacube.sync_runs WHERE appid = $1 AND state = 'running' ORDER BY id
  FOR UPDATE)sql";
constexpr char kAbandonRunsSql[] = R"sql(
  UPDATE datacube.sync_runs SET state = 'abandoned', end_time = $2::timestamptz, reason = $3
  WHERE appid = $1 AND state = 'running')sql";
// Evidence that is already fetched still goes out, without a run to report to.
constexpr char kDropPiecesSql[] = R"sql(
  DELETE FROM datacube.pieces WHERE appid = $1 AND kind <> 'evidence')sql";
constexpr char kForgetRefusalsSql[] = R"sql(
  UPDATE datacube.api_states SET condition = 'fine', reason = '', closed_until = NULL
  WHERE appid = $1)sql";
constexpr char kDueNightsSql[] = R"sql(
  SELECT appid, project, datacube.micros(next_night), wanted_begin FROM datacube.accounts
  WHERE connected AND kind = 'official_account' AND next_night <= $1::timestamptz
  ORDER BY next_night LIMIT $2)sql";
constexpr char kMissingDaysSql[] = R"sql(
  SELECT wanted.day::date FROM generate_series($3::date, $4::date, interval '1 day') AS wanted (day)
  WHERE NOT EXISTS (SELECT FROM datacube.days d
                    WHERE d.appid = $1 AND d.api = $2 AND d.day = wanted.day::date)
  ORDER BY 1)sql";
constexpr char kTurnNightSql[] = R"sql(
  UPDATE datacube.accounts SET next_night = $3::timestamptz
  WHERE appid = $1 AND connected AND next_night = $2::timestamptz)sql";
constexpr char kFindRequestSql[] = R"sql(
  SELECT id, request_text FROM datacube.sync_runs WHERE appid = $1 AND request_id = $2)sql";

absl::Status ApplyUpdate(pqxx::work& work, const std::string& project, const AccountUpdate& update,
                         Store::Decide decide, absl::Time now) {
  const std::string find =
      absl::StrCat("SELECT ", kAccountColumns, " FROM datacube.accounts a WHERE appid = $1");
  const pqxx::result found = work.exec_params(find, update.appid);
  std::optional<Account> before;
  if (!found.empty()) before = AccountFrom(found[0]);
  const AccountDecision decision = decide(before, update);
  const Account& after = decision.after;
  work.exec_params0(
      kSaveAccountSql, after.app.appid, project, after.kind, after.connected, after.detail,
      after.authorize_time.has_value() ? SqlTime(*after.authorize_time) : std::string(),
      FormatDay(after.wanted_begin), SqlTime(after.next_night));
  if (decision.abandons_work) {
    work.exec_params(kLockRunningSql, after.app.appid);
    work.exec_params0(kDropPiecesSql, after.app.appid);
    work.exec_params0(kAbandonRunsSql, after.app.appid, SqlTime(now),
                      after.detail.empty() ? "The account is no longer connected." : after.detail);
  }
  if (decision.clears_refusals) work.exec_params0(kForgetRefusalsSql, after.app.appid);
  if (!decision.pieces.empty()) {
    NewRun run;
    run.app = after.app;
    run.trigger = Trigger::kConnected;
    run.create_time = now;
    run.pieces = decision.pieces;
    InsertRun(work, run);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> PostgresStore::LoadCursor(const std::string& project,
                                                      Deadline deadline) {
  return pool_.Query<std::string>(
      "load_cursor", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const pqxx::result rows = work.exec_params(kLoadCursorSql, project);
        return rows.empty() ? std::string() : rows[0][0].as<std::string>();
      });
}

absl::Status PostgresStore::ApplyAccounts(const std::string& project, const std::string& cursor,
                                          const std::vector<AccountUpdate>& updates, Decide decide,
                                          absl::Time now, Deadline deadline) {
  return pool_.Transact("apply_accounts", deadline,
                        [&](pqxx::work& work) -> absl::Status {
                          work.exec_params0(kLockFeedSql, project);
                          for (const AccountUpdate& update : updates) {
                            DATONG_RETURN_IF_ERROR(ApplyUpdate(work, project, update, decide, now));
                          }
                          work.exec_params0(kSaveCursorSql, project, cursor);
                          return absl::OkStatus();
                        },
                        {.retry_conflicts = true});
}

absl::StatusOr<std::optional<Account>> PostgresStore::FindAccount(const AppKey& app,
                                                                  Deadline deadline) {
  return pool_.Query<std::optional<Account>>(
      "find_account", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::optional<Account>> {
        const std::string sql =
            absl::StrCat("SELECT ", kAccountColumns,
                         " FROM datacube.accounts a WHERE appid = $1 AND project = $2");
        const pqxx::result rows = work.exec_params(sql, app.appid, app.project);
        if (rows.empty()) return std::optional<Account>();
        return std::optional<Account>(AccountFrom(rows[0]));
      });
}

absl::StatusOr<std::vector<NightlyAccount>> PostgresStore::DueNights(absl::Time now,
                                                                     absl::CivilDay newest,
                                                                     int limit, Deadline deadline) {
  using Accounts = std::vector<NightlyAccount>;
  return pool_.Query<Accounts>(
      "due_nights", deadline, [&](pqxx::work& work) -> absl::StatusOr<Accounts> {
        Accounts accounts;
        const pqxx::result rows = work.exec_params(kDueNightsSql, SqlTime(now), limit);
        for (const pqxx::row& row : rows) {
          NightlyAccount account;
          account.app = {row[1].as<std::string>(), row[0].as<std::string>()};
          account.next_night = FromMicros(row[2]);
          account.wanted_begin = DayOf(row[3]);
          for (const Api api : kStatisticsApis) {
            const pqxx::result days =
                work.exec_params(kMissingDaysSql, account.app.appid, std::string(ApiName(api)),
                                 FormatDay(account.wanted_begin), FormatDay(newest));
            for (const pqxx::row& day : days) account.missing[api].push_back(DayOf(day[0]));
          }
          accounts.push_back(std::move(account));
        }
        return accounts;
      });
}

absl::StatusOr<bool> PostgresStore::StartNight(const NightlyAccount& account, absl::Time next_night,
                                               const NewRun& run, Deadline deadline) {
  return pool_.Query<bool>("start_night", deadline, [&](pqxx::work& work) -> absl::StatusOr<bool> {
    const pqxx::result turned = work.exec_params(kTurnNightSql, account.app.appid,
                                                 SqlTime(account.next_night), SqlTime(next_night));
    if (turned.affected_rows() == 0) return false;
    InsertRun(work, run);
    return true;
  });
}

absl::StatusOr<SyncRun> PostgresStore::StartRun(const NewRun& run, Deadline deadline) {
  const auto start = [&](pqxx::work& work) -> absl::StatusOr<int64_t> {
    const pqxx::result found = work.exec_params(kFindRequestSql, run.app.appid, run.request_id);
    if (found.empty()) return InsertRun(work, run);
    if (found[0][1].as<std::string>() != run.request_text) return RequestIdReused(run.request_id);
    return found[0][0].as<int64_t>();
  };
  absl::StatusOr<int64_t> id = pool_.Query<int64_t>("start_run", deadline, start);
  // Two calls with one request_id at once: the second finds the first's run.
  if (absl::IsAlreadyExists(id.status()) && GetReason(id.status()) == "DATABASE_DUPLICATE") {
    id = pool_.Query<int64_t>("start_run", deadline, start);
  }
  if (!id.ok()) return id.status();
  DATONG_ASSIGN_OR_RETURN(std::optional<SyncRun> stored, FindRun(run.app.project, *id, deadline));
  if (!stored.has_value()) return absl::InternalError("A run just stored is not there.");
  return *std::move(stored);
}

}  // namespace datong::datacube
