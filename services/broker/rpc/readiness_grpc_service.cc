#include "services/broker/rpc/readiness_grpc_service.h"

#include "common/rpc/server_calls.h"
#include "datong/broker/v1/readiness.grpc.pb.h"

namespace datong::broker {
namespace {

class ReadinessGrpcService final : public v1::ReadinessService::CallbackService {
 public:
  ReadinessGrpcService(rpc::Calls& calls, ReadinessHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  grpc::ServerUnaryReactor* CheckReadiness(grpc::CallbackServerContext* context,
                                           const v1::CheckReadinessRequest* request,
                                           v1::CheckReadinessResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ReadinessService/CheckReadiness",
        [this](const auto& call, const auto& r) { return handlers_.CheckReadiness(call, r); });
  }

 private:
  rpc::Calls& calls_;
  ReadinessHandlers& handlers_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeReadinessGrpcService(rpc::Calls& calls,
                                                        ReadinessHandlers& handlers) {
  return std::make_unique<ReadinessGrpcService>(calls, handlers);
}

}  // namespace datong::broker
