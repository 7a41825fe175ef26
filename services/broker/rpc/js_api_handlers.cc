#include "services/broker/rpc/js_api_handlers.h"

#include "common/rpc/names.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {

absl::StatusOr<App> JsApiHandlers::Admit(const rpc::CallContext& call, const std::string& name,
                                         absl::string_view action) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  absl::StatusOr<App> app = apps_.GetApp(parsed.app, call.deadline);
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != parsed.project)) {
    return AppUnknown(name);
  }
  if (!app.ok()) return app.status();
  if (!audit_.Count({.caller = call.caller.name,
                     .project = app->project,
                     .appid = app->appid,
                     .kind = app->kind,
                     .action = action})) {
    return AuditUnavailable();
  }
  return app;
}

absl::StatusOr<v1::SignJsApiResponse> JsApiHandlers::SignJsApi(
    const rpc::CallContext& call, const v1::SignJsApiRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "sign_js_api"));
  DATONG_ASSIGN_OR_RETURN(JsApiSignature signature,
                          tickets_.Sign(app, request.url(), call.deadline));
  v1::SignJsApiResponse response;
  response.set_appid(app.appid);
  response.set_timestamp(signature.timestamp);
  response.set_nonce_str(signature.nonce);
  response.set_signature(signature.signature);
  response.set_url(signature.url);
  return response;
}

absl::StatusOr<v1::GetJsTicketResponse> JsApiHandlers::GetJsTicket(
    const rpc::CallContext& call, const v1::GetJsTicketRequest& request) {
  if (!v1::JsTicketType_IsValid(request.type())) {
    return BrokerError(absl::StatusCode::kInvalidArgument, "JS_TICKET_TYPE_INVALID",
                       "type is none of the values of JsTicketType.");
  }
  const JsTicketType type =
      request.type() == v1::JS_TICKET_TYPE_WX_CARD ? JsTicketType::kWxCard : JsTicketType::kJsapi;
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "read_js_ticket"));
  DATONG_ASSIGN_OR_RETURN(JsTicketPtr ticket, tickets_.Get(app, type, call.deadline));
  v1::GetJsTicketResponse response;
  response.set_ticket(ticket->ticket.Expose());
  response.set_fingerprint(FingerprintOf(ticket->ticket));
  SetTime(ticket->expires, response.mutable_expire_time());
  return response;
}

}  // namespace datong::broker
