#include "services/gateway/rpc/console_handlers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/gateway/core/html.h"

namespace datong::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::ordered_json;

constexpr char kScript[] = R"js("use strict";
const form = document.querySelector("form");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const output = document.querySelector("#answer");
  const headers = {"Content-Type": "application/json", "Connect-Protocol-Version": "1"};
  const authorization = form.elements.authorization.value.trim();
  if (authorization) headers["Authorization"] = authorization;
  const button = form.querySelector("button");
  button.disabled = true;
  output.textContent = "…";
  const begin = performance.now();
  try {
    const response = await fetch(form.dataset.path,
                                 {method: "POST", headers, body: form.elements.body.value});
    const text = await response.text();
    let pretty = text;
    try { pretty = JSON.stringify(JSON.parse(text), null, 2); } catch (error) { /* as it is */ }
    output.textContent = `${response.status} · ${Math.round(performance.now() - begin)} ms · ` +
        `request ${response.headers.get("x-request-id")}\n\n${pretty}`;
  } catch (error) {
    output.textContent = String(error);
  }
  button.disabled = false;
});
// The call for curl follows what is typed.
const curl = document.querySelector("#curl");
const sample = form.elements.body.value;
const [before, after] = curl.textContent.split(sample.replaceAll("'", "'\\''"));
form.elements.body.addEventListener("input", () => {
  curl.textContent = before + form.elements.body.value.replaceAll("'", "'\\''") + after;
});
)js";

Json SampleMessage(const Descriptor* type, int depth);

Json SampleValue(const FieldDescriptor* field, int depth) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field->name() == "project" ? "projects/demo" : "";
    case FieldDescriptor::CPPTYPE_BOOL:
      return false;
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return "0";
    case FieldDescriptor::CPPTYPE_ENUM:
      return field->enum_type()->value(field->enum_type()->value_count() > 1 ? 1 : 0)->name();
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SampleMessage(field->message_type(), depth + 1);
    default:
      return 0;
  }
}

Json SampleMessage(const Descriptor* type, int depth) {
  if (type->full_name() == "google.protobuf.Timestamp") return "2026-01-01T00:00:00Z";
  if (type->full_name() == "google.protobuf.Duration") return "86400s";
  Json object = Json::object();
  if (depth > 3 || absl::StartsWith(type->full_name(), "google.protobuf.")) return object;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    // Of a oneof only one may be given.
    if (field->real_containing_oneof() != nullptr && field->index_in_oneof() > 0) continue;
    if (field->is_map()) {
      object[field->json_name()] = Json::object();
    } else if (field->is_repeated()) {
      object[field->json_name()] = Json::array({SampleValue(field, depth)});
    } else {
      object[field->json_name()] = SampleValue(field, depth);
    }
  }
  return object;
}

http::ServerResponse Html(std::string page) {
  http::ServerResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(page);
  response.headers = {{"Cache-Control", "no-store"},
                      {"Referrer-Policy", "same-origin"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; "
                       "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"}};
  return response;
}

// The text inside '…' of a shell.
std::string ShellQuoted(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"'", "'\\''"}});
}

}  // namespace

std::string SampleJson(const Descriptor* type) { return SampleMessage(type, 0).dump(2); }

ConsoleHandlers::ConsoleHandlers(const MethodDirectory& directory, std::string public_url)
    : directory_(directory), public_url_(std::move(public_url)) {}

void ConsoleHandlers::RegisterRoutes(http::Router& router) {
  router.Handle("GET", "/", {},
                [this](const http::ServerRequest& request) { return Show(request); });
  router.Handle("GET", "/console.js", {}, [this](const http::ServerRequest&) { return Script(); });
}

http::ServerResponse ConsoleHandlers::Show(const http::ServerRequest& request) const {
  const std::string name = http::QueryValue(request.query, "method");
  const ApiMethod* method = directory_.Find("/" + name);
  http::ServerResponse response =
      Html(method != nullptr && method->is_unary() ? MethodPage(*method) : ListPage());
  if (!name.empty() && method == nullptr) response.status = 404;
  return response;
}

http::ServerResponse ConsoleHandlers::Script() const {
  http::ServerResponse response;
  response.content_type = "text/javascript; charset=utf-8";
  response.body = kScript;
  response.headers = {{"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}};
  return response;
}

std::string ConsoleHandlers::ListPage() const {
  std::string body =
      "<main class=\"wide\"><h1>大同 Datong</h1>"
      "<p>选择一个方法，填写请求并调用；每个方法也可以用 curl 以 JSON 调用。流式方法只通过 gRPC "
      "提供。</p>"
      "<p class=\"en\" lang=\"en\">Choose a method to fill in its request and call it. Each can be "
      "called with curl and JSON as well; methods that stream are served over gRPC only.</p>";
  std::string package;  // one card each: "datong.broker.v1"
  for (const std::string& service : directory_.services()) {
    const size_t dot = service.rfind('.');
    if (service.substr(0, dot) != package) {
      if (!package.empty()) absl::StrAppend(&body, "</div>");
      package = service.substr(0, dot);
      absl::StrAppend(&body, "<div class=\"card\"><h1>", EscapeHtml(package), "</h1>");
    }
    absl::StrAppend(&body, "<h3>", EscapeHtml(service.substr(dot + 1)),
                    "</h3><ul class=\"methods\">");
    for (const auto& [path, method] : directory_.methods()) {
      if (method.descriptor->service()->full_name() != service) continue;
      const std::string name = EscapeHtml(method.descriptor->name());
      if (method.is_unary()) {
        absl::StrAppend(&body, "<li><a href=\"/?method=", EscapeHtml(path.substr(1)), "\">", name,
                        "</a></li>");
      } else {
        absl::StrAppend(&body, "<li class=\"en\">", name, "（流 gRPC stream）</li>");
      }
    }
    absl::StrAppend(&body, "</ul>");
  }
  if (!package.empty()) absl::StrAppend(&body, "</div>");
  return HtmlPage("大同 Datong", absl::StrCat(body, "</main>"));
}

std::string ConsoleHandlers::MethodPage(const ApiMethod& method) const {
  const std::string sample = SampleJson(method.descriptor->input_type());
  return HtmlPage(
      method.descriptor->name(),
      absl::StrCat(
          "<main class=\"wide\"><p><a href=\"/\">← Datong</a></p><div class=\"card\"><h1>",
          EscapeHtml(method.descriptor->name()), "</h1><p class=\"en\">",
          EscapeHtml(method.descriptor->service()->full_name()), "</p><form data-path=\"",
          EscapeHtml(method.path), "\"><h2>请求 Request</h2><textarea name=\"body\" rows=\"",
          std::clamp<int64_t>(std::count(sample.begin(), sample.end(), '\n') + 2, 4, 24),
          "\" spellcheck=\"false\">", EscapeHtml(sample),
          "</textarea><h2>Authorization</h2>"
          "<p class=\"en\">原样转发给服务。Passed on to the service as it is. `datong dev` "
          "prints where its API key is.</p><input name=\"authorization\" type=\"password\" "
          "autocomplete=\"off\" placeholder=\"Bearer …\"><p><button type=\"submit\">调用 Call"
          "</button></p></form><h2>回答 Answer</h2><pre id=\"answer\">–</pre><h2>curl</h2><pre "
          "id=\"curl\">",
          EscapeHtml(absl::StrCat("curl -H 'Content-Type: application/json' -d '",
                                  ShellQuoted(sample), "' '", ShellQuoted(public_url_), method.path,
                                  "'")),
          "</pre></div></main><script src=\"/console.js\"></script>"));
}

}  // namespace datong::gateway
