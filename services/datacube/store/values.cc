#include "services/datacube/store/values.h"

#include <array>

namespace datong::datacube {
namespace {

constexpr std::array<const char*, 5> kConditions = {"fine", "not_ready", "quota", "refused",
                                                    "unreachable"};
constexpr std::array<const char*, 3> kTriggers = {"connected", "nightly", "requested"};
constexpr std::array<const char*, 4> kRunStates = {"running", "succeeded", "failed", "abandoned"};
constexpr std::array<const char*, 4> kKinds = {"statistics", "roster_page", "roster_batch",
                                               "evidence"};

template <typename Enum, size_t kSize>
Enum Find(const std::array<const char*, kSize>& names, const std::string& name) {
  for (size_t i = 0; i < kSize; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  return static_cast<Enum>(0);
}

// Lower goes first: tonight's figures before old ones, and both before the long row of batches.
int PriorityOf(PieceKind kind, Trigger trigger) {
  switch (kind) {
    case PieceKind::kEvidence:
      return 0;
    case PieceKind::kStatistics:
      return trigger == Trigger::kNightly ? 1 : 2;
    case PieceKind::kRosterPage:
      return 3;
    case PieceKind::kRosterBatch:
      break;
  }
  return 4;
}

constexpr char kInsertRunSql[] = R"sql(
  INSERT INTO datacube.sync_runs (appid, project, trigger, request_id, request_text, state,
                                  create_time)
  VALUES ($1, $2, $3, nullif($4, ''), $5, 'running', $6::timestamptz) RETURNING id)sql";
constexpr char kInsertPieceSql[] = R"sql(
  INSERT INTO datacube.pieces (appid, project, run_id, kind, api, priority, begin_day, end_day,
                               cursor, collected, payload, observed_time, due_time, give_up_time,
                               condition, reason)
  VALUES ($1, $2, $3, $4, $5, $6, nullif($7, '')::date, nullif($8, '')::date, $9, $10, $11::jsonb,
          nullif($12, '')::timestamptz, $13::timestamptz, $14::timestamptz, $15, $16))sql";
constexpr char kCountPiecesSql[] = R"sql(
  INSERT INTO datacube.sync_steps AS held (appid, run_id, api, pieces) VALUES ($1, $2, $3, $4)
  ON CONFLICT (appid, run_id, api) DO UPDATE SET pieces = held.pieces + excluded.pieces)sql";

std::string PayloadOf(const Piece& piece) {
  if (piece.kind != PieceKind::kEvidence) return JsonList(piece.openids);
  nlohmann::json pairs = nlohmann::json::array();
  for (const OpenidPair& pair : piece.pairs) {
    pairs.push_back(nlohmann::json::array({pair.openid, pair.unionid}));
  }
  return Dump(pairs);
}

}  // namespace

const char* ConditionName(ApiCondition condition) {
  return kConditions.at(static_cast<size_t>(condition));
}
ApiCondition ConditionFromName(const std::string& name) {
  return Find<ApiCondition>(kConditions, name);
}
const char* TriggerName(Trigger trigger) { return kTriggers.at(static_cast<size_t>(trigger)); }
Trigger TriggerFromName(const std::string& name) { return Find<Trigger>(kTriggers, name); }
const char* RunStateName(RunState state) { return kRunStates.at(static_cast<size_t>(state)); }
RunState RunStateFromName(const std::string& name) { return Find<RunState>(kRunStates, name); }
const char* KindName(PieceKind kind) { return kKinds.at(static_cast<size_t>(kind)); }
PieceKind KindFromName(const std::string& name) { return Find<PieceKind>(kKinds, name); }

const char kAccountColumns[] = R"sql(
  a.appid, a.project, a.kind, a.connected, a.detail, datacube.micros(a.authorize_time),
  a.wanted_begin, datacube.micros(a.next_night),
  EXISTS (SELECT FROM datacube.api_states s WHERE s.appid = a.appid AND s.condition = 'refused'),
  datacube.micros(a.roster_complete_time))sql";

Account AccountFrom(const pqxx::row& row) {
  Account account;
  account.app = {row[1].as<std::string>(), row[0].as<std::string>()};
  account.kind = row[2].as<std::string>();
  account.connected = row[3].as<bool>();
  account.detail = row[4].as<std::string>();
  account.authorize_time = OptionalTime(row[5]);
  account.wanted_begin = DayOf(row[6]);
  account.next_night = FromMicros(row[7]);
  account.any_refused = row[8].as<bool>();
  return account;
}

int64_t InsertRun(pqxx::work& work, const NewRun& run) {
  const int64_t id =
      work.exec_params1(kInsertRunSql, run.app.appid, run.app.project, TriggerName(run.trigger),
                        run.request_id, run.request_text, SqlTime(run.create_time))[0]
          .as<int64_t>();
  InsertPieces(work, id, run.trigger, run.pieces);
  return id;
}

void InsertPieces(pqxx::work& work, int64_t run, Trigger trigger,
                  const std::vector<Piece>& pieces) {
  std::map<std::string, int64_t> counts;
  for (const Piece& piece : pieces) {
    const bool has_days = piece.kind == PieceKind::kStatistics;
    const bool is_evidence = piece.kind == PieceKind::kEvidence;
    const std::string api(ApiName(piece.api));
    work.exec_params0(
        kInsertPieceSql, piece.app.appid, piece.app.project, run, KindName(piece.kind), api,
        PriorityOf(piece.kind, trigger), has_days ? FormatDay(piece.span.begin) : std::string(),
        has_days ? FormatDay(piece.span.end) : std::string(), piece.cursor, piece.collected,
        PayloadOf(piece), is_evidence ? SqlTime(piece.observed_time) : std::string(),
        SqlTime(piece.due_time), SqlTime(piece.give_up_time), ConditionName(piece.condition),
        piece.reason);
    ++counts[api];
  }
  if (pieces.empty()) return;
  for (const auto& [api, count] : counts) {
    work.exec_params0(kCountPiecesSql, pieces.front().app.appid, run, api, count);
  }
}

}  // namespace datong::datacube
