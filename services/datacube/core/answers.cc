#include "services/datacube/core/answers.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "services/datacube/core/errors.h"

namespace datong::datacube {
namespace {

using Json = nlohmann::json;

// A number, or text that holds one.
std::optional<int64_t> Integer(const Json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end()) return std::nullopt;
  if (field->is_number_integer()) return field->get<int64_t>();
  if (field->is_number_float()) {
    const double number = field->get<double>();
    if (std::abs(number) < 9e15) return static_cast<int64_t>(number);
    return std::nullopt;
  }
  int64_t number = 0;
  if (field->is_string() && absl::SimpleAtoi(field->get_ref<const std::string&>(), &number)) {
    return number;
  }
  return std::nullopt;
}

std::string Text(const Json& object, const char* name) {
  const auto field = object.find(name);
  return field != object.end() && field->is_string() ? field->get<std::string>() : std::string();
}

// The objects of a list that may be absent or null.
std::vector<const Json*> Objects(const Json& object, const char* name) {
  std::vector<const Json*> objects;
  const auto list = object.find(name);
  if (list == object.end() || !list->is_array()) return objects;
  for (const Json& entry : *list) {
    if (entry.is_object()) objects.push_back(&entry);
  }
  return objects;
}

absl::StatusOr<Json> ParseAnswer(absl::string_view body) {
  Json answer = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (answer.is_discarded()) {
    const std::string clean = SanitizeUtf8(body);
    answer = Json::parse(clean, nullptr, /*allow_exceptions=*/false);
  }
  if (!answer.is_object()) return AnswerMalformed();
  const int64_t errcode = Integer(answer, "errcode").value_or(0);
  if (errcode != 0) return PlatformError(errcode, Text(answer, "errmsg"));
  return answer;
}

// Calls `take(row, day)` for each row of `list` that is about a day of the asked range.
template <typename Take>
int TakeRows(const Json& answer, DaySpan asked, Take take) {
  int refused = 0;
  for (const Json* row : Objects(answer, "list")) {
    const absl::StatusOr<absl::CivilDay> day = ParseDay(Text(*row, "ref_date"));
    if (!day.ok() || *day < asked.begin || *day > asked.end) {
      ++refused;
      continue;
    }
    take(*row, *day);
  }
  return refused;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<ChangeAnswer> ParseUserSummary(absl::string_view body, DaySpan asked) {
  DATONG_ASSIGN_OR_RETURN(const Json json, ParseAnswer(body));
  ChangeAnswer answer;
  answer.rows_refused = TakeRows(json, asked, [&](const Json& row, absl::CivilDay day) {
    answer.rows.push_back({day, Integer(row, "user_source").value_or(0), Integer(row, "new_user"),
                           Integer(row, "cancel_user"), Dump(row)});
  });
  return answer;
}

absl::StatusOr<TotalAnswer> ParseUserCumulate(absl::string_view body, DaySpan asked) {
  DATONG_ASSIGN_OR_RETURN(const Json json, ParseAnswer(body));
  TotalAnswer answer;
  answer.rows_refused = TakeRows(json, asked, [&](const Json& row, absl::CivilDay day) {
    answer.rows.push_back({day, Integer(row, "cumulate_user"), Dump(row)});
  });
  return answer;
}

absl::StatusOr<RosterPage> ParseRosterPage(absl::string_view body) {
  DATONG_ASSIGN_OR_RETURN(const Json json, ParseAnswer(body));
  RosterPage page;
  page.total = Integer(json, "total").value_or(0);
  page.next_openid = Text(json, "next_openid");
  const auto data = json.find("data");
  if (data == json.end() || !data->is_object()) return page;
  const auto openids = data->find("openid");
  if (openids == data->end() || !openids->is_array()) return page;
  for (const Json& openid : *openids) {
    if (openid.is_string() && !openid.get_ref<const std::string&>().empty()) {
      page.openids.push_back(openid.get<std::string>());
    }
  }
  return page;
}

absl::StatusOr<std::vector<FollowerInfo>> ParseFollowerInfos(absl::string_view body) {
  DATONG_ASSIGN_OR_RETURN(const Json json, ParseAnswer(body));
  std::vector<FollowerInfo> infos;
  for (const Json* user : Objects(json, "user_info_list")) {
    FollowerInfo info;
    info.openid = Text(*user, "openid");
    if (info.openid.empty()) continue;
    info.follows = Integer(*user, "subscribe").value_or(0) != 0;
    info.subscribe_time = Integer(*user, "subscribe_time");
    info.scene = Text(*user, "subscribe_scene");
    info.unionid = Text(*user, "unionid");
    infos.push_back(std::move(info));
  }
  return infos;
}

int64_t ErrcodeOf(const absl::Status& status) {
  const std::optional<ErrorInfo> info = GetErrorInfo(status);
  if (!info.has_value()) return 0;
  const auto errcode = info->metadata.find("errcode");
  int64_t number = 0;
  if (errcode == info->metadata.end() || !absl::SimpleAtoi(errcode->second, &number)) return 0;
  return number;
}

std::string StatisticsRequest(DaySpan span) {
  return absl::StrCat("{\"begin_date\":\"", FormatDay(span.begin), "\",\"end_date\":\"",
                      FormatDay(span.end), "\"}");
}

std::string FollowerInfoRequest(const std::vector<std::string>& openids) {
  Json users = Json::array();
  for (const std::string& openid : openids) {
    users.push_back({{"openid", openid}, {"lang", "zh_CN"}});
  }
  return Dump({{"user_list", std::move(users)}});
}

}  // namespace datong::datacube
