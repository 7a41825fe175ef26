#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/string_view.h"

namespace datong::wechat {

// Parses JSON as WeChat really sends it: when the strict parse fails, once more with raw control
// bytes, lone surrogates and broken UTF-8 inside strings replaced. nullopt when it is no JSON.
std::optional<nlohmann::json> ParseLenientJson(absl::string_view text);

}  // namespace datong::wechat
