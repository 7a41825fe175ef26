#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "services/datacube/core/errors.h"
#include "services/datacube/store/postgres_store.h"
#include "services/datacube/store/values.h"

namespace datong::datacube {
namespace {

constexpr int kBatchSize = 100;  // followers that one call describes

// $1 now, $2 resting appids as JSON, $3 calls in flight per app, $4 lease in ms, $5 platform calls.
constexpr char kClaimSql[] = R"sql(
  WITH next AS (
    SELECT p.appid, p.id FROM datacube.pieces p
    WHERE p.due_time <= $1::timestamptz AND (p.claimed_until IS NULL OR p.claimed_until < now())
      AND (p.kind = 'evidence' OR (
            $5::boolean AND NOT $2::jsonb ? p.appid
            AND NOT EXISTS (SELECT FROM datacube.api_states s
                            WHERE s.appid = p.appid AND s.api = p.api
                              AND s.closed_until > $1::timestamptz)
            AND (SELECT count(*) FROM datacube.pieces k
                 WHERE k.appid = p.appid AND k.claimed_until >= now() AND k.kind <> 'evidence')
                < $3::bigint))
    ORDER BY p.priority, p.due_time, p.id LIMIT 1 FOR UPDATE OF p SKIP LOCKED)
  UPDATE datacube.pieces p
  SET claim = p.claim + 1, claimed_until = now() + $4::bigint * interval '1 millisecond'
  FROM next WHERE p.appid = next.appid AND p.id = next.id
  RETURNING p.appid, p.id, p.project, p.run_id, p.kind, p.api, p.begin_day, p.end_day, p.cursor,
            p.collected, p.payload, datacube.micros(p.observed_time), p.attempts,
            datacube.micros(p.due_time), datacube.micros(p.give_up_time), p.claim)sql";
constexpr char kLockRunSql[] =
    "SELECT trigger FROM datacube.sync_runs WHERE appid = $1 AND id = $2 FOR UPDATE";
constexpr char kHoldsClaimSql[] =
    "SELECT FROM datacube.pieces WHERE appid = $1 AND id = $2 AND claim = $3 FOR UPDATE";
constexpr char kAgainSql[] = R"sql(
  UPDATE datacube.pieces
  SET begin_day = nullif($3, '')::date, end_day = nullif($4, '')::date,
      due_time = $5::timestamptz, attempts = attempts + $6, condition = $7, reason = $8,
      claimed_until = NULL
  WHERE appid = $1 AND id = $2)sql";
constexpr char kDropPieceSql[] = "DELETE FROM datacube.pieces WHERE appid = $1 AND id = $2";
constexpr char kDropSiblingsSql[] = R"sql(
  DELETE FROM datacube.pieces
  WHERE appid = $1 AND run_id = $2 AND api = $3 AND kind <> 'evidence'
    AND (claimed_until IS NULL OR claimed_until < now()))sql";
constexpr char kStepSql[] = R"sql(
  UPDATE datacube.sync_steps
  SET pieces = pieces + $4, pieces_done = pieces_done + $5, pieces_failed = pieces_failed + $6,
      rows = rows + $7, rows_expected = greatest(rows_expected, $8),
      rows_refused = rows_refused + $9, evidence_sent = evidence_sent + $10,
      reason = CASE WHEN $11 <> '' THEN $11 WHEN $12 AND pieces_failed = 0 THEN '' ELSE reason END
  WHERE appid = $1 AND run_id = $2 AND api = $3)sql";
constexpr char kEndRunSql[] = R"sql(
  UPDATE datacube.sync_runs r
  SET end_time = $3::timestamptz,
      state = CASE WHEN f.failed > 0 THEN 'failed' ELSE 'succeeded' END, reason = f.reason
  FROM (SELECT coalesce(sum(pieces_failed), 0) AS failed,
               coalesce(string_agg(reason, ' ' ORDER BY api) FILTER (WHERE pieces_failed > 0), '')
                 AS reason
        FROM datacube.sync_steps WHERE appid = $1 AND run_id = $2) f
  WHERE r.appid = $1 AND r.id = $2 AND r.state = 'running'
    AND NOT EXISTS (SELECT FROM datacube.pieces p WHERE p.appid = $1 AND p.run_id = $2)
  RETURNING r.project, r.trigger, r.state, r.reason, datacube.micros(r.create_time),
            datacube.micros(r.end_time))sql";
