#pragma once

#include "common/rpc/server_calls.h"
#include "datong/identity/v1/integrity.grpc.pb.h"
#include "datong/identity/v1/policy.grpc.pb.h"
#include "datong/identity/v1/relation.grpc.pb.h"
#include "services/identity/rpc/integrity_handlers.h"
#include "services/identity/rpc/policy_handlers.h"
#include "services/identity/rpc/relation_handlers.h"

namespace datong::identity {

// The gRPC faces of the handlers, one line per RPC.
class PolicyGrpcService final : public v1::PolicyService::CallbackService {
 public:
  PolicyGrpcService(rpc::Calls& calls, PolicyHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* GetPolicy(grpc::CallbackServerContext* context,
                                      const v1::GetPolicyRequest* request,
                                      v1::GetPolicyResponse* response) override;
  grpc::ServerUnaryReactor* SetPolicy(grpc::CallbackServerContext* context,
                                      const v1::SetPolicyRequest* request,
                                      v1::SetPolicyResponse* response) override;
  grpc::ServerUnaryReactor* DryRunPolicy(grpc::CallbackServerContext* context,
                                         const v1::DryRunPolicyRequest* request,
                                         v1::DryRunPolicyResponse* response) override;

 private:
  rpc::Calls& calls_;
  PolicyHandlers& handlers_;
};

class IntegrityGrpcService final : public v1::IntegrityService::CallbackService {
 public:
  IntegrityGrpcService(rpc::Calls& calls, IntegrityHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* GetIntegrity(grpc::CallbackServerContext* context,
                                         const v1::GetIntegrityRequest* request,
                                         v1::GetIntegrityResponse* response) override;
  grpc::ServerUnaryReactor* ListFrozenComponents(
      grpc::CallbackServerContext* context, const v1::ListFrozenComponentsRequest* request,
      v1::ListFrozenComponentsResponse* response) override;
  grpc::ServerUnaryReactor* ListIncidents(grpc::CallbackServerContext* context,
                                          const v1::ListIncidentsRequest* request,
                                          v1::ListIncidentsResponse* response) override;
  grpc::ServerUnaryReactor* CloseIncidents(grpc::CallbackServerContext* context,
                                           const v1::CloseIncidentsRequest* request,
                                           v1::CloseIncidentsResponse* response) override;

 private:
  rpc::Calls& calls_;
  IntegrityHandlers& handlers_;
};

class RelationGrpcService final : public v1::RelationService::CallbackService {
 public:
  RelationGrpcService(rpc::Calls& calls, RelationHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* RecordRelation(grpc::CallbackServerContext* context,
                                           const v1::RecordRelationRequest* request,
                                           v1::RecordRelationResponse* response) override;
  grpc::ServerUnaryReactor* RecordRelations(grpc::CallbackServerContext* context,
                                            const v1::RecordRelationsRequest* request,
                                            v1::RecordRelationsResponse* response) override;
  grpc::ServerUnaryReactor* ListRelations(grpc::CallbackServerContext* context,
                                          const v1::ListRelationsRequest* request,
                                          v1::ListRelationsResponse* response) override;

 private:
  rpc::Calls& calls_;
  RelationHandlers& handlers_;
};

}  // namespace datong::identity
