#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim::wecom {

// The calls below /admin/wecom (README.md).
// Errors: INVALID_ARGUMENT, NOT_FOUND (no such call).
absl::StatusOr<nlohmann::json> Admin(World& world, int64_t now, const std::string& method,
                                     const std::string& path, const nlohmann::json& body);

}  // namespace datong::wechat_sim::wecom
