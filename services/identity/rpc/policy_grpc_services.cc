#include "services/identity/rpc/policy_grpc_services.h"

namespace datong::identity {

grpc::ServerUnaryReactor* PolicyGrpcService::GetPolicy(grpc::CallbackServerContext* context,
                                                       const v1::GetPolicyRequest* request,
                                                       v1::GetPolicyResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.PolicyService/GetPolicy",
      [this](const auto& call, const auto& r) { return handlers_.GetPolicy(call, r); });
}

grpc::ServerUnaryReactor* PolicyGrpcService::SetPolicy(grpc::CallbackServerContext* context,
                                                       const v1::SetPolicyRequest* request,
                                                       v1::SetPolicyResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.PolicyService/SetPolicy",
      [this](const auto& call, const auto& r) { return handlers_.SetPolicy(call, r); });
}

grpc::ServerUnaryReactor* PolicyGrpcService::DryRunPolicy(grpc::CallbackServerContext* context,
                                                          const v1::DryRunPolicyRequest* request,
                                                          v1::DryRunPolicyResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.PolicyService/DryRunPolicy",
      [this](const auto& call, const auto& r) { return handlers_.DryRunPolicy(call, r); });
}

grpc::ServerUnaryReactor* IntegrityGrpcService::GetIntegrity(grpc::CallbackServerContext* context,
                                                             const v1::GetIntegrityRequest* request,
                                                             v1::GetIntegrityResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IntegrityService/GetIntegrity",
      [this](const auto& call, const auto& r) { return handlers_.GetIntegrity(call, r); });
}

grpc::ServerUnaryReactor* IntegrityGrpcService::ListFrozenComponents(
    grpc::CallbackServerContext* context, const v1::ListFrozenComponentsRequest* request,
    v1::ListFrozenComponentsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IntegrityService/ListFrozenComponents",
      [this](const auto& call, const auto& r) { return handlers_.ListFrozenComponents(call, r); });
}

grpc::ServerUnaryReactor* IntegrityGrpcService::ListIncidents(
    grpc::CallbackServerContext* context, const v1::ListIncidentsRequest* request,
    v1::ListIncidentsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IntegrityService/ListIncidents",
      [this](const auto& call, const auto& r) { return handlers_.ListIncidents(call, r); });
}

grpc::ServerUnaryReactor* IntegrityGrpcService::CloseIncidents(
    grpc::CallbackServerContext* context, const v1::CloseIncidentsRequest* request,
    v1::CloseIncidentsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IntegrityService/CloseIncidents",
      [this](const auto& call, const auto& r) { return handlers_.CloseIncidents(call, r); });
}

grpc::ServerUnaryReactor* RelationGrpcService::RecordRelation(
    grpc::CallbackServerContext* context, const v1::RecordRelationRequest* request,
    v1::RecordRelationResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.RelationService/RecordRelation",
      [this](const auto& call, const auto& r) { return handlers_.RecordRelation(call, r); });
}

grpc::ServerUnaryReactor* RelationGrpcService::RecordRelations(
    grpc::CallbackServerContext* context, const v1::RecordRelationsRequest* request,
    v1::RecordRelationsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.RelationService/RecordRelations",
      [this](const auto& call, const auto& r) { return handlers_.RecordRelations(call, r); });
}

grpc::ServerUnaryReactor* RelationGrpcService::ListRelations(
    grpc::CallbackServerContext* context, const v1::ListRelationsRequest* request,
    v1::ListRelationsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.RelationService/ListRelations",
      [this](const auto& call, const auto& r) { return handlers_.ListRelations(call, r); });
}

}  // namespace datong::identity
