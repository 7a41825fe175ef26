#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim {

// The admin calls about what users do after a login. Nothing when there is no such call.
std::optional<absl::StatusOr<nlohmann::json>> LoginAdmin(World& world, absl::Time now,
                                                         const std::string& method,
                                                         const std::string& path,
                                                         const nlohmann::json& body);

}  // namespace datong::wechat_sim
