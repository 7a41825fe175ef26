#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"

namespace datong::tools {

struct SelftestOptions {
  // Where each component listens; those that are missing are asked at `address`.
  std::map<std::string, std::string> components;
  std::string address;
  // Sent with the calls of the round trip; may be empty.
  Secret api_key = {};
  std::string project = "projects/selftest";
  absl::Duration timeout = absl::Seconds(30);
  // Credentials are not asked for here (insecure.allow): nobody is refused.
  bool insecure = false;
};

// Asks grpc.health.v1 for `service`; waits for who is not there yet. Errors: UNAVAILABLE when it
// does not serve, DEADLINE_EXCEEDED.
absl::Status CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                         Deadline deadline);

// Asks every component whether it can serve; asks for a token without saying who asks, which must
// be refused; and sends one event on its way: it must be stored once, and answered as a duplicate
// when it is sent again. `say` gets a line for each check.
bool Selftest(const SelftestOptions& options, const std::function<void(const std::string&)>& say);

}  // namespace datong::tools
