#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim {

// The part of the admin API that only reads and changes the world; what needs the clock, the pusher
// or the ticker is in simulator.cc. Errors: INVALID_ARGUMENT (what is wrong with the body),
// NOT_FOUND (no such call).
absl::StatusOr<nlohmann::json> WorldAdmin(World& world, absl::Time now, const std::string& method,
                                          const std::string& path, const std::string& query,
                                          const nlohmann::json& body);

}  // namespace datong::wechat_sim
