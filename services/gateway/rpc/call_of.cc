#include "services/gateway/rpc/call_of.h"

#include <utility>

#include "common/rpc/call_context.h"
#include "common/trace/trace.h"

namespace datong::gateway {

Call CallOf(const http::ServerRequest& request, absl::string_view method, absl::Duration timeout) {
  // The HTTP server's span, which stands in the trace of the request.
  const std::string traceparent = trace::Current().Traceparent();
  rpc::CallContext context =
      rpc::MakeCallContext(method,
                           {request.request_id, traceparent, request.headers.Get("tracestate"),
                            request.headers.Get("authorization")},
                           Deadline::After(timeout));
  // Without it the call would be made in the gateway's own name.
  if (context.authorization.empty()) context.authorization = std::string(rpc::kNoAuthorization);
  return Call{std::move(context.method),        std::move(context.request_id),
              std::move(context.traceparent),   std::move(context.tracestate),
              std::move(context.authorization), context.deadline};
}

Call OwnCallOf(const http::ServerRequest& request, absl::string_view method,
               absl::Duration timeout) {
  Call call = CallOf(request, method, timeout);
  call.authorization.clear();
  return call;
}

}  // namespace datong::gateway
