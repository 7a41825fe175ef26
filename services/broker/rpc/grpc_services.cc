#include "services/broker/rpc/grpc_services.h"

#include <string>
#include <utility>

#include "common/rpc/server_calls.h"
#include "common/status/macros.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/push.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"

namespace datong::broker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class ProjectGrpcService final : public v1::ProjectService::CallbackService {
 public:
  ProjectGrpcService(rpc::Calls& calls, ProjectHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* CreateProject(CallbackServerContext* context,
                                    const v1::CreateProjectRequest* request,
                                    v1::CreateProjectResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ProjectService/CreateProject",
        [this](const auto& call, const auto& r) { return handlers_.CreateProject(call, r); });
  }
  ServerUnaryReactor* GetProject(CallbackServerContext* context,
                                 const v1::GetProjectRequest* request,
                                 v1::GetProjectResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ProjectService/GetProject",
        [this](const auto& call, const auto& r) { return handlers_.GetProject(call, r); });
  }
  ServerUnaryReactor* ListProjects(CallbackServerContext* context,
                                   const v1::ListProjectsRequest* request,
                                   v1::ListProjectsResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ProjectService/ListProjects",
        [this](const auto& call, const auto& r) { return handlers_.ListProjects(call, r); });
  }
  ServerUnaryReactor* CreateApp(CallbackServerContext* context, const v1::CreateAppRequest* request,
                                v1::CreateAppResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ProjectService/CreateApp",
        [this](const auto& call, const auto& r) { return handlers_.CreateApp(call, r); });
  }
  ServerUnaryReactor* GetApp(CallbackServerContext* context, const v1::GetAppRequest* request,
                             v1::GetAppResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ProjectService/GetApp",
        [this](const auto& call, const auto& r) { return handlers_.GetApp(call, r); });
  }
  ServerUnaryReactor* ListApps(CallbackServerContext* context, const v1::ListAppsRequest* request,
                               v1::ListAppsResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ProjectService/ListApps",
        [this](const auto& call, const auto& r) { return handlers_.ListApps(call, r); });
  }
  ServerUnaryReactor* UpdateApp(CallbackServerContext* context, const v1::UpdateAppRequest* request,
                                v1::UpdateAppResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ProjectService/UpdateApp",
        [this](const auto& call, const auto& r) { return handlers_.UpdateApp(call, r); });
  }

 private:
  rpc::Calls& calls_;
  ProjectHandlers& handlers_;
};

class AuthorizationGrpcService final : public v1::AuthorizationService::CallbackService {
 public:
  AuthorizationGrpcService(rpc::Calls& calls, AuthorizationHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* CreateAuthorizationLink(
      CallbackServerContext* context, const v1::CreateAuthorizationLinkRequest* request,
      v1::CreateAuthorizationLinkResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.AuthorizationService/CreateAuthorizationLink",
                        [this](const auto& call, const auto& r) {
                          return handlers_.CreateAuthorizationLink(call, r);
                        });
  }
  ServerUnaryReactor* GetAuthorizationLink(CallbackServerContext* context,
                                           const v1::GetAuthorizationLinkRequest* request,
                                           v1::GetAuthorizationLinkResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.AuthorizationService/GetAuthorizationLink",
                        [this](const auto& call, const auto& r) {
                          return handlers_.GetAuthorizationLink(call, r);
                        });
  }
  ServerUnaryReactor* BeginAuthorization(CallbackServerContext* context,
                                         const v1::BeginAuthorizationRequest* request,
                                         v1::BeginAuthorizationResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.AuthorizationService/BeginAuthorization",
        [this](const auto& call, const auto& r) { return handlers_.BeginAuthorization(call, r); });
  }
  ServerUnaryReactor* CompleteAuthorization(CallbackServerContext* context,
                                            const v1::CompleteAuthorizationRequest* request,
                                            v1::CompleteAuthorizationResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.AuthorizationService/CompleteAuthorization",
                        [this](const auto& call, const auto& r) {
                          return handlers_.CompleteAuthorization(call, r);
                        });
  }
  ServerUnaryReactor* GetAuthorization(CallbackServerContext* context,
                                       const v1::GetAuthorizationRequest* request,
                                       v1::GetAuthorizationResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.AuthorizationService/GetAuthorization",
        [this](const auto& call, const auto& r) { return handlers_.GetAuthorization(call, r); });
  }
  ServerUnaryReactor* ListAuthorizations(CallbackServerContext* context,
                                         const v1::ListAuthorizationsRequest* request,
                                         v1::ListAuthorizationsResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.AuthorizationService/ListAuthorizations",
        [this](const auto& call, const auto& r) { return handlers_.ListAuthorizations(call, r); });
  }
  ServerUnaryReactor* ListAccountChanges(CallbackServerContext* context,
                                         const v1::ListAccountChangesRequest* request,
                                         v1::ListAccountChangesResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.AuthorizationService/ListAccountChanges",
        [this](const auto& call, const auto& r) { return handlers_.ListAccountChanges(call, r); });
  }
  grpc::ServerWriteReactor<v1::WatchAccountsResponse>* WatchAccounts(
      CallbackServerContext* context, const v1::WatchAccountsRequest* request) override {
    v1::ListAccountChangesRequest page;
    page.set_project(request->project());
    page.set_page_token(request->page_token());
    return calls_.ServerStream<v1::WatchAccountsResponse>(
        context, request, "/datong.broker.v1.AuthorizationService/WatchAccounts",
        [this, page = std::move(page), told = false](const auto& call, auto& out) mutable {
          absl::StatusOr<v1::ListAccountChangesResponse> changes =
              handlers_.ListAccountChanges(call, page);
          if (!changes.ok()) return changes.status();
          page.set_page_token(changes->next_page_token());
          // Also tells, once, that there is nothing yet.
          if (changes->changes().empty() && told) return absl::OkStatus();
          told = true;
          v1::WatchAccountsResponse& response = out.Add();
          response.mutable_changes()->Swap(changes->mutable_changes());
          response.set_next_page_token(changes->next_page_token());
          return absl::OkStatus();
        });
  }

 private:
  rpc::Calls& calls_;
  AuthorizationHandlers& handlers_;
};

