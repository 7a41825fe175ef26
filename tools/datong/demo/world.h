#pragma once

#include <string>

#include "tools/datong/demo/estate.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::demo {

// Credentials that exist on both sides: at WeChat and in the suite.
constexpr char kComponentSecret[] = "component-secret-of-the-demo-0001";
constexpr char kClubSecret[] = "club-secret-of-the-demo-00000001";
constexpr char kCallbackToken[] = "demo-callback-token";
constexpr char kEncodingAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

// Gives the simulator the estate's accounts, and everybody who is there before the story begins.
// `callback_url` is the gateway's.
absl::Status FillSimulator(wechat_sim::Simulator& simulator, const Estate& estate,
                           const std::string& callback_url, const std::string& project);

}  // namespace datong::demo
