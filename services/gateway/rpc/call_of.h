#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/http/server.h"
#include "services/gateway/core/call.h"

namespace datong::gateway {

// The call that a request of an RPC's caller stands for: ids, trace and `authorization` are the
// request's own.
Call CallOf(const http::ServerRequest& request, absl::string_view method, absl::Duration timeout);

// A call that the gateway makes in its own name: WeChat and browsers bring no credential of ours.
Call OwnCallOf(const http::ServerRequest& request, absl::string_view method,
               absl::Duration timeout);

}  // namespace datong::gateway
