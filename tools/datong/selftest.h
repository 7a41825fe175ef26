#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/base/secret.h"

namespace datong::tools {

struct SelftestOptions {
  // Where each component listens; those that are missing are asked at `address`.
  std::map<std::string, std::string> components;
  std::string address;
  // Sent with the calls of the round trip; may be empty.
  Secret api_key = {};
  std::string project = "projects/selftest";
  absl::Duration timeout = absl::Seconds(30);
};

// Asks every component whether it can serve, and sends one event on its way: it must be stored
// once, and answered as a duplicate when it is sent again. `say` gets a line for each check.
bool Selftest(const SelftestOptions& options, const std::function<void(const std::string&)>& say);

}  // namespace datong::tools
