#include "services/datacube/rpc/statistics_handlers.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "services/datacube/core/errors.h"
#include "services/datacube/core/planner.h"
#include "services/datacube/rpc/messages.h"

namespace datong::datacube {
namespace {

// What a page token is bound to: all of the request but the paging.
template <typename Request>
std::string FilterOf(Request request) {
  request.clear_page_size();
  request.clear_page_token();
  return request.SerializeAsString();
}

absl::StatusOr<AppKey> ParseApp(const std::string& name) {
  DATONG_ASSIGN_OR_RETURN(const rpc::AppName app, rpc::ParseAppName(name));
  return AppKey{app.project, app.app};
}

template <typename Names>
absl::StatusOr<std::vector<std::string>> ParseApps(const std::string& project, const Names& names) {
  std::vector<std::string> appids;
  for (const std::string& name : names) {
    DATONG_ASSIGN_OR_RETURN(const AppKey app, ParseApp(name));
    if (app.project != project) {
      return Invalid("APP_NAME_INVALID",
                     absl::StrCat("The app \"", name, "\" is not of the project asked about."),
                     {{"app", name}});
    }
    appids.push_back(app.appid);
  }
  return appids;
}

absl::StatusOr<absl::CivilDay> ParseRequestDay(const char* field, const std::string& text) {
  const absl::StatusOr<absl::CivilDay> day = ParseDay(text);
  if (day.ok()) return *day;
  return Invalid("DAY_INVALID",
                 absl::StrCat(field, " \"", text, "\" is no day; write it as 2026-01-31."),
                 {{"field", field}, {"day", text}});
}

absl::StatusOr<DaySpan> ParseDays(const std::string& begin, const std::string& end) {
  DaySpan days;
  DATONG_ASSIGN_OR_RETURN(days.begin, ParseRequestDay("begin_day", begin));
  DATONG_ASSIGN_OR_RETURN(days.end, ParseRequestDay("end_day", end));
  if (days.begin > days.end) {
    return DayRangeInvalid(begin, end, "the last day must not be before the first");
  }
  return days;
}

std::optional<Api> ApiOf(v1::Metric metric) {
  switch (metric) {
    case v1::METRIC_FOLLOWER_CHANGE:
      return Api::kUserSummary;
    case v1::METRIC_FOLLOWER_TOTAL:
      return Api::kUserCumulate;
    default:
      return std::nullopt;
  }
}

bool IsUuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) {
      return false;
    }
  }
  return true;
}

absl::Status PageTokenInvalid() {
  return Invalid("PAGE_TOKEN_INVALID", "The page token is not one of this list; begin anew.");
}

std::string KeyText(const RowKey& key) {
  return absl::StrCat(key.day, " ", key.appid, " ", key.user_source);
}

absl::StatusOr<std::optional<RowKey>> ReadKey(const std::string& text) {
  if (text.empty()) return std::optional<RowKey>();
  const std::vector<std::string> parts = absl::StrSplit(text, ' ');
  RowKey key;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &key.day) ||
      !absl::SimpleAtoi(parts[2], &key.user_source)) {
    return PageTokenInvalid();
  }
  key.appid = parts[1];
  return std::optional<RowKey>(key);
}

}  // namespace

