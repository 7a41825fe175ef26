#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace datong::tools {

struct ReplayOptions {
  std::shared_ptr<grpc::Channel> channel;  // to identity
  std::string scenarios;  // JSON, in the format of services/identity/testdata/scenarios.json
  std::string policy;     // JSON of a datong.identity.v1.Policy, or empty
  std::string only;       // the name of one scenario, or empty for all
};

struct ReplayResult {
  int scenarios = 0;
  int steps = 0;
  int differences = 0;  // steps after which persons or refusals were not those of the file
};

// Runs scenarios against identity, each in a fresh project, and compares persons and refusals with
// the file after every step. `say` gets a line for each scenario and each difference. Errors:
// INVALID_ARGUMENT for a file that is none; those of identity.
absl::StatusOr<ReplayResult> Replay(const ReplayOptions& options,
                                    const std::function<void(const std::string&)>& say);

}  // namespace datong::tools
