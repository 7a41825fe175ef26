#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "common/wechat/answer.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

// Calls to qyapi.weixin.qq.com whose answer must say success; a missing errcode does. Errors: as of
// PlatformHttp::Send; for an errcode, those of wechat::WecomErrorCodeStatus. A null `body` is a
// GET.
absl::StatusOr<wechat::Answer> AskWecom(PlatformHttp& http, const std::string& path,
                                        const PlatformHttp::Query& query,
                                        const nlohmann::json* body, Deadline deadline);

}  // namespace datong::broker
