#pragma once

#include <functional>

#include "common/rpc/server_calls.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/push.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"

namespace datong::gateway {

// What the fake broker's RPCs answer: a test sets those that it calls.
struct FakeBroker {
  template <typename Request, typename Response>
  using Rpc = std::function<absl::StatusOr<Response>(const rpc::CallContext&, const Request&)>;

  Rpc<broker::v1::ReceivePushRequest, broker::v1::ReceivePushResponse> receive_push;
  Rpc<broker::v1::GetAuthorizationLinkRequest, broker::v1::GetAuthorizationLinkResponse> get_link;
  Rpc<broker::v1::BeginAuthorizationRequest, broker::v1::BeginAuthorizationResponse> begin;
  Rpc<broker::v1::CompleteAuthorizationRequest, broker::v1::CompleteAuthorizationResponse> complete;
  Rpc<broker::v1::GetTokenRequest, broker::v1::GetTokenResponse> get_token;
};

class FakePushService final : public broker::v1::PushService::CallbackService {
 public:
  FakePushService(rpc::Calls& calls, FakeBroker& fake) : calls_(calls), fake_(fake) {}
  grpc::ServerUnaryReactor* ReceivePush(grpc::CallbackServerContext* context,
                                        const broker::v1::ReceivePushRequest* request,
                                        broker::v1::ReceivePushResponse* response) override {
    return calls_.Unary(context, request, response, "/datong.broker.v1.PushService/ReceivePush",
                        fake_.receive_push);
  }

 private:
  rpc::Calls& calls_;
  FakeBroker& fake_;
};

class FakeAuthorizationService final : public broker::v1::AuthorizationService::CallbackService {
 public:
  FakeAuthorizationService(rpc::Calls& calls, FakeBroker& fake) : calls_(calls), fake_(fake) {}
  grpc::ServerUnaryReactor* GetAuthorizationLink(
      grpc::CallbackServerContext* context, const broker::v1::GetAuthorizationLinkRequest* request,
      broker::v1::GetAuthorizationLinkResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.AuthorizationService/GetAuthorizationLink",
                        fake_.get_link);
  }
  grpc::ServerUnaryReactor* BeginAuthorization(
      grpc::CallbackServerContext* context, const broker::v1::BeginAuthorizationRequest* request,
      broker::v1::BeginAuthorizationResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.AuthorizationService/BeginAuthorization", fake_.begin);
  }
  grpc::ServerUnaryReactor* CompleteAuthorization(
      grpc::CallbackServerContext* context, const broker::v1::CompleteAuthorizationRequest* request,
      broker::v1::CompleteAuthorizationResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.broker.v1.AuthorizationService/CompleteAuthorization",
                        fake_.complete);
  }

 private:
  rpc::Calls& calls_;
  FakeBroker& fake_;
};

class FakeTokenService final : public broker::v1::TokenService::CallbackService {
 public:
  FakeTokenService(rpc::Calls& calls, FakeBroker& fake) : calls_(calls), fake_(fake) {}
  grpc::ServerUnaryReactor* GetToken(grpc::CallbackServerContext* context,
                                     const broker::v1::GetTokenRequest* request,
                                     broker::v1::GetTokenResponse* response) override {
    return calls_.Unary(context, request, response, "/datong.broker.v1.TokenService/GetToken",
                        fake_.get_token);
  }

 private:
  rpc::Calls& calls_;
  FakeBroker& fake_;
};

}  // namespace datong::gateway
