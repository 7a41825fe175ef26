#include "services/broker/rpc/login_grpc_services.h"

#include <utility>

#include "common/rpc/server_calls.h"
#include "datong/broker/v1/login.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"

namespace datong::broker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class LoginGrpcService final : public v1::LoginService::CallbackService {
 public:
  LoginGrpcService(rpc::Calls& calls, LoginHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* LoginMiniProgram(CallbackServerContext* context,
                                       const v1::LoginMiniProgramRequest* request,
                                       v1::LoginMiniProgramResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.LoginService/LoginMiniProgram",
        [this](const auto& call, const auto& r) { return handlers_.LoginMiniProgram(call, r); });
  }

 private:
  rpc::Calls& calls_;
  LoginHandlers& handlers_;
};

class WebLoginGrpcService final : public v1::WebLoginService::CallbackService {
 public:
  WebLoginGrpcService(rpc::Calls& calls, LoginHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* BuildWebLoginUrl(CallbackServerContext* context,
                                       const v1::BuildWebLoginUrlRequest* request,
                                       v1::BuildWebLoginUrlResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WebLoginService/BuildWebLoginUrl",
        [this](const auto& call, const auto& r) { return handlers_.BuildWebLoginUrl(call, r); });
  }
  ServerUnaryReactor* LoginWeb(CallbackServerContext* context, const v1::LoginWebRequest* request,
                               v1::LoginWebResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WebLoginService/LoginWeb",
        [this](const auto& call, const auto& r) { return handlers_.LoginWeb(call, r); });
  }
  ServerUnaryReactor* GetWebUser(CallbackServerContext* context,
                                 const v1::GetWebUserRequest* request,
                                 v1::GetWebUserResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WebLoginService/GetWebUser",
        [this](const auto& call, const auto& r) { return handlers_.GetWebUser(call, r); });
  }
  ServerUnaryReactor* CheckWebLogin(CallbackServerContext* context,
                                    const v1::CheckWebLoginRequest* request,
                                    v1::CheckWebLoginResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WebLoginService/CheckWebLogin",
        [this](const auto& call, const auto& r) { return handlers_.CheckWebLogin(call, r); });
  }

 private:
  rpc::Calls& calls_;
  LoginHandlers& handlers_;
};

class SessionGrpcService final : public v1::SessionService::CallbackService {
 public:
  SessionGrpcService(rpc::Calls& calls, LoginHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* CheckSession(CallbackServerContext* context,
                                   const v1::CheckSessionRequest* request,
                                   v1::CheckSessionResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.SessionService/CheckSession",
        [this](const auto& call, const auto& r) { return handlers_.CheckSession(call, r); });
  }
  ServerUnaryReactor* ResetSessionKey(CallbackServerContext* context,
                                      const v1::ResetSessionKeyRequest* request,
                                      v1::ResetSessionKeyResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.SessionService/ResetSessionKey",
        [this](const auto& call, const auto& r) { return handlers_.ResetSessionKey(call, r); });
  }
  ServerUnaryReactor* VerifyRawData(CallbackServerContext* context,
                                    const v1::VerifyRawDataRequest* request,
                                    v1::VerifyRawDataResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.SessionService/VerifyRawData",
        [this](const auto& call, const auto& r) { return handlers_.VerifyRawData(call, r); });
  }
  ServerUnaryReactor* DecryptUserData(CallbackServerContext* context,
                                      const v1::DecryptUserDataRequest* request,
                                      v1::DecryptUserDataResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.SessionService/DecryptUserData",
        [this](const auto& call, const auto& r) { return handlers_.DecryptUserData(call, r); });
  }
  ServerUnaryReactor* GetPhoneNumber(CallbackServerContext* context,
                                     const v1::GetPhoneNumberRequest* request,
                                     v1::GetPhoneNumberResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.SessionService/GetPhoneNumber",
        [this](const auto& call, const auto& r) { return handlers_.GetPhoneNumber(call, r); });
  }
  ServerUnaryReactor* HashPhones(CallbackServerContext* context,
                                 const v1::HashPhonesRequest* request,
                                 v1::HashPhonesResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.SessionService/HashPhones",
        [this](const auto& call, const auto& r) { return handlers_.HashPhones(call, r); });
  }

 private:
  rpc::Calls& calls_;
  LoginHandlers& handlers_;
};

class UserGrpcService final : public v1::UserService::CallbackService {
 public:
  UserGrpcService(rpc::Calls& calls, LoginHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* GetUserInfo(CallbackServerContext* context,
                                  const v1::GetUserInfoRequest* request,
                                  v1::GetUserInfoResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.UserService/GetUserInfo",
        [this](const auto& call, const auto& r) { return handlers_.GetUserInfo(call, r); });
  }
  ServerUnaryReactor* BatchGetUserInfo(CallbackServerContext* context,
                                       const v1::BatchGetUserInfoRequest* request,
                                       v1::BatchGetUserInfoResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.UserService/BatchGetUserInfo",
        [this](const auto& call, const auto& r) { return handlers_.BatchGetUserInfo(call, r); });
  }
  ServerUnaryReactor* GetPaidUnionid(CallbackServerContext* context,
                                     const v1::GetPaidUnionidRequest* request,
                                     v1::GetPaidUnionidResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.UserService/GetPaidUnionid",
        [this](const auto& call, const auto& r) { return handlers_.GetPaidUnionid(call, r); });
  }
  ServerUnaryReactor* ReportCloudContext(CallbackServerContext* context,
                                         const v1::ReportCloudContextRequest* request,
                                         v1::ReportCloudContextResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.UserService/ReportCloudContext",
        [this](const auto& call, const auto& r) { return handlers_.ReportCloudContext(call, r); });
  }
  ServerUnaryReactor* ChangeOpenids(CallbackServerContext* context,
                                    const v1::ChangeOpenidsRequest* request,
                                    v1::ChangeOpenidsResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.UserService/ChangeOpenids",
        [this](const auto& call, const auto& r) { return handlers_.ChangeOpenids(call, r); });
  }

 private:
  rpc::Calls& calls_;
  LoginHandlers& handlers_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeLoginGrpcServices(rpc::Calls& calls,
                                                                  LoginHandlers& handlers) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<LoginGrpcService>(calls, handlers));
  services.push_back(std::make_unique<WebLoginGrpcService>(calls, handlers));
  services.push_back(std::make_unique<SessionGrpcService>(calls, handlers));
  services.push_back(std::make_unique<UserGrpcService>(calls, handlers));
  return services;
}

}  // namespace datong::broker