absl::StatusOr<v1::QueryStatisticsResponse> StatisticsHandlers::QueryStatistics(
    const rpc::CallContext& call, const v1::QueryStatisticsRequest& request) {
  RowQuery query;
  DATONG_ASSIGN_OR_RETURN(query.project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(query.appids, ParseApps(query.project, request.apps()));
  const std::optional<Api> api = ApiOf(request.metric());
  if (!api.has_value()) {
    return Invalid("METRIC_REQUIRED",
                   "Name the metric: METRIC_FOLLOWER_CHANGE or METRIC_FOLLOWER_TOTAL.");
  }
  query.api = *api;
  DATONG_ASSIGN_OR_RETURN(query.days, ParseDays(request.begin_day(), request.end_day()));
  DATONG_ASSIGN_OR_RETURN(const int32_t size, rpc::PageSize(request.page_size(), 1000, 5000));
  const std::string filter = FilterOf(request);
  DATONG_ASSIGN_OR_RETURN(const std::string last, rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(query.after, ReadKey(last));
  query.limit = size + 1;
  DATONG_ASSIGN_OR_RETURN(const std::vector<StatisticRow> rows,
                          store_.ListRows(query, call.deadline));
  v1::QueryStatisticsResponse response;
  for (const StatisticRow& row : rows) {
    if (response.rows_size() == size) {
      const StatisticRow& end = rows[static_cast<size_t>(size) - 1];
      response.set_next_page_token(
          rpc::MakePageToken(KeyText({DayNumber(end.day), end.appid, end.user_source}), filter));
      break;
    }
    *response.add_rows() = RowMessage(query.project, request.metric(), row);
  }
  return response;
}

absl::StatusOr<v1::GetFreshnessResponse> StatisticsHandlers::GetFreshness(
    const rpc::CallContext& call, const v1::GetFreshnessRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(const std::vector<std::string> appids,
                          ParseApps(project, request.apps()));
  DATONG_ASSIGN_OR_RETURN(const int32_t size, rpc::PageSize(request.page_size(), 100, 500));
  const std::string filter = FilterOf(request);
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  const absl::Time now = clock_.Now();
  DATONG_ASSIGN_OR_RETURN(const std::vector<ApiSnapshot> snapshots,
                          store_.ListSnapshots(project, appids, after, size + 1,
                                               NewestPublishedDay(now), call.deadline));
  v1::GetFreshnessResponse response;
  int apps = 0;
  std::string last;
  for (const ApiSnapshot& snapshot : snapshots) {
    if (snapshot.account.app.appid != last) {
      if (apps == size) {
        response.set_next_page_token(rpc::MakePageToken(last, filter));
        break;
      }
      ++apps;
      last = snapshot.account.app.appid;
    }
    *response.add_freshness() = FreshnessMessage(snapshot, now);
  }
  return response;
}

absl::StatusOr<v1::ListSyncRunsResponse> StatisticsHandlers::ListSyncRuns(
    const rpc::CallContext& call, const v1::ListSyncRunsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string project, rpc::ParseProjectName(request.project()));
  std::vector<std::string> appids;
  if (!request.app().empty()) {
    const std::vector<std::string> names = {request.app()};
    DATONG_ASSIGN_OR_RETURN(appids, ParseApps(project, names));
  }
  DATONG_ASSIGN_OR_RETURN(const int32_t size, rpc::PageSize(request.page_size(), 50, 500));
  const std::string filter = FilterOf(request);
  DATONG_ASSIGN_OR_RETURN(const std::string last, rpc::ReadPageToken(request.page_token(), filter));
  int64_t before = 0;
  if (!last.empty() && !absl::SimpleAtoi(last, &before)) return PageTokenInvalid();
  DATONG_ASSIGN_OR_RETURN(const std::vector<SyncRun> runs,
                          store_.ListRuns(project, appids.empty() ? "" : appids.front(), before,
                                          size + 1, call.deadline));
  v1::ListSyncRunsResponse response;
  for (const SyncRun& run : runs) {
    if (response.sync_runs_size() == size) {
      response.set_next_page_token(
          rpc::MakePageToken(absl::StrCat(runs[static_cast<size_t>(size) - 1].id), filter));
      break;
    }
    *response.add_sync_runs() = RunMessage(run);
  }
  return response;
}

absl::StatusOr<v1::GetSyncRunResponse> StatisticsHandlers::GetSyncRun(
    const rpc::CallContext& call, const v1::GetSyncRunRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      const std::vector<std::string> parts,
      rpc::ParseResourceName(request.name(), "projects/{}/syncRuns/{}", "SYNC_RUN_NAME_INVALID"));
  int64_t id = 0;
  if (!absl::SimpleAtoi(parts[1], &id)) return SyncRunUnknown(request.name());
  DATONG_ASSIGN_OR_RETURN(const std::optional<SyncRun> run,
                          store_.FindRun(parts[0], id, call.deadline));
  if (!run.has_value()) return SyncRunUnknown(request.name());
  v1::GetSyncRunResponse response;
  *response.mutable_sync_run() = RunMessage(*run);
  return response;
}

absl::StatusOr<v1::TriggerSyncResponse> StatisticsHandlers::TriggerSync(
    const rpc::CallContext& call, const v1::TriggerSyncRequest& request) {
  NewRun run;
  DATONG_ASSIGN_OR_RETURN(run.app, ParseApp(request.app()));
  if (!IsUuid(request.request_id())) {
    return Invalid("REQUEST_ID_INVALID",
                   "request_id must be a UUID, for example 5f0c3c1e-6a4e-4f64-9a59-0d2f2f4f7a11.",
                   {{"request_id", request.request_id()}});
  }
  const absl::Time now = clock_.Now();
  DaySpan span;
  span.end = NewestPublishedDay(now);
  if (!request.end_day().empty()) {
    DATONG_ASSIGN_OR_RETURN(span.end, ParseRequestDay("end_day", request.end_day()));
  }
  span.begin = span.end - (kMaxSpanDays - 1);
  if (!request.begin_day().empty()) {
    DATONG_ASSIGN_OR_RETURN(span.begin, ParseRequestDay("begin_day", request.begin_day()));
  }
  const std::string begin = FormatDay(span.begin);
  const std::string end = FormatDay(span.end);
  if (span.begin > span.end) {
    return DayRangeInvalid(begin, end, "the last day must not be before the first");
  }
  if (span.begin < kEarliestDay) {
    return DayRangeInvalid(begin, end, "the platform has nothing before 2014-12-01");
  }
  if (span.end >= ShanghaiDay(now)) {
    return DayRangeInvalid(begin, end, "the last day is yesterday in Shanghai at the latest");
  }
  DATONG_ASSIGN_OR_RETURN(const std::optional<Account> account,
                          store_.FindAccount(run.app, call.deadline));
  if (!account.has_value()) return AppUnknown(request.app());
  if (account->kind != kOfficialAccount) return StatisticsNotOffered(request.app(), account->kind);
  if (!account->connected) return AppNotConnected(request.app());

  run.trigger = Trigger::kRequested;
  run.request_id = absl::AsciiStrToLower(request.request_id());
  // As asked, not as resolved: a repeat on the next day is still the same request.
  run.request_text = absl::StrCat(request.begin_day(), "/", request.end_day(), "/",
                                  request.skip_roster() ? "skip" : "roster");
  run.create_time = now;
  for (const Api api : kStatisticsApis) {
    for (Piece& piece : StatisticsPieces(run.app, api, CutSpan(span), now)) {
      run.pieces.push_back(std::move(piece));
    }
  }
  if (!request.skip_roster()) run.pieces.push_back(RosterPiece(run.app, now));
  DATONG_ASSIGN_OR_RETURN(const SyncRun started, store_.StartRun(run, call.deadline));
  v1::TriggerSyncResponse response;
  *response.mutable_sync_run() = RunMessage(started);
  return response;
}

}  // namespace datong::datacube
