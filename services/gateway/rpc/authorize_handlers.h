#pragma once

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/http/server.h"
#include "services/gateway/core/authorize_pages.h"
#include "services/gateway/core/broker.h"

namespace datong::gateway {

struct AuthorizeOptions {
  std::string base = "/authorize";             // where the links are, without a slash at the end
  absl::Duration timeout = absl::Seconds(12);  // above the broker's own limit for a call to WeChat
};

// The way of an account's administrator: the launch page, its button, and WeChat's redirect back.
// Thread-safe.
class AuthorizeHandlers {
 public:
  // `links` must outlive it.
  AuthorizeHandlers(AuthorizeOptions options, Links& links)
      : options_(std::move(options)), broker_(links) {}

  void RegisterRoutes(http::Router& router);

  // GET {base}/{link}
  http::ServerResponse Launch(const http::ServerRequest& request);
  // POST {base}/{link}: 302 to WeChat's page, which checks the Referer.
  http::ServerResponse Begin(const http::ServerRequest& request);
  // GET {base}/{link}/callback?auth_code=…&expires_in=…
  http::ServerResponse Complete(const http::ServerRequest& request);
  // GET {base}/{link}/qr.svg
  http::ServerResponse QrCode(const http::ServerRequest& request);

 private:
  const AuthorizeOptions options_;
  Links& broker_;
};

}  // namespace datong::gateway
