#include "services/ingest/collect/collect_routes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/http/content_encoding.h"
#include "common/log/log.h"
#include "common/status/error.h"

// GCC 12 reports it falsely where std::string is inlined.
#pragma GCC diagnostic ignored "-Wstringop-overread"

namespace datong::ingest {
namespace {

using http::ServerRequest;
using http::ServerResponse;

constexpr int64_t kBrowserBodyBytes = 1 << 20;
constexpr int64_t kServerBodyBytes = 8 << 20;
constexpr int64_t kDecodedBytes = 32 << 20;
constexpr int64_t kMostExpansion = 100;
constexpr absl::string_view kGif(
    "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    "\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00;",
    43);

void AddCors(const ServerRequest& request, ServerResponse* response) {
  const absl::string_view origin = request.headers.Get("origin");
  if (origin.empty()) return;
  response->headers.Add("Access-Control-Allow-Origin", std::string(origin));
  response->headers.Add("Access-Control-Allow-Credentials", "true");
  response->headers.Add("Vary", "Origin");
}

ServerResponse Preflight(const ServerRequest& request) {
  ServerResponse response;
  response.status = 204;
  response.content_type.clear();
  AddCors(request, &response);
  response.headers.Add("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  const absl::string_view asked = request.headers.Get("access-control-request-headers");
  if (!asked.empty()) response.headers.Add("Access-Control-Allow-Headers", std::string(asked));
  response.headers.Add("Access-Control-Max-Age", "7200");
  return response;
}

ServerResponse Empty(int status) {
  ServerResponse response;
  response.status = status;
  response.content_type.clear();
  return response;
}

ServerResponse Gif() {
  ServerResponse response;
  response.content_type = "image/gif";
  response.body = std::string(kGif);
  response.headers.Add("Cache-Control", "no-store");
  return response;
}

ServerResponse Json(int status, std::string body) {
  ServerResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

ServerResponse JsonError(int status, absl::string_view reason, absl::string_view message) {
  return Json(status, absl::StrCat("{\"error\":{\"reason\":\"", reason, "\",\"message\":\"",
                                   message, "\"}}"));
}

// Nothing was promised: the sender shall come again.
ServerResponse Later(ServerResponse response) {
  response.status = 503;
  response.headers.Add("Retry-After", "5");
  return response;
}

// Undoes the Content-Encoding, or gzip that nobody announced. What is corrupt or in another
// encoding stays as it came. False when it grows beyond what is taken.
bool UndoEncoding(const ServerRequest& request, Body* body) {
  std::string encoding(request.headers.Get("content-encoding"));
  if (encoding.empty() && absl::StartsWith(request.body, "\x1f\x8b")) encoding = "gzip";
  const int64_t limit =
      std::min(kDecodedBytes, static_cast<int64_t>(request.body.size()) * kMostExpansion + 1024);
  absl::StatusOr<std::string> decoded = http::Decode(encoding, request.body, limit);
  if (decoded.ok()) {
    body->bytes = *std::move(decoded);
    return true;
  }
  if (absl::IsResourceExhausted(decoded.status())) return false;
  body->bytes = request.body;
  body->foreign_encoding = encoding;
  return true;
}

// The whole raw value of `data=`, which the SDK puts last and does not percent-encode throughout.
std::string ImageData(absl::string_view query) {
  const size_t at = absl::StartsWith(query, "data=") ? 0 : query.find("&data=");
  if (at == absl::string_view::npos) return "";
  return http::UrlDecode(query.substr(query.find('=', at) + 1), /*plus_is_blank=*/false);
}

void ReadGioQuery(const ServerRequest& request, Body* body) {
  body->content_type = std::string(request.headers.Get("content-type"));
  body->compress_codec = std::string(request.headers.Get("x-compress-codec"));
  body->crypt_codec = std::string(request.headers.Get("x-crypt-codec"));
  body->compress = http::QueryValue(request.query, "compress");
  int64_t sent = 0;
  if (absl::SimpleAtoi(http::QueryValue(request.query, "stm"), &sent) ||
      absl::SimpleAtoi(request.headers.Get("x-timestamp"), &sent)) {
    body->sent_ms = sent;
  }
}

std::string BasicUser(const ServerRequest& request) {
  absl::string_view header = request.headers.Get("authorization");
  if (header.size() < 6 || !absl::EqualsIgnoreCase(header.substr(0, 6), "basic ")) return "";
  std::string decoded;
  if (!absl::Base64Unescape(header.substr(6), &decoded)) return "";
  return decoded.substr(0, decoded.find(':'));
}

void LogFailure(const ServerRequest& request, const absl::Status& status) {
  LogWarn("collect request answered with 503",
          {{"request_id", request.request_id}, {"reason", GetReason(status)}});
}

}  // namespace

bool CollectRoutes::IsUntracked(const ServerRequest& request) const {
  if (options_.do_not_track_cookie.empty()) return false;
  for (absl::string_view cookie : absl::StrSplit(request.headers.Get("cookie"), ';')) {
    cookie = absl::StripAsciiWhitespace(cookie);
    if (!absl::ConsumePrefix(&cookie, options_.do_not_track_cookie) ||
        !absl::ConsumePrefix(&cookie, "=")) {
      continue;
    }
    if (cookie.empty() || cookie == "0" || cookie == "false") continue;
    metrics_.RefusedForConsent(Door::kSdk, 1);
    return true;
  }
  return false;
}

Sender CollectRoutes::MakeSender(const ServerRequest& request) const {
  Sender sender;
  sender.user_agent = std::string(request.headers.Get("user-agent"));
  sender.origin = std::string(request.headers.Get("origin"));
  // Who sent it, without what the page's address carries.
  const absl::string_view referer = request.headers.Get("referer");
  sender.referer = std::string(referer.substr(0, referer.find_first_of("?#")));
  std::string address = request.peer;
  if (options_.trust_forwarded_for) {
    const absl::string_view forwarded = request.headers.Get("x-forwarded-for");
    if (!forwarded.empty()) {
      const size_t comma = forwarded.rfind(',');
      address = std::string(absl::StripAsciiWhitespace(
          comma == absl::string_view::npos ? forwarded : forwarded.substr(comma + 1)));
    }
  }
  sender.ip_net = CutAddress(address);
  return sender;
}

ServerResponse CollectRoutes::GioPost(const ServerRequest& request) {
  if (IsUntracked(request)) return Empty(204);
  Body body;
  const bool too_large = static_cast<int64_t>(request.body.size()) > kBrowserBodyBytes ||
                         !UndoEncoding(request, &body);
  if (too_large) {
    metrics_.RejectedTooLarge(Door::kSdk);
    return JsonError(413, "too_large", "The body is larger than 1 MiB, or 32 MiB decoded.");
  }
  ReadGioQuery(request, &body);
  Sender sender = MakeSender(request);
  sender.sdk_project = request.params.at("project");
  const absl::StatusOr<CollectResult> result =
      collector_.Collect(gio_, std::move(body), std::move(sender), request.deadline);
  if (!result.ok()) {
    LogFailure(request, result.status());
    return Later(Empty(503));
  }
  if (result->verdict == CollectVerdict::kUnknownKey) {
    return JsonError(403, "unknown_project", "No source of this project is registered.");
  }
  return Empty(204);
}

ServerResponse CollectRoutes::GioImage(const ServerRequest& request) {
  if (IsUntracked(request)) return Gif();
  Body body;
  body.bytes = ImageData(request.query);
  ReadGioQuery(request, &body);
  Sender sender = MakeSender(request);
  sender.sdk_project = request.params.at("project");
  const absl::StatusOr<CollectResult> result =
      collector_.Collect(gio_, std::move(body), std::move(sender), request.deadline);
  if (!result.ok()) {
    LogFailure(request, result.status());
    return Later(Gif());
  }
  return Gif();
}

ServerResponse CollectRoutes::Segment(const ServerRequest& request, const std::string& type,
                                      bool is_import) {
  if (IsUntracked(request)) return Json(200, "{\"success\":true}");
  Body body;
  body.default_type = type;
  if (!UndoEncoding(request, &body)) {
    metrics_.RejectedTooLarge(Door::kSdk);
    return JsonError(413, "too_large", "The body is larger than 32 MiB when decoded.");
  }
  Sender sender = MakeSender(request);
  sender.write_key = BasicUser(request);
  sender.is_import = is_import;
  const absl::StatusOr<CollectResult> result =
      collector_.Collect(segment_, std::move(body), std::move(sender), request.deadline);
  if (!result.ok()) {
    LogFailure(request, result.status());
    return Later(JsonError(503, "unavailable", "Nothing was stored; send it again later."));
  }
  switch (result->verdict) {
    case CollectVerdict::kTaken:
      return Json(200, "{\"success\":true}");
    case CollectVerdict::kUndecodable:
      return JsonError(400, "malformed_json", "The body is no JSON that holds calls.");
    case CollectVerdict::kNoKey:
      return JsonError(401, "no_key", "Give the write key as user of Basic authorization.");
    case CollectVerdict::kUnknownKey:
      break;
  }
  return JsonError(401, "unknown_key", "No source has this write key.");
}

void CollectRoutes::Register(http::Router& router) {
  const http::RouteOptions options{.metric = "collect", .max_body_bytes = kServerBodyBytes};
  const auto handle = [&](const char* method, std::string path, auto work) {
    router.Handle(method, std::move(path), options, [work](const ServerRequest& request) {
      ServerResponse response = work(request);
      AddCors(request, &response);
      return response;
    });
  };
  const auto preflight = [&](std::string path) {
    router.Handle("OPTIONS", std::move(path), options, Preflight);
  };
  const std::string gio = "/v3/projects/{project}/collect";
  handle("POST", gio, [this](const ServerRequest& request) { return GioPost(request); });
  handle("GET", gio, [this](const ServerRequest& request) { return GioImage(request); });
  preflight(gio);

  struct SegmentPath {
    const char* path;
    const char* type;
  };
  static constexpr SegmentPath kSegmentPaths[] = {
      {"batch", ""},     {"import", ""},           {"t", "track"}, {"track", "track"},
      {"i", "identify"}, {"identify", "identify"}, {"p", "page"},  {"page", "page"},
      {"s", "screen"},   {"screen", "screen"},     {"g", "group"}, {"group", "group"},
      {"a", "alias"},    {"alias", "alias"},
  };
  for (const SegmentPath& entry : kSegmentPaths) {
    const std::string path = absl::StrCat("/v1/", entry.path);
    const bool is_import = absl::string_view(entry.path) == "import";
    handle("POST", path,
           [this, type = std::string(entry.type), is_import](const ServerRequest& request) {
             return Segment(request, type, is_import);
           });
    preflight(path);
  }
}

}  // namespace datong::ingest