constexpr char kSaveStateSql[] = R"sql(
  INSERT INTO datacube.api_states AS held (appid, api, condition, reason, closed_until,
                                           last_success_time)
  VALUES ($1, $2, $3, $4, nullif($5, '')::timestamptz, nullif($6, '')::timestamptz)
  ON CONFLICT (appid, api) DO UPDATE
    SET condition = excluded.condition, reason = excluded.reason,
        closed_until = coalesce(excluded.closed_until, held.closed_until),
        last_success_time = coalesce(excluded.last_success_time, held.last_success_time))sql";

constexpr char kReplaceChangesSql[] = R"sql(
  WITH answer AS (
    SELECT * FROM jsonb_to_recordset($3::jsonb)
      AS a (day date, user_source bigint, new_user bigint, cancel_user bigint, raw_json text)),
  gone AS (
    DELETE FROM datacube.follower_changes c
    WHERE c.appid = $1 AND c.fetch_time <= $4::timestamptz
      AND c.day IN (SELECT day FROM answer)
      AND NOT EXISTS (SELECT FROM answer a WHERE a.day = c.day AND a.user_source = c.user_source))
  INSERT INTO datacube.follower_changes AS held
    (appid, project, day, user_source, new_user, cancel_user, raw_json, fetch_time)
  SELECT $1, $2, day, user_source, new_user, cancel_user, raw_json, $4::timestamptz FROM answer
  ON CONFLICT (appid, day, user_source) DO UPDATE
    SET project = excluded.project, new_user = excluded.new_user,
        cancel_user = excluded.cancel_user, raw_json = excluded.raw_json,
        fetch_time = excluded.fetch_time
    WHERE held.fetch_time <= excluded.fetch_time)sql";
constexpr char kReplaceTotalsSql[] = R"sql(
  INSERT INTO datacube.follower_totals AS held
    (appid, project, day, cumulate_user, raw_json, fetch_time)
  SELECT $1, $2, day, cumulate_user, raw_json, $4::timestamptz
  FROM jsonb_to_recordset($3::jsonb) AS a (day date, cumulate_user bigint, raw_json text)
  ON CONFLICT (appid, day) DO UPDATE
    SET project = excluded.project, cumulate_user = excluded.cumulate_user,
        raw_json = excluded.raw_json, fetch_time = excluded.fetch_time
    WHERE held.fetch_time <= excluded.fetch_time)sql";
constexpr char kMarkDaysSql[] = R"sql(
  INSERT INTO datacube.days AS held (appid, api, day, has_rows)
  SELECT $1, $2, value::date, $4 FROM jsonb_array_elements_text($3::jsonb)
  ON CONFLICT (appid, api, day) DO UPDATE SET has_rows = held.has_rows OR excluded.has_rows)sql";

// Answers the openids that must be described: new, come back, or described too long ago.
constexpr char kSeeFollowersSql[] = R"sql(
  WITH listed AS (SELECT DISTINCT value AS openid FROM jsonb_array_elements_text($2::jsonb)),
  known AS (
    SELECT l.openid, f.follows, f.info_time FROM listed l
    LEFT JOIN datacube.followers f ON f.appid = $1 AND f.openid = l.openid),
  page AS (
    INSERT INTO datacube.roster_pages (appid, run, first_openid, openids)
    SELECT $1, $3, min(openid), $2::jsonb FROM listed HAVING count(*) > 0
    ON CONFLICT DO NOTHING),
  come AS (
    INSERT INTO datacube.followers AS held (appid, openid, follows, seen_run)
    SELECT $1, openid, true, $3 FROM known WHERE follows IS NOT TRUE ORDER BY openid
    ON CONFLICT (appid, openid) DO UPDATE
      SET follows = true, left_time = NULL, seen_run = greatest(held.seen_run, excluded.seen_run))
  SELECT coalesce(jsonb_agg(openid ORDER BY openid), '[]') FROM known
  WHERE follows IS NOT TRUE OR info_time IS NULL OR info_time < $4::timestamptz)sql";
constexpr char kMarkLeaversSql[] = R"sql(
  WITH listed AS (
    SELECT DISTINCT value AS openid
    FROM datacube.roster_pages p, jsonb_array_elements_text(p.openids)
    WHERE p.appid = $1 AND p.run = $2)
  UPDATE datacube.followers f SET follows = false, left_time = $3::timestamptz
  WHERE f.appid = $1 AND f.follows AND f.seen_run <= $2
    AND NOT EXISTS (SELECT FROM listed l WHERE l.openid = f.openid))sql";
constexpr char kForgetPagesSql[] =
    "DELETE FROM datacube.roster_pages WHERE appid = $1 AND run <= $2";
