#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/js_api.pb.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/js_tickets.h"

namespace datong::broker {

// Answers the RPCs of datong.broker.v1.JsApiService. Thread-safe. What it is given must outlive it.
class JsApiHandlers {
 public:
  JsApiHandlers(JsTickets& tickets, AppStore& apps, AuditLog& audit)
      : tickets_(tickets), apps_(apps), audit_(audit) {}

  absl::StatusOr<v1::SignJsApiResponse> SignJsApi(const rpc::CallContext& call,
                                                  const v1::SignJsApiRequest& request);
  absl::StatusOr<v1::GetJsTicketResponse> GetJsTicket(const rpc::CallContext& call,
                                                      const v1::GetJsTicketRequest& request);

 private:
  absl::StatusOr<App> Find(const rpc::CallContext& call, const std::string& name);

  JsTickets& tickets_;
  AppStore& apps_;
  AuditLog& audit_;
};

}  // namespace datong::broker