class TokenGrpcService final : public v1::TokenService::CallbackService {
 public:
  TokenGrpcService(rpc::Calls& calls, TokenHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* GetToken(CallbackServerContext* context, const v1::GetTokenRequest* request,
                               v1::GetTokenResponse* response) override {
    return calls_.UnaryQuick(
        context, request, response, "/datong.broker.v1.TokenService/GetToken",
        [this](const auto& call, const auto& r, auto& answer) {
          return handlers_.GetTokenFromMemory(call, r, answer);
        },
        [this](const auto& call, const auto& r, auto& answer) {
          return handlers_.GetToken(call, r, answer);
        });
  }
  ServerUnaryReactor* ReportInvalidToken(CallbackServerContext* context,
                                         const v1::ReportInvalidTokenRequest* request,
                                         v1::ReportInvalidTokenResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.TokenService/ReportInvalidToken",
        [this](const auto& call, const auto& r) { return handlers_.ReportInvalidToken(call, r); });
  }

 private:
  rpc::Calls& calls_;
  TokenHandlers& handlers_;
};

class ApiGrpcService final : public v1::ApiService::CallbackService {
 public:
  ApiGrpcService(rpc::Calls& calls, TokenHandlers& handlers) : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* CallApi(CallbackServerContext* context, const v1::CallApiRequest* request,
                              v1::CallApiResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.ApiService/CallApi",
        [this](const auto& call, const auto& r) { return handlers_.CallApi(call, r); });
  }

 private:
  rpc::Calls& calls_;
  TokenHandlers& handlers_;
};

class AuditGrpcService final : public v1::AuditService::CallbackService {
 public:
  AuditGrpcService(rpc::Calls& calls, TokenHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* ListAccess(CallbackServerContext* context,
                                 const v1::ListAccessRequest* request,
                                 v1::ListAccessResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.AuditService/ListAccess",
        [this](const auto& call, const auto& r) { return handlers_.ListAccess(call, r); });
  }

 private:
  rpc::Calls& calls_;
  TokenHandlers& handlers_;
};

class PushGrpcService final : public v1::PushService::CallbackService {
 public:
  PushGrpcService(rpc::Calls& calls, TokenHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* ReceivePush(CallbackServerContext* context,
                                  const v1::ReceivePushRequest* request,
                                  v1::ReceivePushResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.PushService/ReceivePush",
        [this](const auto& call, const auto& r) { return handlers_.ReceivePush(call, r); });
  }

 private:
  rpc::Calls& calls_;
  TokenHandlers& handlers_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(rpc::Calls& calls,
                                                             ProjectHandlers& projects,
                                                             AuthorizationHandlers& authorizations,
                                                             TokenHandlers& tokens) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<ProjectGrpcService>(calls, projects));
  services.push_back(std::make_unique<AuthorizationGrpcService>(calls, authorizations));
  services.push_back(std::make_unique<TokenGrpcService>(calls, tokens));
  services.push_back(std::make_unique<ApiGrpcService>(calls, tokens));
  services.push_back(std::make_unique<AuditGrpcService>(calls, tokens));
  services.push_back(std::make_unique<PushGrpcService>(calls, tokens));
  return services;
}

}  // namespace datong::broker
