#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// What the caller is told when the platform refused a call about a user of `app`: the broker's own
// errors, which name neither codes nor users. `api` names the call in rate limits.
absl::Status ExplainRefusal(const App& app, const std::string& api, const absl::Status& cause);

}  // namespace datong::broker
