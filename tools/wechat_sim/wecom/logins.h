#pragma once

#include <string>

#include "tools/wechat_sim/wecom/estate.h"

namespace datong::wechat_sim::wecom {

// A code of a web or mini-program login, good once and for five minutes.
std::string MintLoginCode(Estate& estate, LoginCode code, int64_t now);
// Whose login an appid of the login page names: the suite_id, or the corpid in plain; "" when it is
// neither a suite's nor a corp's (as anybody sees it).
std::string AudienceOf(Estate& estate, const std::string& appid);

}  // namespace datong::wechat_sim::wecom
