#pragma once

#include <string>

#include "common/time/deadline.h"

namespace datong::gateway {

// What goes along with a call to a service on behalf of an HTTP request.
struct Call {
  std::string method;  // "/datong.broker.v1.TokenService/GetToken", or the door's own name
  std::string request_id;
  std::string traceparent;
  std::string tracestate;
  std::string authorization;  // the caller's, never logged
  Deadline deadline = Deadline::After(absl::Seconds(10));
};

}  // namespace datong::gateway
