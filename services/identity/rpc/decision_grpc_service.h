#pragma once

#include "common/rpc/server_calls.h"
#include "datong/identity/v1/decisions.grpc.pb.h"
#include "services/identity/rpc/decision_handlers.h"

namespace datong::identity {

// The gRPC face of the handlers, one line per RPC.
class DecisionGrpcService final : public v1::DecisionService::CallbackService {
 public:
  DecisionGrpcService(rpc::Calls& calls, DecisionHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* Unlink(grpc::CallbackServerContext* context,
                                   const v1::UnlinkRequest* request,
                                   v1::UnlinkResponse* response) override;
  grpc::ServerUnaryReactor* Rebind(grpc::CallbackServerContext* context,
                                   const v1::RebindRequest* request,
                                   v1::RebindResponse* response) override;
  grpc::ServerUnaryReactor* RevokeAuthorization(grpc::CallbackServerContext* context,
                                                const v1::RevokeAuthorizationRequest* request,
                                                v1::RevokeAuthorizationResponse* response) override;
  grpc::ServerUnaryReactor* MigrateOpenid(grpc::CallbackServerContext* context,
                                          const v1::MigrateOpenidRequest* request,
                                          v1::MigrateOpenidResponse* response) override;
  grpc::ServerUnaryReactor* RebindOpenPlatform(grpc::CallbackServerContext* context,
                                               const v1::RebindOpenPlatformRequest* request,
                                               v1::RebindOpenPlatformResponse* response) override;
  grpc::ServerUnaryReactor* Erase(grpc::CallbackServerContext* context,
                                  const v1::EraseRequest* request,
                                  v1::EraseResponse* response) override;
  grpc::ServerUnaryReactor* CancelCorpAuthorization(
      grpc::CallbackServerContext* context, const v1::CancelCorpAuthorizationRequest* request,
      v1::CancelCorpAuthorizationResponse* response) override;
  grpc::ServerUnaryReactor* ListDecisions(grpc::CallbackServerContext* context,
                                          const v1::ListDecisionsRequest* request,
                                          v1::ListDecisionsResponse* response) override;
  grpc::ServerUnaryReactor* ListHistory(grpc::CallbackServerContext* context,
                                        const v1::ListHistoryRequest* request,
                                        v1::ListHistoryResponse* response) override;
  grpc::ServerUnaryReactor* WhoWas(grpc::CallbackServerContext* context,
                                   const v1::WhoWasRequest* request,
                                   v1::WhoWasResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;

 private:
  rpc::Calls& calls_;
  DecisionHandlers& handlers_;
};

}  // namespace datong::identity
