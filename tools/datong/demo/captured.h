#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/http/client.h"
#include "tools/datong/demo/client.h"
#include "tools/datong/demo/story.h"

namespace datong::demo {

// Sends the requests that real SDKs once sent, byte for byte, to the collector of a project of
// their own. Returns how many. Errors: an answer that the SDK would not take for success.
absl::StatusOr<int64_t> ReplayCapturedRequests(const Stage& stage, Client& client,
                                               http::Client& http);

}  // namespace datong::demo
