#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/http/client.h"

namespace datong::demo {

// Does what an administrator does with a telephone: opens the launch page, presses its button,
// chooses the account on WeChat's page, confirms or refuses, and follows the way back.
// Returns the last page's HTML. Errors: INTERNAL, saying which page went wrong.
absl::StatusOr<std::string> ScanAndDecide(http::Client& client, const std::string& launch_url,
                                          const std::string& account_appid, bool confirm);

}  // namespace datong::demo
