#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/server/process.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "tools/benchmarks/estate.h"

namespace datong::bench {

// The limit: gRPC's own callback API and nothing else.
class BareTokenService final : public broker::v1::TokenService::CallbackService {
 public:
  explicit BareTokenService(broker::v1::GetTokenResponse answer) : answer_(std::move(answer)) {}
  grpc::ServerUnaryReactor* GetToken(grpc::CallbackServerContext* context,
                                     const broker::v1::GetTokenRequest*,
                                     broker::v1::GetTokenResponse* response) override {
    *response = answer_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const broker::v1::GetTokenResponse answer_;
};

// Calls a second with 64 of them under way all the time, each with `authorization`. Errors: that
// calls failed.
absl::StatusOr<double> MeasureRate(broker::v1::TokenService::Stub& stub,
                                   const broker::v1::GetTokenRequest& request,
                                   const std::string& authorization, absl::Duration duration);
// An official account in "projects/demo", which is made where it is missing.
absl::Status CreateTokenApp(const Estate& estate, server::Process& process,
                            const std::string& appid);

}  // namespace datong::bench
