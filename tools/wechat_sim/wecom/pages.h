#pragma once

#include "common/http/server.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim::wecom {

// WeCom's pages for browsers: a suite's install page and the QR code of an agency-built template
// (open.work.weixin.qq.com), and the web login of a corp or suite (open.weixin.qq.com, by the same
// path as WeChat's: the appid tells).
bool IsPage(const http::ServerRequest& request);
http::ServerResponse Page(World& world, const http::ServerRequest& request, absl::Time now);

}  // namespace datong::wechat_sim::wecom
