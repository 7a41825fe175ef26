#include "common/http/server_response.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace datong::http {
namespace {

absl::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

// The Date header's value, made once a second and thread.
const std::string& HttpDate() {
  thread_local int64_t second = -1;
  thread_local std::string text;
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  if (now != second) {
    second = now;
    text = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::FromUnixSeconds(now),
                            absl::UTCTimeZone());
  }
  return text;
}

// Nothing that a handler took from outside may end a header line.
void AppendHeader(std::string& out, absl::string_view name, absl::string_view value) {
  absl::StrAppend(&out, name, ": ");
  for (const char c : value) {
    if (c != '\r' && c != '\n' && c != '\0') out.push_back(c);
  }
  out.append("\r\n");
}

}  // namespace

std::string SerializeHead(const ServerResponse& response, absl::string_view request_id,
                          bool keep_alive) {
  std::string out;
  out.reserve(256);
  absl::StrAppend(&out, "HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status), "\r\n");
  const bool has_body = response.status >= 200 && response.status != 204 && response.status != 304;
  if (has_body) {
    if (!response.content_type.empty()) AppendHeader(out, "Content-Type", response.content_type);
    AppendHeader(out, "Content-Length", absl::StrCat(response.body.size()));
  }
  AppendHeader(out, "Date", HttpDate());
  if (!request_id.empty()) AppendHeader(out, "X-Request-Id", request_id);
  for (const auto& [name, value] : response.headers.items()) AppendHeader(out, name, value);
  if (!keep_alive) AppendHeader(out, "Connection", "close");
  out.append("\r\n");
  return out;
}

ServerResponse Refusal(int status) {
  ServerResponse response;
  response.status = status;
  response.body = absl::StrCat(ReasonPhrase(status), "\n");
  if (status == 503) response.headers.Add("Retry-After", "1");
  return response;
}

bool IsRequestId(absl::string_view id) {
  if (id.empty() || id.size() > 128) return false;
  for (const char c : id) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && !absl::StrContains("-_.:", c)) {
      return false;
    }
  }
  return true;
}

}  // namespace datong::http
