#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/http/server.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim {

// True for the paths of the pages that log users in.
bool IsWebLoginPage(absl::string_view path);

// /connect/oauth2/authorize and /connect/qrconnect. GET shows the page, or, where WeChat shows
// none, redirects at once; POST is its form. Who is in front of the browser is told by `user`, an
// openid of the app, which the real page knows by itself.
http::ServerResponse WebLoginPage(World& world, const http::ServerRequest& request, absl::Time now);

}  // namespace datong::wechat_sim
