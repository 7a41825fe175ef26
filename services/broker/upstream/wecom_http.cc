#include "services/broker/upstream/wecom_http.h"

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/status/macros.h"
#include "common/wechat/wecom_error_codes.h"

namespace datong::broker {

using nlohmann::json;

absl::StatusOr<wechat::Answer> AskWecom(PlatformHttp& http, const std::string& path,
                                        const PlatformHttp::Query& query, const json* body,
                                        Deadline deadline) {
  const std::string text =
      body == nullptr ? "" : body->dump(-1, ' ', false, json::error_handler_t::replace);
  DATONG_ASSIGN_OR_RETURN(http::ClientResponse response,
                          http.Send(body == nullptr ? "GET" : "POST", path, query, text, deadline));
  DATONG_ASSIGN_OR_RETURN(wechat::Answer answer,
                          wechat::ParseAnswer(response.status, response.body));
  DATONG_RETURN_IF_ERROR(wechat::WecomErrorCodeStatus(answer.errcode, SanitizeUtf8(answer.errmsg)));
  return answer;
}

}  // namespace datong::broker
