#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/push.pb.h"
#include "datong/broker/v1/token.pb.h"
#include "services/broker/core/api_proxy.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/audit_store.h"
#include "services/broker/core/push_receiver.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

// Answers the RPCs of datong.broker.v1's TokenService, ApiService, AuditService and
// PushService: checks the request, records the access, asks the core, fills the response.
// Thread-safe. What it is given must outlive it.
class TokenHandlers {
 public:
  TokenHandlers(TokenBroker& tokens, ApiProxy& api, PushReceiver& pushes, AuditLog& audit,
                AuditStore& audit_store, AppStore& apps, BrokerMetrics& metrics);

  // The answer from memory, or nothing when the token must be fetched first. Never blocks.
  std::optional<absl::Status> GetTokenFromMemory(const rpc::CallContext& call,
                                                 const v1::GetTokenRequest& request,
                                                 v1::GetTokenResponse& response);
  absl::Status GetToken(const rpc::CallContext& call, const v1::GetTokenRequest& request,
                        v1::GetTokenResponse& response);
  absl::StatusOr<v1::ReportInvalidTokenResponse> ReportInvalidToken(
      const rpc::CallContext& call, const v1::ReportInvalidTokenRequest& request);
  absl::StatusOr<v1::CallApiResponse> CallApi(const rpc::CallContext& call,
                                              const v1::CallApiRequest& request);
  absl::StatusOr<v1::ListAccessResponse> ListAccess(const rpc::CallContext& call,
                                                    const v1::ListAccessRequest& request);
  absl::StatusOr<v1::ReceivePushResponse> ReceivePush(const rpc::CallContext& call,
                                                      const v1::ReceivePushRequest& request);

 private:
  absl::Status Hand(const rpc::CallContext& call, const CachedToken& token,
                    v1::GetTokenResponse& response);
  // What callers may know an app by, from memory when its token is there.
  absl::StatusOr<App> FindApp(const std::string& appid, Deadline deadline);
  // Checks that the app exists in the project, and records the access.
  absl::StatusOr<App> Admit(const rpc::CallContext& call, const std::string& name,
                            absl::string_view action, absl::string_view reason = "");

  TokenBroker& tokens_;
  ApiProxy& api_;
  PushReceiver& pushes_;
  AuditLog& audit_;
  AuditStore& audit_store_;
  AppStore& apps_;
  BrokerMetrics& metrics_;
};

}  // namespace datong::broker
