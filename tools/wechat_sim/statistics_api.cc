#include <set>

#include "common/time/shanghai.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/api.h"

// /datacube/getusersummary and getusercumulate, counted from the follow periods.
namespace datong::wechat_sim {
namespace {

constexpr int kSpan = 7;

struct Range {
  absl::CivilDay begin;
  absl::CivilDay end;
  bool is_ready = true;  // the last day's statistics exist
};

bool LooksLikeDay(const std::string& text) {
  if (text.size() != 10) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 4 || i == 7;
    if (is_dash ? text[i] != '-' : (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

int64_t ReadRange(ApiCall& call, Range* range) {
  const std::string begin = call.Body("begin_date");
  const std::string end = call.Body("end_date");
  if (!LooksLikeDay(begin) || !LooksLikeDay(end)) return 61500;
  const auto first = ParseDay(begin);
  const auto last = ParseDay(end);
  if (!first.ok() || !last.ok()) return 61500;
  range->begin = *first;
  range->end = *last;
  const absl::CivilDay today = ShanghaiDay(call.now);
  if (range->end < range->begin || range->end - range->begin >= kSpan || range->end >= today ||
      range->begin < absl::CivilDay(2014, 12, 1)) {
    return 61501;
  }
  const absl::Time ready =
      ShanghaiMidnight(range->end + 1) + absl::Seconds(call.world.settings.ready_hour * 3600);
  range->is_ready = call.now >= ready;
  return 0;
}

// Answers what there is for the days, or what the setting says while the last is not ready.
json Answer(ApiCall& call, void (*add_day)(const App&, absl::CivilDay, json*)) {
  Range range;
  if (const int64_t error = ReadRange(call, &range); error != 0) return ApiError(error);
  absl::CivilDay last = range.end;
  if (!range.is_ready) {
    const std::string& mode = call.world.settings.not_ready;
    if (mode == "61503") return ApiError(61503);
    if (mode == "empty") return {{"list", json::array()}};
    if (mode == "null") return {{"list", nullptr}};
    --last;
  }
  json list = json::array();
  for (absl::CivilDay day = range.begin; day <= last; ++day) add_day(*call.app, day, &list);
  return {{"list", std::move(list)}};
}

void AddSummary(const App& app, absl::CivilDay day, json* list) {
  const DaySummary summary = app.population.Summarize(day);
  std::set<int> sources = {0};  // comes every day, the others only when not zero
  for (const auto& [source, count] : summary.new_users) sources.insert(source);
  for (const auto& [source, count] : summary.lost_users) sources.insert(source);
  const auto count_of = [](const std::map<int, int64_t>& counts, int source) {
    const auto it = counts.find(source);
    return it == counts.end() ? int64_t{0} : it->second;
  };
  for (const int source : sources) {
    list->push_back({{"ref_date", FormatDay(day)},
                     {"user_source", source},
                     {"new_user", count_of(summary.new_users, source)},
                     {"cancel_user", count_of(summary.lost_users, source)}});
  }
}

void AddCumulate(const App& app, absl::CivilDay day, json* list) {
  // user_source is undocumented here, but live answers have it.
  list->push_back({{"ref_date", FormatDay(day)},
                   {"user_source", 0},
                   {"cumulate_user", app.population.Cumulate(day)}});
}

json Summary(ApiCall& call) { return Answer(call, AddSummary); }
json Cumulate(ApiCall& call) { return Answer(call, AddCumulate); }

}  // namespace

void AddStatisticsApi(ApiTable& table) {
  const auto add = [&table](const std::string& path, json (*handle)(ApiCall&)) {
    table[path] = {.method = "POST",
                   .auth = Auth::kAccount,
                   .official_sets = {2},
                   .official_only = true,
                   .needs_body = true,
                   .handle = handle};
  };
  add("/datacube/getusersummary", Summary);
  add("/datacube/getusercumulate", Cumulate);
}

}  // namespace datong::wechat_sim
