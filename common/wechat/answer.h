#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong::wechat {

// The answer of an API: HTTP 200 and a JSON object in which a missing errcode means success.
struct Answer {
  int64_t errcode = 0;
  std::string errmsg;
  nlohmann::json body = nlohmann::json::object();

  bool ok() const { return errcode == 0; }
  // As ErrorCodeStatus says; OK on success.
  absl::Status status(absl::string_view app = "") const;
};

// Reads an answer's body. errcode may be a text; the ads family's base_resp.ret counts as well.
// Errors: UNAVAILABLE/ANSWER_UNREADABLE (not JSON, cut off, or no object) — repeat the call.
absl::StatusOr<Answer> ParseAnswer(absl::string_view body);
// The same with the HTTP status: 5xx, 412 and other non-2xx are UNAVAILABLE/ANSWER_HTTP_STATUS.
absl::StatusOr<Answer> ParseAnswer(int http_status, absl::string_view body);

// Fields as WeChat really sends them: a number may come as a text, a text as a number, a list as
// null or not at all. A missing or strange field reads as "", nothing, or an empty list.
std::string TextField(const nlohmann::json& object, absl::string_view name);
std::optional<int64_t> NumberField(const nlohmann::json& object, absl::string_view name);
// A reference to the list, or to an empty one that lives for ever.
const nlohmann::json& ListField(const nlohmann::json& object, absl::string_view name);
const nlohmann::json& ObjectField(const nlohmann::json& object, absl::string_view name);

}  // namespace datong::wechat
