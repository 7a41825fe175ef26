#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/core/call.h"

namespace datong::gateway {

// The services behind the gateway, called by name with messages in binary form. Thread-safe; Call
// blocks until the call's deadline at most.
class RpcBackends {
 public:
  virtual ~RpcBackends() = default;

  // `service` is the owner ("broker"), the method is that of the call context.
  // Errors: those of the callee with their details; UNAVAILABLE when it cannot be reached.
  virtual absl::StatusOr<std::string> Call(const gateway::Call& call, absl::string_view service,
                                           const std::string& request) = 0;
};

}  // namespace datong::gateway
