#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "tools/wechat_sim/model.h"

namespace datong::wechat_sim {

using nlohmann::json;

// Reads a value of the admin API over `value`: fields that are not given keep what they had.
// Errors: INVALID_ARGUMENT, with the field and what is wrong.
absl::Status ReadApp(const json& in, AppSpec* value);
absl::Status ReadUser(const json& in, UserSpec* value);
absl::Status ReadFault(const json& in, FaultSpec* value);
absl::Status ReadOverride(const json& in, OverrideSpec* value);
absl::Status ReadSettings(const json& in, Settings* value);

json WriteUser(const UserSpec& user);
json WriteFault(const FaultSpec& fault);

}  // namespace datong::wechat_sim
