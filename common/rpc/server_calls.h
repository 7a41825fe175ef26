#pragma once

// How gRPC services are written: a class derived from the generated CallbackService, with one line
// per RPC that names a plain function. Included by rpc/*_grpc_service.cc files only.
//
//   class TokenGrpcService final : public TokenService::CallbackService {
//    public:
//     TokenGrpcService(rpc::Calls& calls, TokenHandlers& handlers) …
//     grpc::ServerUnaryReactor* GetToken(grpc::CallbackServerContext* context,
//         const GetTokenRequest* request, GetTokenResponse* response) override {
//       return calls_.Unary(context, request, response, "/datong.broker.v1.TokenService/GetToken",
//                           [this](const auto& call, const auto& r) { return
//                           handlers_.GetToken(call, r); });
//     }
//   };

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/exec/thread_pool.h"
#include "common/metrics/registry.h"
#include "common/rpc/call_context.h"

namespace datong::rpc {
// To be completed by the library's author: class Calls with
//   Unary(context, request, response, method, handler)        on the pool
//   UnaryInline(…)                                             on the reactor's thread, never
//   blocks ServerStream(context, request, method, next)               next() on the pool until the
//   end BidiStream(context, method, on_message)                    one message at a time on the
//   pool
}  // namespace datong::rpc
