#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/broker/core/api_usage_store.h"

namespace datong::broker {

// Until when an interface is left alone after an errcode of class kQuota or kRateLimited. The text
// tells a limit per minute from one per day where WeChat uses one code for both.
ApiStop StopAfter(int64_t errcode, absl::string_view errmsg, absl::Time now);

}  // namespace datong::broker
