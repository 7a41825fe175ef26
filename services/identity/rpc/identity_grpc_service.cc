#include "services/identity/rpc/identity_grpc_service.h"

#include <memory>

#include "services/identity/rpc/link_stream_handler.h"

namespace datong::identity {

grpc::ServerUnaryReactor* IdentityGrpcService::RegisterProject(
    grpc::CallbackServerContext* context, const v1::RegisterProjectRequest* request,
    v1::RegisterProjectResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/RegisterProject",
      [this](const auto& call, const auto& r) { return handlers_.RegisterProject(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::BindApp(grpc::CallbackServerContext* context,
                                                       const v1::BindAppRequest* request,
                                                       v1::BindAppResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/BindApp",
      [this](const auto& call, const auto& r) { return handlers_.BindApp(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::Link(grpc::CallbackServerContext* context,
                                                    const v1::LinkRequest* request,
                                                    v1::LinkResponse* response) {
  return calls_.Unary(context, request, response, "/datong.identity.v1.IdentityService/Link",
                      [this](const auto& call, const auto& r) { return handlers_.Link(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::LinkBatch(grpc::CallbackServerContext* context,
                                                         const v1::LinkBatchRequest* request,
                                                         v1::LinkBatchResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/LinkBatch",
      [this](const auto& call, const auto& r) { return handlers_.LinkBatch(call, r); });
}

grpc::ServerBidiReactor<v1::LinkStreamRequest, v1::LinkStreamResponse>*
IdentityGrpcService::LinkStream(grpc::CallbackServerContext* context) {
  return calls_.BidiStream<v1::LinkStreamRequest, v1::LinkStreamResponse>(
      context, "/datong.identity.v1.IdentityService/LinkStream",
      [stream = std::make_shared<LinkStreamHandler>(handlers_.store(), handlers_.linker())](
          const rpc::CallContext& call, v1::LinkStreamRequest& request,
          rpc::Emitter<v1::LinkStreamResponse>& out) {
        return stream->OnMessage(call, request, out.more_waiting(), &out.messages());
      });
}

grpc::ServerUnaryReactor* IdentityGrpcService::ListBindings(grpc::CallbackServerContext* context,
                                                            const v1::ListBindingsRequest* request,
                                                            v1::ListBindingsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/ListBindings",
      [this](const auto& call, const auto& r) { return handlers_.ListBindings(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::ListMemberships(
    grpc::CallbackServerContext* context, const v1::ListMembershipsRequest* request,
    v1::ListMembershipsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/ListMemberships",
      [this](const auto& call, const auto& r) { return handlers_.ListMemberships(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::Resolve(grpc::CallbackServerContext* context,
                                                       const v1::ResolveRequest* request,
                                                       v1::ResolveResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/Resolve",
      [this](const auto& call, const auto& r) { return handlers_.Resolve(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::ResolveBatch(grpc::CallbackServerContext* context,
                                                            const v1::ResolveBatchRequest* request,
                                                            v1::ResolveBatchResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/ResolveBatch",
      [this](const auto& call, const auto& r) { return handlers_.ResolveBatch(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::GetPerson(grpc::CallbackServerContext* context,
                                                         const v1::GetPersonRequest* request,
                                                         v1::GetPersonResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/GetPerson",
      [this](const auto& call, const auto& r) { return handlers_.GetPerson(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::ListPersons(grpc::CallbackServerContext* context,
                                                           const v1::ListPersonsRequest* request,
                                                           v1::ListPersonsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/ListPersons",
      [this](const auto& call, const auto& r) { return handlers_.ListPersons(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::ListRefusals(grpc::CallbackServerContext* context,
                                                            const v1::ListRefusalsRequest* request,
                                                            v1::ListRefusalsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/ListRefusals",
      [this](const auto& call, const auto& r) { return handlers_.ListRefusals(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::GetGraphStats(
    grpc::CallbackServerContext* context, const v1::GetGraphStatsRequest* request,
    v1::GetGraphStatsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/GetGraphStats",
      [this](const auto& call, const auto& r) { return handlers_.GetGraphStats(call, r); });
}

grpc::ServerUnaryReactor* IdentityGrpcService::ListChanges(grpc::CallbackServerContext* context,
                                                           const v1::ListChangesRequest* request,
                                                           v1::ListChangesResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.IdentityService/ListChanges",
      [this](const auto& call, const auto& r) { return handlers_.ListChanges(call, r); });
}

grpc::ServerWriteReactor<v1::WatchChangesResponse>* IdentityGrpcService::WatchChanges(
    grpc::CallbackServerContext* context, const v1::WatchChangesRequest* request) {
  return calls_.ServerStream<v1::WatchChangesResponse>(
      context, request, "/datong.identity.v1.IdentityService/WatchChanges",
      [this, project = request->project(), cursor = request->cursor()](
          const rpc::CallContext& call,
          rpc::Emitter<v1::WatchChangesResponse>& out) mutable -> absl::Status {
        absl::StatusOr<v1::WatchChangesResponse> page =
            handlers_.NextChanges(call, project, cursor);
        if (!page.ok()) return page.status();
        cursor = page->next_cursor();
        if (page->changes_size() > 0) out.Emit(*std::move(page));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ConsentGrpcService::RecordConsent(grpc::CallbackServerContext* context,
                                                            const v1::RecordConsentRequest* request,
                                                            v1::RecordConsentResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.ConsentService/RecordConsent",
      [this](const auto& call, const auto& r) { return handlers_.RecordConsent(call, r); });
}

grpc::ServerUnaryReactor* ConsentGrpcService::GetConsent(grpc::CallbackServerContext* context,
                                                         const v1::GetConsentRequest* request,
                                                         v1::GetConsentResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.ConsentService/GetConsent",
      [this](const auto& call, const auto& r) { return handlers_.GetConsent(call, r); });
}

grpc::ServerUnaryReactor* ConsentGrpcService::ListConsentChanges(
    grpc::CallbackServerContext* context, const v1::ListConsentChangesRequest* request,
    v1::ListConsentChangesResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.ConsentService/ListConsentChanges",
      [this](const auto& call, const auto& r) { return handlers_.ListConsentChanges(call, r); });
}

grpc::ServerUnaryReactor* ProfileGrpcService::SetAttributes(grpc::CallbackServerContext* context,
                                                            const v1::SetAttributesRequest* request,
                                                            v1::SetAttributesResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.ProfileService/SetAttributes",
      [this](const auto& call, const auto& r) { return handlers_.SetAttributes(call, r); });
}

grpc::ServerUnaryReactor* ProfileGrpcService::GetProfile(grpc::CallbackServerContext* context,
                                                         const v1::GetProfileRequest* request,
                                                         v1::GetProfileResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.ProfileService/GetProfile",
      [this](const auto& call, const auto& r) { return handlers_.GetProfile(call, r); });
}

grpc::ServerUnaryReactor* ProfileGrpcService::ListAttributeHistory(
    grpc::CallbackServerContext* context, const v1::ListAttributeHistoryRequest* request,
    v1::ListAttributeHistoryResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.ProfileService/ListAttributeHistory",
      [this](const auto& call, const auto& r) { return handlers_.ListAttributeHistory(call, r); });
}

}  // namespace datong::identity
