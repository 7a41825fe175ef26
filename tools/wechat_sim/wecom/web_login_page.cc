#include "tools/wechat_sim/wecom/web_login_page.h"

#include "absl/strings/str_cat.h"
#include "tools/wechat_sim/page_html.h"
#include "tools/wechat_sim/wecom/logins.h"

namespace datong::wechat_sim::wecom {
namespace {

constexpr char kPath[] = "/connect/oauth2/authorize";
constexpr const char* kFields[] = {"appid", "redirect_uri", "response_type",
                                   "scope", "state",        "agentid"};

absl::string_view TextOf(const http::ServerRequest& request) {
  return request.method == "POST" ? request.body : request.query;
}

// What is wrong with the link, or "".
std::string CheckLink(absl::string_view text) {
  const std::string scope = http::QueryValue(text, "scope");
  if (HostOf(http::QueryValue(text, "redirect_uri")).empty()) {
    return "redirect_uri is missing or no address.";
  }
  if (http::QueryValue(text, "response_type") != "code") return "response_type must be code.";
  if (scope != "snsapi_base" && scope != "snsapi_privateinfo") return "scope is unknown.";
  return "";
}

http::ServerResponse Show(absl::string_view text) {
  std::string form = absl::StrCat("<form method=\"post\" action=\"", kPath, "\">");
  for (const char* name : kFields)
    absl::StrAppend(&form, Hidden(name, http::QueryValue(text, name)));
  absl::StrAppend(&form,
                  "<label>企业 · corpid <input name=\"corp\"></label>"
                  "<label>成员 · userid <input name=\"user\"></label>"
                  "<label>或访客 · or person <input name=\"person\"></label>"
                  "<button name=\"decision\" value=\"confirm\">同意 · Allow</button> "
                  "<button name=\"decision\" value=\"refuse\">拒绝 · Refuse</button></form>");
  return Html(200, "企业微信登录 · Log in with WeCom", form);
}

}  // namespace

bool IsWebLogin(Estate& estate, const http::ServerRequest& request) {
  return request.path == kPath &&
         !AudienceOf(estate, http::QueryValue(TextOf(request), "appid")).empty();
}

http::ServerResponse WebLoginPage(World& world, const http::ServerRequest& request,
                                  absl::Time now) {
  const absl::string_view text = TextOf(request);
  const auto field = [text](const char* name) { return http::QueryValue(text, name); };
  if (const std::string problem = CheckLink(text); !problem.empty()) {
    return Html(200, "出错 · Error", Escape(problem));
  }
  const std::string back = field("redirect_uri");
  const std::string state = "state=" + http::UrlEncode(field("state"));
  if (field("decision") == "refuse") return Redirect(WithQuery(back, state));
  // Silent for the base scope, once it is known who visits.
  const bool is_silent =
      field("scope") == "snsapi_base" && (!field("user").empty() || !field("person").empty());
  if (!is_silent && field("decision") != "confirm") return Show(text);
  LoginCode code = {.audience = AudienceOf(world.wecom, field("appid"))};
  const Corp* corp = world.wecom.FindCorp(field("corp").empty() ? code.audience : field("corp"));
  if (corp != nullptr) code.corpid = corp->spec.corpid;
  code.userid = field("user");
  code.person = field("person");
  if (code.person.empty() && (corp == nullptr || corp->members.count(code.userid) == 0)) {
    return Html(200, "出错 · Error", "user is no member of corp.");
  }
  code.is_private = field("scope") == "snsapi_privateinfo";
  code.domain = HostOf(back);
  const std::string value = MintLoginCode(world.wecom, code, absl::ToUnixSeconds(now));
  return Redirect(WithQuery(back, absl::StrCat("code=", value, "&", state)));
}

}  // namespace datong::wechat_sim::wecom
