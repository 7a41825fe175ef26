#include "services/broker/rpc/wecom_grpc_service.h"

#include "common/rpc/server_calls.h"
#include "datong/broker/v1/wecom.grpc.pb.h"

namespace datong::broker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class WecomGrpcService final : public v1::WecomService::CallbackService {
 public:
  WecomGrpcService(rpc::Calls& calls, WecomHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  ServerUnaryReactor* CreateInstallLink(CallbackServerContext* context,
                                        const v1::CreateInstallLinkRequest* request,
                                        v1::CreateInstallLinkResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/CreateInstallLink",
        [this](const auto& call, const auto& r) { return handlers_.CreateInstallLink(call, r); });
  }
  ServerUnaryReactor* GetInstallLink(CallbackServerContext* context,
                                     const v1::GetInstallLinkRequest* request,
                                     v1::GetInstallLinkResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/GetInstallLink",
        [this](const auto& call, const auto& r) { return handlers_.GetInstallLink(call, r); });
  }
  ServerUnaryReactor* BeginInstall(CallbackServerContext* context,
                                   const v1::BeginInstallRequest* request,
                                   v1::BeginInstallResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/BeginInstall",
        [this](const auto& call, const auto& r) { return handlers_.BeginInstall(call, r); });
  }
  ServerUnaryReactor* CompleteInstall(CallbackServerContext* context,
                                      const v1::CompleteInstallRequest* request,
                                      v1::CompleteInstallResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/CompleteInstall",
        [this](const auto& call, const auto& r) { return handlers_.CompleteInstall(call, r); });
  }
  ServerUnaryReactor* GetCorp(CallbackServerContext* context, const v1::GetCorpRequest* request,
                              v1::GetCorpResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/GetCorp",
        [this](const auto& call, const auto& r) { return handlers_.GetCorp(call, r); });
  }
  ServerUnaryReactor* ListCorps(CallbackServerContext* context, const v1::ListCorpsRequest* request,
                                v1::ListCorpsResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/ListCorps",
        [this](const auto& call, const auto& r) { return handlers_.ListCorps(call, r); });
  }
  ServerUnaryReactor* MakeWebLoginUrl(CallbackServerContext* context,
                                      const v1::MakeWebLoginUrlRequest* request,
                                      v1::MakeWebLoginUrlResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/MakeWebLoginUrl",
        [this](const auto& call, const auto& r) { return handlers_.MakeWebLoginUrl(call, r); });
  }
  ServerUnaryReactor* LoginWecomWeb(CallbackServerContext* context,
                                    const v1::LoginWecomWebRequest* request,
                                    v1::LoginWecomWebResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/LoginWecomWeb",
        [this](const auto& call, const auto& r) { return handlers_.LoginWecomWeb(call, r); });
  }
  ServerUnaryReactor* LoginWecomMiniProgram(CallbackServerContext* context,
                                            const v1::LoginWecomMiniProgramRequest* request,
                                            v1::LoginWecomMiniProgramResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.WecomService/LoginWecomMiniProgram",
                        [this](const auto& call, const auto& r) {
                          return handlers_.LoginWecomMiniProgram(call, r);
                        });
  }
  ServerUnaryReactor* TransferStaffSession(CallbackServerContext* context,
                                           const v1::TransferStaffSessionRequest* request,
                                           v1::TransferStaffSessionResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.WecomService/TransferStaffSession",
                        [this](const auto& call, const auto& r) {
                          return handlers_.TransferStaffSession(call, r);
                        });
  }
  ServerUnaryReactor* GetContact(CallbackServerContext* context,
                                 const v1::GetContactRequest* request,
                                 v1::GetContactResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/GetContact",
        [this](const auto& call, const auto& r) { return handlers_.GetContact(call, r); });
  }
  ServerUnaryReactor* FindContact(CallbackServerContext* context,
                                  const v1::FindContactRequest* request,
                                  v1::FindContactResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/FindContact",
        [this](const auto& call, const auto& r) { return handlers_.FindContact(call, r); });
  }
  ServerUnaryReactor* ResolvePendingContacts(
      CallbackServerContext* context, const v1::ResolvePendingContactsRequest* request,
      v1::ResolvePendingContactsResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.WecomService/ResolvePendingContacts",
                        [this](const auto& call, const auto& r) {
                          return handlers_.ResolvePendingContacts(call, r);
                        });
  }
  ServerUnaryReactor* ConvertExternalUserids(
      CallbackServerContext* context, const v1::ConvertExternalUseridsRequest* request,
      v1::ConvertExternalUseridsResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.WecomService/ConvertExternalUserids",
                        [this](const auto& call, const auto& r) {
                          return handlers_.ConvertExternalUserids(call, r);
                        });
  }
  ServerUnaryReactor* GetGroup(CallbackServerContext* context, const v1::GetGroupRequest* request,
                               v1::GetGroupResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/GetGroup",
        [this](const auto& call, const auto& r) { return handlers_.GetGroup(call, r); });
  }
  ServerUnaryReactor* StartRosterSync(CallbackServerContext* context,
                                      const v1::StartRosterSyncRequest* request,
                                      v1::StartRosterSyncResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/StartRosterSync",
        [this](const auto& call, const auto& r) { return handlers_.StartRosterSync(call, r); });
  }
  ServerUnaryReactor* GetRosterSync(CallbackServerContext* context,
                                    const v1::GetRosterSyncRequest* request,
                                    v1::GetRosterSyncResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.broker.v1.WecomService/GetRosterSync",
        [this](const auto& call, const auto& r) { return handlers_.GetRosterSync(call, r); });
  }

 private:
  rpc::Calls& calls_;
  WecomHandlers& handlers_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWecomGrpcService(rpc::Calls& calls, WecomHandlers& handlers) {
  return std::make_unique<WecomGrpcService>(calls, handlers);
}

}  // namespace datong::broker