constexpr char kRosterCompleteSql[] =
    "UPDATE datacube.accounts SET roster_complete_time = $2::timestamptz WHERE appid = $1";
constexpr char kKnownFollowersSql[] = R"sql(
  SELECT openid, unionid FROM datacube.followers
  WHERE appid = $1 AND info_time IS NOT NULL AND NOT refused AND $2::jsonb ? openid)sql";
constexpr char kDescribeFollowersSql[] = R"sql(
  UPDATE datacube.followers f
  SET follows = i.follows, refused = false, info_time = $3::timestamptz,
      left_time = CASE WHEN i.follows THEN NULL ELSE coalesce(f.left_time, $3::timestamptz) END,
      unionid = CASE WHEN i.unionid = '' THEN f.unionid ELSE i.unionid END,
      scene = CASE WHEN i.scene = '' THEN f.scene ELSE i.scene END,
      subscribe_time = coalesce(to_timestamp(i.subscribe_time), f.subscribe_time)
  FROM jsonb_to_recordset($2::jsonb)
    AS i (openid text, follows boolean, subscribe_time bigint, scene text, unionid text)
  WHERE f.appid = $1 AND f.openid = i.openid)sql";
constexpr char kRefuseFollowersSql[] = R"sql(
  UPDATE datacube.followers SET refused = true, info_time = $3::timestamptz
  WHERE appid = $1 AND $2::jsonb ? openid)sql";

nlohmann::json Nullable(std::optional<int64_t> number) {
  return number.has_value() ? nlohmann::json(*number) : nlohmann::json();
}

void MarkDays(pqxx::work& work, const Piece& piece, const std::set<absl::CivilDay>& days,
              bool has_rows) {
  if (days.empty()) return;
  std::vector<std::string> texts;
  for (const absl::CivilDay day : days) texts.push_back(FormatDay(day));
  work.exec_params0(kMarkDaysSql, piece.app.appid, std::string(ApiName(piece.api)), JsonList(texts),
                    has_rows);
}

// Answers how many rows were stored.
int64_t StoreStatistics(pqxx::work& work, const Piece& piece, const Outcome& outcome,
                        absl::Time now) {
  // By key: an answer that names a key twice must not break the statement; the last one counts.
  std::map<std::pair<absl::CivilDay, int64_t>, nlohmann::json> rows;
  std::set<absl::CivilDay> days;
  for (const ChangeRow& row : outcome.changes) {
    rows[{row.day, row.user_source}] = {{"day", FormatDay(row.day)},
                                        {"user_source", row.user_source},
                                        {"new_user", Nullable(row.new_user)},
                                        {"cancel_user", Nullable(row.cancel_user)},
                                        {"raw_json", row.raw_json}};
    days.insert(row.day);
  }
  for (const TotalRow& row : outcome.totals) {
    rows[{row.day, 0}] = {{"day", FormatDay(row.day)},
                          {"cumulate_user", Nullable(row.cumulate_user)},
                          {"raw_json", row.raw_json}};
    days.insert(row.day);
  }
  if (!rows.empty()) {
    nlohmann::json list = nlohmann::json::array();
    for (auto& [key, row] : rows) list.push_back(std::move(row));
    work.exec_params0(piece.api == Api::kUserSummary ? kReplaceChangesSql : kReplaceTotalsSql,
                      piece.app.appid, piece.app.project, Dump(list), SqlTime(now));
  }
  MarkDays(work, piece, days, true);
  MarkDays(work, piece, {outcome.final_empty_days.begin(), outcome.final_empty_days.end()}, false);
  return static_cast<int64_t>(rows.size());
}

// Answers the pieces that describe the followers.
std::vector<Piece> StoreRosterPage(pqxx::work& work, const Piece& piece, const Outcome& outcome,
                                   const SyncPolicy& policy, absl::Time now) {
  std::vector<std::string> openids = outcome.page->openids;
  const std::set<std::string> erased = ErasedAmong(work, piece.app, openids);
  std::erase_if(openids, [&](const std::string& openid) { return erased.contains(openid); });
  const pqxx::row row = work.exec_params1(kSeeFollowersSql, piece.app.appid, JsonList(openids),
                                          piece.run, SqlTime(now - policy.roster_info_max_age));
  const auto unknown = nlohmann::json::parse(row[0].c_str()).get<std::vector<std::string>>();
  std::vector<Piece> batches;
  for (size_t i = 0; i < unknown.size(); ++i) {
    if (i % kBatchSize == 0) {
      Piece& batch = batches.emplace_back();
      batch.app = piece.app;
      batch.kind = PieceKind::kRosterBatch;
      batch.api = Api::kRoster;
      batch.due_time = now;
      batch.give_up_time = piece.give_up_time;
    }
    batches.back().openids.push_back(unknown[i]);
  }
  if (outcome.roster_is_complete) {
    work.exec_params0(kMarkLeaversSql, piece.app.appid, piece.run, SqlTime(now));
    work.exec_params0(kForgetPagesSql, piece.app.appid, piece.run);
    work.exec_params0(kRosterCompleteSql, piece.app.appid, SqlTime(now));
  }
  return batches;
}

