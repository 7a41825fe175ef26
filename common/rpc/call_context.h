#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"

namespace datong::rpc {

// Who calls. Until callers are authenticated (`insecure.allow`), the name is "anonymous".
struct Caller {
  std::string name = "anonymous";
  std::string peer;
};

// What a handler knows of the call it answers. Handed on to outgoing calls by rpc::Outgoing.
struct CallContext {
  std::string method;  // "/datong.broker.v1.TokenService/GetToken"
  Caller caller;
  std::string request_id;   // from `x-request-id`, else made
  std::string traceparent;  // W3C, from the caller, else made
  std::string tracestate;
  std::string authorization;  // the caller's header, to be passed on unchanged; never logged
  Deadline deadline = Deadline::After(absl::Seconds(10));
};

}  // namespace datong::rpc
