#include "services/broker/rpc/estate_grpc_service.h"

#include "common/rpc/server_calls.h"
#include "datong/broker/v1/estate.grpc.pb.h"

namespace datong::broker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class EstateGrpcService final : public v1::EstateService::CallbackService {
 public:
  EstateGrpcService(rpc::Calls& calls, EstateHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* ImportAuthorizations(CallbackServerContext* context,
                                           const v1::ImportAuthorizationsRequest* request,
                                           v1::ImportAuthorizationsResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.EstateService/ImportAuthorizations",
                        [this](const auto& call, const auto& r) {
                          return handlers_.ImportAuthorizations(call, r);
                        });
  }
  ServerUnaryReactor* ReconcileAuthorizations(
      CallbackServerContext* context, const v1::ReconcileAuthorizationsRequest* request,
      v1::ReconcileAuthorizationsResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.EstateService/ReconcileAuthorizations",
                        [this](const auto& call, const auto& r) {
                          return handlers_.ReconcileAuthorizations(call, r);
                        });
  }

 private:
  rpc::Calls& calls_;
  EstateHandlers& handlers_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeEstateGrpcService(rpc::Calls& calls, EstateHandlers& handlers) {
  return std::make_unique<EstateGrpcService>(calls, handlers);
}

}  // namespace datong::broker