// Answers the piece that tells identity what is new, if anything is.
std::vector<Piece> StoreFollowers(pqxx::work& work, const Piece& piece, const Outcome& outcome,
                                  absl::Time now) {
  const std::set<std::string> erased = ErasedAmong(work, piece.app, piece.openids);
  std::map<std::string, std::string> known;
  const pqxx::result rows =
      work.exec_params(kKnownFollowersSql, piece.app.appid, JsonList(piece.openids));
  for (const pqxx::row& row : rows) known[row[0].as<std::string>()] = row[1].as<std::string>();
  Piece evidence;
  evidence.app = piece.app;
  evidence.kind = PieceKind::kEvidence;
  evidence.api = Api::kRoster;
  evidence.observed_time = now;
  evidence.due_time = now;
  evidence.give_up_time = piece.give_up_time;
  nlohmann::json list = nlohmann::json::array();
  for (const FollowerInfo& info : outcome.infos) {
    if (erased.contains(info.openid)) continue;
    list.push_back({{"openid", info.openid},
                    {"follows", info.follows},
                    {"subscribe_time", Nullable(info.subscribe_time)},
                    {"scene", info.scene},
                    {"unionid", info.unionid}});
    const auto before = known.find(info.openid);
    if (before == known.end() || (!info.unionid.empty() && before->second != info.unionid)) {
      evidence.pairs.push_back({info.openid, info.unionid});
    }
  }
  work.exec_params0(kDescribeFollowersSql, piece.app.appid, Dump(list), SqlTime(now));
  if (!outcome.refused_openids.empty()) {
    work.exec_params0(kRefuseFollowersSql, piece.app.appid, JsonList(outcome.refused_openids),
                      SqlTime(now));
  }
  if (evidence.pairs.empty()) return {};
  return {std::move(evidence)};
}

void SaveState(pqxx::work& work, const Piece& piece, const Outcome& outcome, absl::Time now) {
  if (piece.kind == PieceKind::kEvidence) return;
  const bool fine = outcome.condition == ApiCondition::kFine;
  // What a waiting piece waits for is said on the piece; only the end of one marks the interface.
  const bool marks = fine || outcome.end == Outcome::End::kFailed;
  if (!marks && !outcome.closed_until.has_value()) return;
  for (const Api api : kApis) {
    if (api != piece.api && !outcome.closes_app) continue;
    work.exec_params0(
        kSaveStateSql, piece.app.appid, std::string(ApiName(api)),
        marks ? ConditionName(outcome.condition) : "fine", marks && !fine ? outcome.reason : "",
        outcome.closed_until.has_value() ? SqlTime(*outcome.closed_until) : std::string(),
        fine ? SqlTime(now) : std::string());
  }
}

Piece PieceFrom(const pqxx::row& row) {
  Piece piece;
  piece.app = {row[2].as<std::string>(), row[0].as<std::string>()};
  piece.id = row[1].as<int64_t>();
  piece.run = row[3].as<int64_t>();
  piece.kind = KindFromName(row[4].as<std::string>());
  piece.api = ApiFromName(row[5].c_str()).value_or(Api::kRoster);
  if (!row[6].is_null()) piece.span = {DayOf(row[6]), DayOf(row[7])};
  piece.cursor = row[8].as<std::string>();
  piece.collected = row[9].as<int64_t>();
  const auto payload = nlohmann::json::parse(row[10].c_str());
  if (piece.kind == PieceKind::kEvidence) {
    for (const auto& pair : payload) {
      piece.pairs.push_back({pair.at(0).get<std::string>(), pair.at(1).get<std::string>()});
    }
    piece.observed_time = FromMicros(row[11]);
  } else {
    piece.openids = payload.get<std::vector<std::string>>();
  }
  piece.attempts = row[12].as<int>();
  piece.due_time = FromMicros(row[13]);
  piece.give_up_time = FromMicros(row[14]);
  piece.claim = row[15].as<int64_t>();
  return piece;
}

