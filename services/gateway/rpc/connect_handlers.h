#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http/server.h"
#include "services/gateway/core/rpc_backends.h"
#include "services/gateway/rpc/method_directory.h"

namespace datong::gateway {

struct ConnectOptions {
  absl::Duration default_timeout = absl::Seconds(10);
  absl::Duration longest_timeout = absl::Minutes(1);
  int64_t max_message_bytes = 8 << 20;  // after content decoding
};

// Every unary RPC as POST /<package.Service>/<Method>, as the unary Connect protocol says
// (connectrpc.com/docs/protocol): `application/json` or `application/proto`, errors as JSON.
// JSON is proto3's: lowerCamelCase names (the original ones are read too), 64-bit integers as
// strings, bytes as base64, fields at their default left out; unknown fields are errors.
// `authorization`, `traceparent`, `tracestate` and `x-request-id` go to the callee unchanged.
// Thread-safe. What is given must outlive it.
class ConnectHandlers {
 public:
  ConnectHandlers(ConnectOptions options, const MethodDirectory& directory, RpcBackends& backends)
      : options_(options), directory_(directory), backends_(backends) {}

  void RegisterRoutes(http::Router& router);
  http::ServerResponse Handle(const http::ServerRequest& request);

 private:
  absl::StatusOr<std::string> Answer(const http::ServerRequest& request, const ApiMethod& method,
                                     bool is_json);

  const ConnectOptions options_;
  const MethodDirectory& directory_;
  RpcBackends& backends_;
};

}  // namespace datong::gateway
