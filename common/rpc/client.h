#pragma once

// How one service calls another: a channel, a generated stub, and Outgoing for its unary RPCs.
//
//   absl::StatusOr<LinkResponse> linked = outgoing_.Call(
//       call, "/datong.identity.v1.IdentityService/Link", *stub_,
//       &IdentityService::StubInterface::Link, request, {.idempotent = true});

#include <grpcpp/grpcpp.h>

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/metrics/registry.h"
#include "common/rpc/call_context.h"
#include "common/rpc/method_series.h"

namespace datong::rpc {

struct ChannelOptions {
  int max_message_bytes = 16 << 20;
  // Sent with every call: credentials that belong to the channel and not to a call.
  std::map<std::string, std::string> headers = {};
  // Plaintext without.
  std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr;
};

// A channel with the suite's keepalive and reconnection settings, connected when first used.
// `address`: "host:port", "dns:///host:port" (round robin over its addresses),
// "unix-abstract:name".
std::shared_ptr<grpc::Channel> CreateChannel(const std::string& address,
                                             const ChannelOptions& options = {});

// What the callee needs to know of the call on whose behalf it is called: request id, trace,
// authorization, and a deadline a little before our own, at most `longest` from now. For streams;
// Outgoing does it for unary calls.
void PrepareContext(const CallContext& call, absl::Duration longest, grpc::ClientContext& context);
void PrepareContext(const CallContext& call, const std::string& traceparent, absl::Duration longest,
                    grpc::ClientContext& context);

struct CallOptions {
  // The caller's deadline, shortened, and never more than this.
  absl::Duration longest = absl::Seconds(10);
  // Doing it twice does no harm: UNAVAILABLE, and what a server that shuts down did not begin, is
  // then tried again, 3 attempts in all, with jitter.
  bool idempotent = false;
};

// Makes unary calls: deadline, ids, authorization, retries, grpc_client_* metrics, and statuses
// with their ErrorInfo and RetryInfo. Thread-safe; Call blocks.
class Outgoing {
 public:
  explicit Outgoing(metrics::Registry& registry) : series_("client", registry) {}

  // Puts the series of these RPCs at zero: those that a peer is going to be asked for.
  void Expect(std::initializer_list<absl::string_view> methods);

  // Errors: those of the callee; UNAVAILABLE when it cannot be reached, DEADLINE_EXCEEDED.
  template <typename Stub, typename Interface, typename Request, typename Response>
  absl::StatusOr<Response> Call(const CallContext& call, absl::string_view method, Stub& stub,
                                grpc::Status (Interface::*rpc)(grpc::ClientContext*, const Request&,
                                                               Response*),
                                const Request& request, CallOptions options = {}) {
    Response response;
    const absl::Status status =
        Run(call, method, options, [&](grpc::ClientContext& context) -> grpc::Status {
          response.Clear();
          return (stub.*rpc)(&context, request, &response);
        });
    if (!status.ok()) return status;
    return response;
  }

  // One call, tried as often as `options` allow.
  absl::Status Run(const CallContext& call, absl::string_view method, CallOptions options,
                   absl::FunctionRef<grpc::Status(grpc::ClientContext&)> attempt);

 private:
  MethodSeriesMap series_;
};

}  // namespace datong::rpc
