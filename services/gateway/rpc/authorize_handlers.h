#pragma once

#include "absl/time/time.h"
#include "common/http/server.h"
#include "services/gateway/core/authorize_pages.h"
#include "services/gateway/core/broker.h"

namespace datong::gateway {

struct AuthorizeOptions {
  absl::Duration timeout = absl::Seconds(12);  // above the broker's own limit for a call to WeChat
};

// The way of an account's administrator: the launch page, its button, and WeChat's redirect back.
// Thread-safe.
class AuthorizeHandlers {
 public:
  // `broker` must outlive it.
  AuthorizeHandlers(AuthorizeOptions options, Broker& broker)
      : options_(options), broker_(broker) {}

  void RegisterRoutes(http::Router& router);

  // GET /authorize/{link}
  http::ServerResponse Launch(const http::ServerRequest& request);
  // POST /authorize/{link}: 302 to WeChat's page, which checks the Referer.
  http::ServerResponse Begin(const http::ServerRequest& request);
  // GET /authorize/{link}/callback?auth_code=…&expires_in=…
  http::ServerResponse Complete(const http::ServerRequest& request);
  // GET /authorize/{link}/qr.svg
  http::ServerResponse QrCode(const http::ServerRequest& request);

 private:
  const AuthorizeOptions options_;
  Broker& broker_;
};

}  // namespace datong::gateway
