#pragma once

#include "common/http/server.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim::wecom {

// WeCom's pages for administrators (open.work.weixin.qq.com): a suite's install page, and what the
// QR code of an agency-built template leads to.
bool IsInstallPage(const http::ServerRequest& request);
http::ServerResponse InstallPage(World& world, const http::ServerRequest& request, absl::Time now);

}  // namespace datong::wechat_sim::wecom
