#pragma once

#include "common/rpc/server_calls.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/profile.grpc.pb.h"
#include "services/identity/rpc/graph_handlers.h"
#include "services/identity/rpc/profile_handlers.h"

namespace datong::identity {

// The gRPC faces of the handlers, one line per RPC.
class IdentityGrpcService final : public v1::IdentityService::CallbackService {
 public:
  IdentityGrpcService(rpc::Calls& calls, GraphHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* RegisterProject(grpc::CallbackServerContext* context,
                                            const v1::RegisterProjectRequest* request,
                                            v1::RegisterProjectResponse* response) override;
  grpc::ServerUnaryReactor* BindApp(grpc::CallbackServerContext* context,
                                    const v1::BindAppRequest* request,
                                    v1::BindAppResponse* response) override;
  grpc::ServerUnaryReactor* Link(grpc::CallbackServerContext* context,
                                 const v1::LinkRequest* request,
                                 v1::LinkResponse* response) override;
  grpc::ServerUnaryReactor* LinkBatch(grpc::CallbackServerContext* context,
                                      const v1::LinkBatchRequest* request,
                                      v1::LinkBatchResponse* response) override;
  grpc::ServerBidiReactor<v1::LinkStreamRequest, v1::LinkStreamResponse>* LinkStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ListBindings(grpc::CallbackServerContext* context,
                                         const v1::ListBindingsRequest* request,
                                         v1::ListBindingsResponse* response) override;
  grpc::ServerUnaryReactor* ListMemberships(grpc::CallbackServerContext* context,
                                            const v1::ListMembershipsRequest* request,
                                            v1::ListMembershipsResponse* response) override;
  grpc::ServerUnaryReactor* Resolve(grpc::CallbackServerContext* context,
                                    const v1::ResolveRequest* request,
                                    v1::ResolveResponse* response) override;
  grpc::ServerUnaryReactor* ResolveBatch(grpc::CallbackServerContext* context,
                                         const v1::ResolveBatchRequest* request,
                                         v1::ResolveBatchResponse* response) override;
  grpc::ServerUnaryReactor* GetPerson(grpc::CallbackServerContext* context,
                                      const v1::GetPersonRequest* request,
                                      v1::GetPersonResponse* response) override;
  grpc::ServerUnaryReactor* ListPersons(grpc::CallbackServerContext* context,
                                        const v1::ListPersonsRequest* request,
                                        v1::ListPersonsResponse* response) override;
  grpc::ServerUnaryReactor* ListRefusals(grpc::CallbackServerContext* context,
                                         const v1::ListRefusalsRequest* request,
                                         v1::ListRefusalsResponse* response) override;
  grpc::ServerUnaryReactor* GetGraphStats(grpc::CallbackServerContext* context,
                                          const v1::GetGraphStatsRequest* request,
                                          v1::GetGraphStatsResponse* response) override;
  grpc::ServerUnaryReactor* ListChanges(grpc::CallbackServerContext* context,
                                        const v1::ListChangesRequest* request,
                                        v1::ListChangesResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchChangesResponse>* WatchChanges(
      grpc::CallbackServerContext* context, const v1::WatchChangesRequest* request) override;

 private:
  rpc::Calls& calls_;
  GraphHandlers& handlers_;
};

class ConsentGrpcService final : public v1::ConsentService::CallbackService {
 public:
  ConsentGrpcService(rpc::Calls& calls, ProfileHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* RecordConsent(grpc::CallbackServerContext* context,
                                          const v1::RecordConsentRequest* request,
                                          v1::RecordConsentResponse* response) override;
  grpc::ServerUnaryReactor* GetConsent(grpc::CallbackServerContext* context,
                                       const v1::GetConsentRequest* request,
                                       v1::GetConsentResponse* response) override;
  grpc::ServerUnaryReactor* ListConsentChanges(grpc::CallbackServerContext* context,
                                               const v1::ListConsentChangesRequest* request,
                                               v1::ListConsentChangesResponse* response) override;

 private:
  rpc::Calls& calls_;
  ProfileHandlers& handlers_;
};

class ProfileGrpcService final : public v1::ProfileService::CallbackService {
 public:
  ProfileGrpcService(rpc::Calls& calls, ProfileHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* SetAttributes(grpc::CallbackServerContext* context,
                                          const v1::SetAttributesRequest* request,
                                          v1::SetAttributesResponse* response) override;
  grpc::ServerUnaryReactor* GetProfile(grpc::CallbackServerContext* context,
                                       const v1::GetProfileRequest* request,
                                       v1::GetProfileResponse* response) override;
  grpc::ServerUnaryReactor* ListAttributeHistory(
      grpc::CallbackServerContext* context, const v1::ListAttributeHistoryRequest* request,
      v1::ListAttributeHistoryResponse* response) override;

 private:
  rpc::Calls& calls_;
  ProfileHandlers& handlers_;
};

}  // namespace datong::identity
