#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/http/server.h"

namespace datong::gateway {

// The code as the Connect protocol spells it: "invalid_argument".
const char* ConnectCodeName(absl::StatusCode code);
// The HTTP status that goes with it.
int ConnectHttpStatus(absl::StatusCode code);

// The status as a Connect error: {"code", "message", "details": [{"type", "value", "debug"}]},
// where `value` is the detail's bytes in unpadded base64 and `debug` its JSON, when its type is
// known. RetryInfo becomes a Retry-After header too.
http::ServerResponse ConnectError(const absl::Status& status);

}  // namespace datong::gateway
