#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/time/shanghai.h"
#include "services/datacube/core/store.h"

// How values go into and come out of SQL.
namespace datong::datacube {

inline std::string SqlTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E6S+00", time, absl::UTCTimeZone());
}
inline absl::Time FromMicros(const pqxx::field& field) {
  return absl::FromUnixMicros(field.as<int64_t>());
}
inline std::optional<absl::Time> OptionalTime(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return FromMicros(field);
}
inline std::optional<int64_t> OptionalInt(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<int64_t>();
}
// The column is a date, which PostgreSQL writes as ISO day.
inline absl::CivilDay DayOf(const pqxx::field& field) {
  return ParseDay(field.c_str()).value_or(absl::CivilDay());
}
inline std::optional<absl::CivilDay> OptionalDay(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return DayOf(field);
}

inline std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
template <typename Strings>
std::string JsonList(const Strings& strings) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& text : strings) list.push_back(text);
  return Dump(list);
}

const char* ConditionName(ApiCondition condition);
ApiCondition ConditionFromName(const std::string& name);
const char* TriggerName(Trigger trigger);
Trigger TriggerFromName(const std::string& name);
const char* RunStateName(RunState state);
RunState RunStateFromName(const std::string& name);
const char* KindName(PieceKind kind);
PieceKind KindFromName(const std::string& name);

// The accounts table's row, selected with kAccountColumns.
extern const char kAccountColumns[];
Account AccountFrom(const pqxx::row& row);

// Those of the openids that are kept out because their person was erased. Shares the lock of the
// project's rosters, so that nobody is erased before the end of the transaction. SQL errors are
// thrown.
std::set<std::string> ErasedAmong(pqxx::work& work, const AppKey& app,
                                  const std::vector<std::string>& openids);

// Inserts a run with its first pieces; answers its id. SQL errors are thrown.
int64_t InsertRun(pqxx::work& work, const NewRun& run);
// Inserts pieces of the run. SQL errors are thrown.
void InsertPieces(pqxx::work& work, int64_t run, Trigger trigger, const std::vector<Piece>& pieces);

}  // namespace datong::datacube
