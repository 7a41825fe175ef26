#include "services/broker/upstream/platform_http.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/wechat/error_codes.h"

namespace datong::broker {
namespace {

using nlohmann::json;
using wechat::Answer;

constexpr const char* kResults[] = {"ok", "errcode", "http_error", "timeout", "transport"};
constexpr const char* kOther = "other";

absl::StatusOr<Answer> Successful(const absl::StatusOr<http::ClientResponse>& response) {
  DATONG_RETURN_IF_ERROR(response.status());
  DATONG_ASSIGN_OR_RETURN(Answer answer, wechat::ParseAnswer(response->status, response->body));
  DATONG_RETURN_IF_ERROR(answer.status());
  return answer;
}

}  // namespace

absl::Status IncompleteAnswer(const char* field) {
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat("WeChat's answer has no ", field, "; try again."),
                   {"broker.datong", "PLATFORM_ANSWER_INVALID", {{"field", field}}});
}

PlatformHttp::PlatformHttp(std::string url, std::initializer_list<const char*> paths,
                           http::Client& http, metrics::Registry& registry)
    : url_(std::move(url)), paths_(paths.begin(), paths.end()), http_(http), registry_(registry) {
  const auto add = [this](const std::string& api) {
    for (const char* result : kResults) {
      registry_.AddCounter("datong_upstream_requests_total", "Calls to the platform.",
                           {{"api", api}, {"result", result}});
    }
    registry_.AddHistogram("datong_upstream_request_seconds", "Time of calls to the platform.",
                           metrics::kUpstreamBuckets, {{"api", api}});
  };
  for (const std::string& path : paths_) add(path);
  add(kOther);
}

void PlatformHttp::Count(const std::string& label, const absl::Status& transport, int64_t errcode,
                         absl::Duration elapsed) {
  const char* result = "ok";
  if (!transport.ok()) {
    const std::string reason = GetReason(transport);
    result = absl::IsDeadlineExceeded(transport)                               ? "timeout"
             : reason == "ANSWER_HTTP_STATUS" || reason == "ANSWER_UNREADABLE" ? "http_error"
                                                                               : "transport";
  } else if (errcode != 0) {
    result = "errcode";
    // Codes that nobody listed share one series.
    const bool listed =
        wechat::ExplainErrorCode(errcode).error_class != wechat::ErrorClass::kUnknown;
    registry_
        .AddCounter("datong_upstream_errcode_total", "Refusals of the platform.",
                    {{"api", label}, {"errcode", listed ? absl::StrCat(errcode) : "other"}})
        .Increment();
  }
  registry_
      .AddCounter("datong_upstream_requests_total", "Calls to the platform.",
                  {{"api", label}, {"result", result}})
      .Increment();
  registry_
      .AddHistogram("datong_upstream_request_seconds", "Time of calls to the platform.",
                    metrics::kUpstreamBuckets, {{"api", label}})
      .Observe(absl::ToDoubleSeconds(elapsed));
}

absl::StatusOr<http::ClientResponse> PlatformHttp::Send(const std::string& method,
                                                        const std::string& path, const Query& query,
                                                        const std::string& body,
                                                        Deadline deadline) {
  const std::string label = paths_.contains(path) ? path : kOther;
  http::ClientRequest request;
  request.method = method;
  request.url = absl::StrCat(url_, path);
  char separator = '?';
  for (const auto& [name, value] : query) {
    absl::StrAppend(&request.url, std::string(1, separator), http::UrlEncode(name), "=",
                    http::UrlEncode(value));
    separator = '&';
  }
  if (method == "POST") {
    request.headers.Add("Content-Type", "application/json");
    request.body = body;
  }
  const absl::Time begin = absl::Now();
  absl::StatusOr<http::ClientResponse> response = http_.Send(request, deadline);
  if (!response.ok()) Count(label, response.status(), 0, absl::Now() - begin);
  if (!response.ok()) return response.status();
  absl::StatusOr<Answer> answer = wechat::ParseAnswer(response->status, response->body);
  Count(label, answer.status(), answer.ok() ? answer->errcode : 0, absl::Now() - begin);
  if (!answer.ok()) return answer.status();
  return response;
}

absl::StatusOr<Answer> PlatformHttp::Get(const std::string& path, const Query& query,
                                         Deadline deadline) {
  return Successful(Send("GET", path, query, "", deadline));
}

absl::StatusOr<Answer> PlatformHttp::Post(const std::string& path, const Query& query,
                                          const json& body, Deadline deadline) {
  // Never \u escapes: some APIs refuse them or store them as they are.
  return Successful(Send("POST", path, query,
                         body.dump(-1, ' ', false, json::error_handler_t::replace), deadline));
}

}  // namespace datong::broker
