#include "services/broker/rpc/js_api_handlers.h"

#include "common/rpc/names.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {

absl::StatusOr<App> JsApiHandlers::Find(const rpc::CallContext& call, const std::string& name) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  absl::StatusOr<App> app = apps_.GetApp(parsed.app, call.deadline);
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != parsed.project)) {
    return AppUnknown(name);
  }
  return app;
}

absl::StatusOr<v1::SignJsApiResponse> JsApiHandlers::SignJsApi(
    const rpc::CallContext& call, const v1::SignJsApiRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Find(call, request.app()));
  if (!audit_.Count(AccessTo(app, "sign_js_api", call))) return AuditUnavailable();
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
  DATONG_ASSIGN_OR_RETURN(App app, Find(call, request.app()));
  DATONG_ASSIGN_OR_RETURN(JsTicketPtr ticket, tickets_.Get(app, type, call.deadline));
  const std::string fingerprint = FingerprintOf(ticket->ticket);
  Access access = AccessTo(app, "read_js_ticket", call);
  access.fingerprint = fingerprint;
  if (!audit_.Record(access, call.deadline)) return AuditUnavailable();
  v1::GetJsTicketResponse response;
  response.set_ticket(ticket->ticket.Expose());
  response.set_fingerprint(fingerprint);
  SetTime(ticket->expires, response.mutable_expire_time());
  return response;
}

}  // namespace datong::broker
