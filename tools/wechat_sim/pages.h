#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/http/server.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim {

// True for the paths of the authorisation page.
bool IsAuthorizationPage(absl::string_view path);

// GET: the page that a "scan" shows, or one that says what is wrong. POST: its form.
// `*confirmed` tells that an account was authorised, with its push in the outbox.
http::ServerResponse AuthorizationPage(World& world, const http::ServerRequest& request,
                                       absl::Time now, bool* confirmed);

}  // namespace datong::wechat_sim