absl::StatusOr<Completion> CompleteIn(pqxx::work& work, const Piece& piece, const Outcome& outcome,
                                      const SyncPolicy& policy, absl::Time now) {
  const std::string& appid = piece.app.appid;
  const pqxx::result run = work.exec_params(kLockRunSql, appid, piece.run);
  if (run.empty()) return ClaimLost();
  const Trigger trigger = TriggerFromName(run[0][0].as<std::string>());
  if (work.exec_params(kHoldsClaimSql, appid, piece.id, piece.claim).empty()) return ClaimLost();

  std::vector<Piece> more = outcome.parts;
  int64_t rows = 0;
  if (piece.kind == PieceKind::kStatistics) {
    rows = StoreStatistics(work, piece, outcome, now);
  } else if (outcome.page.has_value()) {
    rows = static_cast<int64_t>(outcome.page->openids.size());
    for (Piece& batch : StoreRosterPage(work, piece, outcome, policy, now)) {
      more.push_back(std::move(batch));
    }
  } else if (piece.kind == PieceKind::kRosterBatch && outcome.end == Outcome::End::kDone) {
    for (Piece& evidence : StoreFollowers(work, piece, outcome, now)) {
      more.push_back(std::move(evidence));
    }
  }

  int64_t failed = outcome.end == Outcome::End::kFailed ? 1 : 0;
  const std::string api(ApiName(piece.api));
  if (outcome.end == Outcome::End::kAgain) {
    const bool has_days = piece.kind == PieceKind::kStatistics;
    work.exec_params0(
        kAgainSql, appid, piece.id, has_days ? FormatDay(outcome.span.begin) : std::string(),
        has_days ? FormatDay(outcome.span.end) : std::string(), SqlTime(outcome.due_time),
        outcome.counts_try ? 1 : 0, ConditionName(outcome.condition), outcome.reason);
  } else {
    work.exec_params0(kDropPieceSql, appid, piece.id);
  }
  if (outcome.fails_siblings) {
    failed += static_cast<int64_t>(
        work.exec_params(kDropSiblingsSql, appid, piece.run, api).affected_rows());
  }
  InsertPieces(work, piece.run, trigger, more);
  work.exec_params0(kStepSql, appid, piece.run, api, outcome.end == Outcome::End::kSplit ? -1 : 0,
                    outcome.end == Outcome::End::kDone ? 1 : 0, failed, rows,
                    outcome.page.has_value() ? outcome.page->total : 0,
                    static_cast<int64_t>(outcome.refused_openids.size()), outcome.evidence_sent,
                    outcome.reason, outcome.end == Outcome::End::kDone);
  SaveState(work, piece, outcome, now);

  Completion completion;
  const pqxx::result ended = work.exec_params(kEndRunSql, appid, piece.run, SqlTime(now));
  if (ended.empty()) return completion;
  SyncRun& done = completion.ended_run.emplace();
  done.id = piece.run;
  done.app = piece.app;
  done.trigger = TriggerFromName(ended[0][1].as<std::string>());
  done.state = RunStateFromName(ended[0][2].as<std::string>());
  done.reason = ended[0][3].as<std::string>();
  done.create_time = FromMicros(ended[0][4]);
  done.end_time = FromMicros(ended[0][5]);
  return completion;
}

}  // namespace

absl::StatusOr<std::optional<Piece>> PostgresStore::Claim(absl::Time now, const ClaimLimits& limits,
                                                          Deadline deadline) {
  return pool_.Query<std::optional<Piece>>(
      "claim_piece", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::optional<Piece>> {
        const pqxx::result rows = work.exec_params(
            kClaimSql, SqlTime(now), JsonList(limits.resting), limits.calls_in_flight_per_app,
            absl::ToInt64Milliseconds(limits.lease), limits.platform_calls);
        if (rows.empty()) return std::optional<Piece>();
        return std::optional<Piece>(PieceFrom(rows[0]));
      });
}

absl::StatusOr<Completion> PostgresStore::Complete(const Piece& piece, const Outcome& outcome,
                                                   const SyncPolicy& policy, absl::Time now,
                                                   Deadline deadline) {
  return pool_.Query<Completion>(
      "complete_piece", deadline,
      [&](pqxx::work& work) { return CompleteIn(work, piece, outcome, policy, now); },
      {.retry_conflicts = true});
}

}  // namespace datong::datacube
