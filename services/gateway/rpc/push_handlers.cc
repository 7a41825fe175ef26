#include "services/gateway/rpc/push_handlers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "services/gateway/rpc/call_of.h"

// GCC 12 reports it falsely where std::string is inlined.
#pragma GCC diagnostic ignored "-Wstringop-overread"

namespace datong::gateway {
namespace {

// 4xx says that the sender is wrong: the alerts on our own answers leave these out.
int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

void PushHandlers::RegisterRoutes(http::Router& router) {
  const auto handler = [this](const http::ServerRequest& request) { return Handle(request); };
  for (const char* pattern : {"/wechat/{project}/*", "/wecom/{project}/*"}) {
    router.Handle("GET", pattern,
                  {.metric = "wechat_verify", .max_body_bytes = options_.max_body_bytes}, handler);
    router.Handle("POST", pattern,
                  {.metric = "wechat_callback", .max_body_bytes = options_.max_body_bytes},
                  handler);
  }
}

http::ServerResponse PushHandlers::Handle(const http::ServerRequest& request) {
  const Call call = OwnCallOf(request, "/wechat", options_.timeout);
  Push push;
  push.method = request.method == "HEAD" ? "GET" : request.method;
  push.path = request.target.substr(0, request.target.find('?'));
  push.query = request.query;
  push.content_type = std::string(request.headers.Get("content-type"));
  push.body = request.body;
  push.peer = request.peer;
  absl::StatusOr<PushAnswer> answer =
      IsUtf8(push.path) && IsUtf8(push.query) && IsUtf8(push.content_type)
          ? broker_.ReceivePush(call, push)
          : MakeError(absl::StatusCode::kInvalidArgument, "Not UTF-8.",
                      {"gateway.datong", "PUSH_MALFORMED", {}});

  http::ServerResponse response;
  response.headers.Add("X-Content-Type-Options", "nosniff");
  if (answer.ok()) {
    if (!answer->content_type.empty()) response.content_type = answer->content_type;
    response.body = std::move(answer->body);
    return response;
  }
  const std::string reason = GetReason(answer.status());
  response.status = HttpStatus(answer.status().code());
  response.body = absl::StrCat(reason.empty() ? "FAILED" : reason, "\n");
  // Whoever set the callback up reads what to do; our own troubles are told in the log alone.
  if (response.status < 500) absl::StrAppend(&response.body, answer.status().message(), "\n");
  if (response.status >= 500) {
    LogWarn("callback not taken; WeChat sends it again", {{"path", push.path},
                                                          {"status", response.status},
                                                          {"reason", reason},
                                                          {"request_id", request.request_id}});
  }
  return response;
}

}  // namespace datong::gateway
