#include "services/gateway/rpc/runbook_handlers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gateway_runbooks.h"
#include "services/gateway/core/html.h"

namespace datong::gateway {
namespace {

http::ServerResponse Page(const std::string& title, const std::string& body) {
  http::ServerResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = HtmlPage(title, absl::StrCat("<main class=\"wide\">", body, "</main>"));
  response.headers = {{"X-Content-Type-Options", "nosniff"},
                      {"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                       "frame-ancestors 'none'"}};
  return response;
}

}  // namespace

void RunbookHandlers::RegisterRoutes(http::Router& router) const {
  router.Handle("GET", "/runbooks", {}, [this](const http::ServerRequest&) { return List(); });
  router.Handle("GET", "/runbooks/{alert}", {}, [this](const http::ServerRequest& request) {
    return Show(request.params.at("alert"));
  });
}

http::ServerResponse RunbookHandlers::List() const {
  std::string body = "<h1>Runbooks</h1><ul class=\"methods\">";
  for (const auto& [alert, text] : RunbookPages()) {
    absl::StrAppend(&body, "<li><a href=\"/runbooks/", alert, "\">", alert, "</a></li>");
  }
  return Page("Runbooks", body + "</ul>");
}

http::ServerResponse RunbookHandlers::Show(const std::string& alert) const {
  const auto found = RunbookPages().find(std::string(absl::StripSuffix(alert, ".md")));
  if (found == RunbookPages().end()) {
    http::ServerResponse response = List();
    response.status = 404;
    return response;
  }
  return Page(found->first, absl::StrCat("<p><a href=\"/runbooks\">← Runbooks</a></p><pre>",
                                         EscapeHtml(found->second), "</pre>"));
}

}  // namespace datong::gateway
