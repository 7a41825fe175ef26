#pragma once

#include "common/http/server.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim::wecom {

// The web login of a corp or suite (open.weixin.qq.com/connect/oauth2/authorize): WeChat's accounts
// log in by the same path, the appid tells.
bool IsWebLogin(Estate& estate, const http::ServerRequest& request);
http::ServerResponse WebLoginPage(World& world, const http::ServerRequest& request, absl::Time now);

}  // namespace datong::wechat_sim::wecom
