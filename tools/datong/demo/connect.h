#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/http/client.h"
#include "tools/datong/demo/client.h"
#include "tools/datong/demo/story.h"

namespace datong::demo {

// Creates the project, the component and the self-managed app, connects the official account and
// the shop by "scanning" (after the administrator has refused once), and creates the sources.
// Returns the page that the refusal ended on.
absl::StatusOr<std::string> ConnectAccounts(const Stage& stage, Client& client, http::Client& http);

}  // namespace datong::demo
