#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"
#include "common/trace/trace.h"

namespace datong::rpc {

// How long a caller without a deadline is given.
inline constexpr absl::Duration kDefaultDeadline = absl::Seconds(10);

// Stands for an `authorization` that cannot be passed on: it is no valid credential of any kind, so
// that a malformed one is refused and not taken for none.
inline constexpr absl::string_view kMalformedAuthorization = "malformed";

// Stands for the `authorization` of somebody who sent none, in calls that the gateway makes for
// him: the callee then does not take them for the gateway's own.
inline constexpr absl::string_view kNoAuthorization = "none";

// Who calls: a name as in auth::Answer ("key:shop", "service:datacube"; "anonymous" under
// `insecure.allow`), and what it was told by.
struct Caller {
  std::string name = "anonymous";
  std::string peer;
  std::string service;    // a service of this very process
  std::string spiffe_id;  // of the client's certificate
};

// What a handler knows of the call it answers. Handed on to outgoing calls by rpc::Outgoing.
struct CallContext {
  std::string method;  // "/datong.broker.v1.TokenService/GetToken"
  Caller caller;
  std::string request_id;   // from `x-request-id`, else made
  std::string traceparent;  // W3C: our own span where it is recorded, else the caller's, else made
  bool begins_trace = false;          // the caller sent none
  std::shared_ptr<trace::Span> span;  // what we do for the caller, where it is recorded
  std::string tracestate;
  std::string authorization;  // the caller's header, to be passed on unchanged; never logged
  Deadline deadline = Deadline::After(kDefaultDeadline);
};

// What came with a request, over gRPC or over HTTP; empty where nothing did.
struct IncomingHeaders {
  absl::string_view request_id;
  absl::string_view traceparent;
  absl::string_view tracestate;
  absl::string_view authorization;
};

// The context of a call that comes from outside. Ids that are missing, too long or malformed are
// replaced by new ones.
CallContext MakeCallContext(absl::string_view method, const IncomingHeaders& headers,
                            Deadline deadline);

// The context of work that nobody called for (workers, periodic tasks). `name` says which work it
// is, for logs: "broker.inbox". Belongs to the trace of the thread, if it has one.
CallContext MakeBackgroundCall(absl::string_view name, Deadline deadline);

}  // namespace datong::rpc
