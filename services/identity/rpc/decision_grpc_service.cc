#include "services/identity/rpc/decision_grpc_service.h"

namespace datong::identity {

grpc::ServerUnaryReactor* DecisionGrpcService::Unlink(grpc::CallbackServerContext* context,
                                                      const v1::UnlinkRequest* request,
                                                      v1::UnlinkResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/Unlink",
      [this](const auto& call, const auto& r) { return handlers_.Unlink(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::Rebind(grpc::CallbackServerContext* context,
                                                      const v1::RebindRequest* request,
                                                      v1::RebindResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/Rebind",
      [this](const auto& call, const auto& r) { return handlers_.Rebind(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::RevokeAuthorization(
    grpc::CallbackServerContext* context, const v1::RevokeAuthorizationRequest* request,
    v1::RevokeAuthorizationResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/RevokeAuthorization",
      [this](const auto& call, const auto& r) { return handlers_.RevokeAuthorization(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::MigrateOpenid(
    grpc::CallbackServerContext* context, const v1::MigrateOpenidRequest* request,
    v1::MigrateOpenidResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/MigrateOpenid",
      [this](const auto& call, const auto& r) { return handlers_.MigrateOpenid(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::RebindOpenPlatform(
    grpc::CallbackServerContext* context, const v1::RebindOpenPlatformRequest* request,
    v1::RebindOpenPlatformResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/RebindOpenPlatform",
      [this](const auto& call, const auto& r) { return handlers_.RebindOpenPlatform(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::Erase(grpc::CallbackServerContext* context,
                                                     const v1::EraseRequest* request,
                                                     v1::EraseResponse* response) {
  return calls_.Unary(context, request, response, "/datong.identity.v1.DecisionService/Erase",
                      [this](const auto& call, const auto& r) { return handlers_.Erase(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::CancelCorpAuthorization(
    grpc::CallbackServerContext* context, const v1::CancelCorpAuthorizationRequest* request,
    v1::CancelCorpAuthorizationResponse* response) {
  return calls_.Unary(context, request, response,
                      "/datong.identity.v1.DecisionService/CancelCorpAuthorization",
                      [this](const auto& call, const auto& r) {
                        return handlers_.CancelCorpAuthorization(call, r);
                      });
}

grpc::ServerUnaryReactor* DecisionGrpcService::ListDecisions(
    grpc::CallbackServerContext* context, const v1::ListDecisionsRequest* request,
    v1::ListDecisionsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/ListDecisions",
      [this](const auto& call, const auto& r) { return handlers_.ListDecisions(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::ListHistory(grpc::CallbackServerContext* context,
                                                           const v1::ListHistoryRequest* request,
                                                           v1::ListHistoryResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/ListHistory",
      [this](const auto& call, const auto& r) { return handlers_.ListHistory(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::WhoWas(grpc::CallbackServerContext* context,
                                                      const v1::WhoWasRequest* request,
                                                      v1::WhoWasResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/WhoWas",
      [this](const auto& call, const auto& r) { return handlers_.WhoWas(call, r); });
}

grpc::ServerUnaryReactor* DecisionGrpcService::Explain(grpc::CallbackServerContext* context,
                                                       const v1::ExplainRequest* request,
                                                       v1::ExplainResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.DecisionService/Explain",
      [this](const auto& call, const auto& r) { return handlers_.Explain(call, r); });
}

}  // namespace datong::identity
