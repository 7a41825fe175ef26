#include "common/wechat/answer.h"

#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/wechat/error_codes.h"
#include "common/wechat/lenient_json.h"

namespace datong::wechat {
namespace {

using nlohmann::json;

const json* Find(const json& object, absl::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(std::string(name));
  return it == object.end() ? nullptr : &*it;
}

}  // namespace

absl::Status Answer::status(absl::string_view app) const {
  return ErrorCodeStatus(errcode, errmsg, app);
}

absl::StatusOr<Answer> ParseAnswer(absl::string_view body) {
  std::optional<json> parsed = ParseLenientJson(body);
  if (!parsed || !parsed->is_object()) {
    return MakeError(
        absl::StatusCode::kUnavailable,
        "WeChat's answer is no JSON object or was cut off; try again.",
        {"wechat.datong", "ANSWER_UNREADABLE", {{"bytes", absl::StrCat(body.size())}}});
  }
  Answer answer;
  answer.body = *std::move(parsed);
  if (Find(answer.body, "errcode") != nullptr) {
    // An errcode that is no number at all is no success either.
    answer.errcode = NumberField(answer.body, "errcode").value_or(-1);
    answer.errmsg = TextField(answer.body, "errmsg");
  } else if (const json* base = Find(answer.body, "base_resp"); base != nullptr) {
    answer.errcode = NumberField(*base, "ret").value_or(0);
    answer.errmsg = TextField(*base, "err_msg");
  }
  return answer;
}

absl::StatusOr<Answer> ParseAnswer(int http_status, absl::string_view body) {
  if (http_status < 200 || http_status > 299) {
    return MakeError(
        absl::StatusCode::kUnavailable,
        absl::StrCat("WeChat answered with HTTP status ", http_status, "; try again."),
        {"wechat.datong", "ANSWER_HTTP_STATUS", {{"status", absl::StrCat(http_status)}}});
  }
  return ParseAnswer(body);
}

std::string TextField(const json& object, absl::string_view name) {
  const json* value = Find(object, name);
  if (value == nullptr || value->is_null() || value->is_structured()) return "";
  return value->is_string() ? value->get<std::string>() : value->dump();
}

std::optional<int64_t> NumberField(const json& object, absl::string_view name) {
  const json* value = Find(object, name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_integer()) return value->get<int64_t>();
  if (value->is_number_float()) {
    const double number = value->get<double>();
    if (!(std::abs(number) < 9e15)) return std::nullopt;
    return static_cast<int64_t>(std::llround(number));
  }
  int64_t number = 0;
  if (value->is_string() && absl::SimpleAtoi(value->get<std::string>(), &number)) return number;
  return std::nullopt;
}

const json& ListField(const json& object, absl::string_view name) {
  static const auto& empty = *new json(json::array());
  const json* value = Find(object, name);
  return value != nullptr && value->is_array() ? *value : empty;
}

const json& ObjectField(const json& object, absl::string_view name) {
  static const auto& empty = *new json(json::object());
  const json* value = Find(object, name);
  return value != nullptr && value->is_object() ? *value : empty;
}

}  // namespace datong::wechat
