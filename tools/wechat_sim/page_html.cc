#include "tools/wechat_sim/page_html.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace datong::wechat_sim {

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

http::ServerResponse Html(int status, const std::string& title, const std::string& body) {
  http::ServerResponse response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.body = absl::StrCat(
      "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>", Escape(title),
      "</title><style>body{font-family:sans-serif;max-width:36em;margin:3em auto;padding:0 1em}"
      "fieldset{margin:1em 0}label{display:block;margin:.3em 0}</style></head><body><h1>",
      Escape(title), "</h1>", body, "<p><small>wechat-sim</small></p></body></html>\n");
  return response;
}

std::string HostOf(absl::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == absl::string_view::npos) return "";
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const size_t at = url.rfind('@');
  if (at != absl::string_view::npos) url.remove_prefix(at + 1);
  return absl::AsciiStrToLower(url.substr(0, url.find(':')));
}

std::string Hidden(const char* name, const std::string& value) {
  return absl::StrCat("<input type=\"hidden\" name=\"", name, "\" value=\"", Escape(value), "\">");
}

http::ServerResponse Redirect(const std::string& url) {
  http::ServerResponse response;
  response.status = 302;
  response.headers.Add("Location", url);
  return response;
}

std::string WithQuery(const std::string& url, const std::string& query) {
  return absl::StrCat(url, url.find('?') == std::string::npos ? "?" : "&", query);
}

}  // namespace datong::wechat_sim
