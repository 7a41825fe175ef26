#pragma once

#include "common/rpc/call_context.h"
#include "services/gateway/core/call.h"

namespace datong::gateway {

inline rpc::CallContext ToContext(const Call& call) {
  rpc::CallContext context;
  context.method = call.method;
  context.request_id = call.request_id;
  context.traceparent = call.traceparent;
  context.tracestate = call.tracestate;
  context.authorization = call.authorization;
  context.deadline = call.deadline;
  return context;
}

}  // namespace datong::gateway
