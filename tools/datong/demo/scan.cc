#include "tools/datong/demo/scan.h"

#include <regex>

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"

namespace datong::demo {
namespace {

std::string HtmlUnescape(std::string text) {
  constexpr std::pair<const char*, const char*> kEntities[] = {
      {"&quot;", "\""}, {"&#39;", "'"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}};
  for (const auto& [entity, plain] : kEntities) {
    for (size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at) {
      text.replace(at, std::string(entity).size(), plain);
    }
  }
  return text;
}

// What the page's one form sends when nothing is changed in it, as a form body: hidden fields and
// checked boxes.
std::string UnchangedFields(const std::string& page) {
  static const std::regex kInput(R"rx(<input[^>]*type="(?:hidden|checkbox)"[^>]*>)rx");
  static const std::regex kName(R"rx(name="([^"]*)")rx"), kValue(R"rx(value="([^"]*)")rx");
  std::string body;
  for (std::sregex_iterator at(page.begin(), page.end(), kInput), end; at != end; ++at) {
    const std::string input = at->str();
    std::smatch name, value;
    if (!std::regex_search(input, name, kName)) continue;
    const bool is_box = input.find("\"checkbox\"") != std::string::npos;
    if (is_box && input.find("checked") == std::string::npos) continue;
    std::regex_search(input, value, kValue);
    absl::StrAppend(&body, body.empty() ? "" : "&", http::UrlEncode(HtmlUnescape(name[1])), "=",
                    http::UrlEncode(HtmlUnescape(value[1])));
  }
  return body;
}

std::string Origin(const std::string& url) {
  const size_t host = url.find("://");
  return url.substr(0, url.find('/', host + 3));
}

absl::StatusOr<http::ClientResponse> Open(http::Client& client, const http::ClientRequest& request,
                                          int expected) {
  DATONG_ASSIGN_OR_RETURN(http::ClientResponse response,
                          client.Send(request, Deadline::After(absl::Seconds(10))));
  if (response.status != expected) {
    return absl::InternalError(
        absl::StrCat(request.method, " ", request.url.substr(0, request.url.find('?')),
                     " answered ", response.status, ": ", response.body.substr(0, 400)));
  }
  return response;
}

constexpr char kForm[] = "application/x-www-form-urlencoded";

}  // namespace

absl::StatusOr<std::string> ScanAndDecide(http::Client& client, const std::string& launch_url,
                                          const std::string& account_appid, bool confirm) {
  DATONG_ASSIGN_OR_RETURN(http::ClientResponse launch,
                          Open(client, {.method = "GET", .url = launch_url}, 200));
  DATONG_ASSIGN_OR_RETURN(
      http::ClientResponse begun,
      Open(client,
           {.method = "POST",
            .url = launch_url,
            .headers = {{"Content-Type", kForm}, {"Origin", Origin(launch_url)}},
            .body = UnchangedFields(launch.body)},
           302));
  const std::string page_url(begun.headers.Get("location"));
  DATONG_ASSIGN_OR_RETURN(
      http::ClientResponse page,
      Open(client, {.method = "GET", .url = page_url, .headers = {{"Referer", launch_url}}}, 200));
  DATONG_ASSIGN_OR_RETURN(
      http::ClientResponse decided,
      Open(client,
           {.method = "POST",
            .url = page_url.substr(0, page_url.find('?')),
            .headers = {{"Content-Type", kForm}, {"Referer", page_url}},
            .body = absl::StrCat(UnchangedFields(page.body), "&account=", account_appid,
                                 "&decision=", confirm ? "confirm" : "refuse")},
           302));
  // What became of it is the last page's to say, also when it is bad news.
  DATONG_ASSIGN_OR_RETURN(
      http::ClientResponse last,
      client.Send({.method = "GET", .url = std::string(decided.headers.Get("location"))},
                  Deadline::After(absl::Seconds(10))));
  return last.body;
}

}  // namespace datong::demo
