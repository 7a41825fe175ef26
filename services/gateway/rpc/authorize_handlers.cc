#include "services/gateway/rpc/authorize_handlers.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "services/gateway/core/qr_code.h"
#include "services/gateway/rpc/call_of.h"

namespace datong::gateway {
namespace {

http::ServerResponse ToResponse(Page page, absl::string_view referrer_policy) {
  http::ServerResponse response;
  response.status = page.status;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(page.html);
  response.headers = {
      {"Cache-Control", "no-store"},
      {"Referrer-Policy", std::string(referrer_policy)},
      {"X-Content-Type-Options", "nosniff"},
      // No form-action: browsers would apply it to the redirect to WeChat's page too.
      {"Content-Security-Policy",
       "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"}};
  if (page.status == 503) response.headers.Add("Retry-After", "5");
  return response;
}

// What is no UTF-8 is no link of ours either, and no message could carry it.
std::string LinkOf(const http::ServerRequest& request) {
  return SanitizeUtf8(request.params.at("link"));
}

http::ServerResponse Failed(const absl::Status& status, const http::ServerRequest& request,
                            absl::string_view base, absl::string_view step) {
  Page page = FailurePage(status, base, LinkOf(request), request.request_id);
  if (page.status >= 500) {
    LogWarn("authorisation step failed", {{"step", step},
                                          {"reason", GetReason(status)},
                                          {"code", absl::StatusCodeToString(status.code())},
                                          {"request_id", request.request_id}});
  }
  return ToResponse(std::move(page), "no-referrer");
}

absl::Status Incomplete() {
  return MakeError(absl::StatusCode::kInvalidArgument, "The request is not complete.",
                   {"gateway.datong", "REQUEST_INVALID", {}});
}

}  // namespace

void AuthorizeHandlers::RegisterRoutes(http::Router& router) {
  const http::RouteOptions page = {.metric = "redirect", .max_body_bytes = 4 << 10};
  router.Handle("GET", absl::StrCat(options_.base, "/{link}"), page,
                [this](const http::ServerRequest& request) { return Launch(request); });
  router.Handle("POST", absl::StrCat(options_.base, "/{link}"), page,
                [this](const http::ServerRequest& request) { return Begin(request); });
  router.Handle("GET", absl::StrCat(options_.base, "/{link}/callback"), page,
                [this](const http::ServerRequest& request) { return Complete(request); });
  router.Handle("GET", absl::StrCat(options_.base, "/{link}/qr.svg"), page,
                [this](const http::ServerRequest& request) { return QrCode(request); });
}

http::ServerResponse AuthorizeHandlers::Launch(const http::ServerRequest& request) {
  const auto link =
      broker_.GetLink(OwnCallOf(request, "/authorize", options_.timeout), LinkOf(request));
  if (!link.ok()) return Failed(link.status(), request, options_.base, "launch");
  // WeChat's page looks whether the visitor comes from the configured domain.
  return ToResponse(LaunchPage(*link, options_.base, VisitorOf(request.headers.Get("user-agent"))),
                    "origin-when-cross-origin");
}

http::ServerResponse AuthorizeHandlers::Begin(const http::ServerRequest& request) {
  const bool on_phone = http::QueryValue(request.body, "device") == "mobile";
  const auto url =
      broker_.Begin(OwnCallOf(request, "/authorize", options_.timeout), LinkOf(request), on_phone);
  if (!url.ok()) return Failed(url.status(), request, options_.base, "begin");
  http::ServerResponse response;
  response.status = 302;
  response.headers = {{"Location", *url},
                      {"Cache-Control", "no-store"},
                      // The browser follows with the launch page as Referer under this policy.
                      {"Referrer-Policy", "origin-when-cross-origin"}};
  return response;
}

http::ServerResponse AuthorizeHandlers::Complete(const http::ServerRequest& request) {
  const std::string auth_code = http::QueryValue(request.query, "auth_code");
  if (auth_code.empty())
    return ToResponse(RefusedPage(options_.base, LinkOf(request)), "no-referrer");
  int expires_in = 0;
  const std::string expires_text = http::QueryValue(request.query, "expires_in");
  if (!IsUtf8(auth_code) ||
      (!expires_text.empty() && !absl::SimpleAtoi(expires_text, &expires_in))) {
    return Failed(Incomplete(), request, options_.base, "complete");
  }
  const auto account = broker_.Complete(OwnCallOf(request, "/authorize/callback", options_.timeout),
                                        LinkOf(request), auth_code, expires_in);
  if (!account.ok()) return Failed(account.status(), request, options_.base, "complete");
  return ToResponse(ConnectedPage(*account), "no-referrer");
}

http::ServerResponse AuthorizeHandlers::QrCode(const http::ServerRequest& request) {
  const auto link =
      broker_.GetLink(OwnCallOf(request, "/authorize", options_.timeout), LinkOf(request));
  if (!link.ok()) return Failed(link.status(), request, options_.base, "qr");
  http::ServerResponse response;
  response.content_type = "image/svg+xml";
  response.body = QrCodeSvg(link->url, 400);
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

}  // namespace datong::gateway
