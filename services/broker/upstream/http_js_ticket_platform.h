#pragma once

#include "services/broker/core/js_ticket_platform.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

// Asks api.weixin.qq.com for tickets. Thread-safe.
class HttpJsTicketPlatform : public JsTicketPlatform {
 public:
  // `api_url` is that of api.weixin.qq.com.
  HttpJsTicketPlatform(const std::string& api_url, http::Client& http, metrics::Registry& registry);

  absl::StatusOr<FetchedToken> FetchJsTicket(const Secret& token, JsTicketType type,
                                             Deadline deadline) override;

 private:
  PlatformHttp http_;
};

}  // namespace datong::broker
