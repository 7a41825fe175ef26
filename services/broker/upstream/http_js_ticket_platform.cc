#include "services/broker/upstream/http_js_ticket_platform.h"

#include <nlohmann/json.hpp>

#include "common/status/macros.h"

namespace datong::broker {
namespace {

constexpr char kGetTicket[] = "/cgi-bin/ticket/getticket";

}  // namespace

HttpJsTicketPlatform::HttpJsTicketPlatform(const std::string& api_url, http::Client& http,
                                           metrics::Registry& registry)
    : http_(api_url, {kGetTicket}, http, registry) {}

absl::StatusOr<FetchedToken> HttpJsTicketPlatform::FetchJsTicket(const Secret& token,
                                                                 JsTicketType type,
                                                                 Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(wechat::Answer answer,
                          http_.Get(kGetTicket,
                                    {{"access_token", token.Expose()},
                                     {"type", type == JsTicketType::kJsapi ? "jsapi" : "wx_card"}},
                                    deadline));
  FetchedToken fetched;
  fetched.token = Secret(wechat::TextField(answer.body, "ticket"));
  fetched.lifetime = absl::Seconds(wechat::NumberField(answer.body, "expires_in").value_or(0));
  if (fetched.token.empty()) return IncompleteAnswer("ticket");
  if (fetched.lifetime <= absl::ZeroDuration()) return IncompleteAnswer("expires_in");
  return fetched;
}

}  // namespace datong::broker
