#include "services/broker/rpc/js_api_grpc_service.h"

#include "common/rpc/server_calls.h"
#include "datong/broker/v1/js_api.grpc.pb.h"

namespace datong::broker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class JsApiGrpcService final : public v1::JsApiService::CallbackService {
 public:
  JsApiGrpcService(rpc::Calls& calls, JsApiHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* SignJsApi(CallbackServerContext* context, const v1::SignJsApiRequest* request,
                                v1::SignJsApiResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.JsApiService/SignJsApi",
        [this](const auto& call, const auto& r) { return handlers_.SignJsApi(call, r); });
  }
  ServerUnaryReactor* GetJsTicket(CallbackServerContext* context,
                                  const v1::GetJsTicketRequest* request,
                                  v1::GetJsTicketResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.JsApiService/GetJsTicket",
        [this](const auto& call, const auto& r) { return handlers_.GetJsTicket(call, r); });
  }

 private:
  rpc::Calls& calls_;
  JsApiHandlers& handlers_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJsApiGrpcService(rpc::Calls& calls, JsApiHandlers& handlers) {
  return std::make_unique<JsApiGrpcService>(calls, handlers);
}

}  // namespace datong::broker
