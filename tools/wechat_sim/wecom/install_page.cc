#include "tools/wechat_sim/wecom/install_page.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/wechat_sim/page_html.h"
#include "tools/wechat_sim/wecom/push.h"

namespace datong::wechat_sim::wecom {
namespace {

constexpr char kInstallPath[] = "/3rdapp/install";
constexpr char kTemplatePath[] = "/3rdapp/customized";

http::ServerResponse Refusal(const std::string& sentence) {
  return Html(200, "无法安装 · Cannot install", absl::StrCat("<p>", Escape(sentence), "</p>"));
}

struct Form {
  std::string suite_id, pre_auth_code, redirect_uri, state, until, corp, decision;
  std::vector<std::string> users;  // the visible range; none: everybody
};

Form ReadForm(absl::string_view text) {
  Form form;
  form.suite_id = http::QueryValue(text, "suite_id");
  form.pre_auth_code = http::QueryValue(text, "pre_auth_code");
  form.redirect_uri = http::QueryValue(text, "redirect_uri");
  form.state = http::QueryValue(text, "state");
  form.until = http::QueryValue(text, "until");
  form.corp = http::QueryValue(text, "corp");
  form.decision = http::QueryValue(text, "decision");
  for (const absl::string_view pair : absl::StrSplit(text, '&')) {
    if (pair.substr(0, 5) == "user=") form.users.push_back(http::UrlDecode(pair.substr(5)));
  }
  return form;
}

// What is wrong with the link, or "".
std::string CheckInstall(World& world, const Form& form, int64_t now) {
  const Suite* suite = world.wecom.FindSuite(form.suite_id);
  if (suite == nullptr) return "suite_id is unknown.";
  const PreAuthCode* code = world.wecom.installs.FindPreAuthCode(form.pre_auth_code);
  if (code == nullptr || code->suite_id != form.suite_id) return "pre_auth_code is invalid.";
  if (code->is_used) return "pre_auth_code was used already.";
  if (now >= code->expires) return "pre_auth_code has expired.";
  if (!suite->spec.is_published && !code->has_session) {
    return "pre_auth_code is invalid: the app is not published, set_session_info must come first.";
  }
  const std::string host = HostOf(form.redirect_uri);
  if (host.empty()) return "redirect_uri is missing or no address.";
  const std::string& domain = suite->spec.redirect_domain;
  if (!domain.empty() && host != domain) return "redirect_uri is not on the app's callback domain.";
  return "";
}

std::string CheckReferer(World& world, const Form& form, absl::string_view referer) {
  const std::string& domain = world.wecom.FindSuite(form.suite_id)->spec.redirect_domain;
  if (domain.empty() || HostOf(referer) == domain) return "";
  return absl::StrCat("The link must stand on ", domain, ".");
}

std::string CheckTemplate(World& world, const Form& form, int64_t now) {
  const Suite* suite = world.wecom.FindSuite(form.suite_id);
  if (suite == nullptr || !suite->spec.is_agency()) return "the template is unknown.";
  int64_t until = 0;
  if (!absl::SimpleAtoi(form.until, &until) || now >= until) return "the QR code has expired.";
  return "";
}

http::ServerResponse Show(World& world, const Form& form, const std::string& path) {
  std::string body = absl::StrCat(
      "<p>", Escape(world.wecom.FindSuite(form.suite_id)->spec.name),
      " 申请安装 · asks to be installed</p><form method=\"post\" action=\"", Escape(path), "\">",
      Hidden("suite_id", form.suite_id), Hidden("pre_auth_code", form.pre_auth_code),
      Hidden("redirect_uri", form.redirect_uri), Hidden("state", form.state),
      Hidden("until", form.until), "<fieldset><legend>企业 · Corp</legend>");
  if (world.wecom.corps.empty()) return Refusal("没有企业 · There is no corp.");
  bool is_first = true;
  for (const auto& [key, corp] : world.wecom.corps) {
    absl::StrAppend(&body, "<label><input type=\"radio\" name=\"corp\" value=\"",
                    Escape(corp.spec.corpid), is_first ? "\" checked> " : "\"> ",
                    Escape(corp.spec.name), "</label>");
    is_first = false;
  }
  absl::StrAppend(&body,
                  "</fieldset><button name=\"decision\" value=\"confirm\">安装 · Confirm</button> "
                  "<button name=\"decision\" value=\"refuse\">取消 · Refuse</button></form>");
  return Html(200, "安装应用 · Install an app", body);
}

http::ServerResponse Decide(World& world, const Form& form, bool is_template, int64_t now) {
  Estate& estate = world.wecom;
  if (form.decision == "refuse") {
    if (is_template) return Refusal("已取消 · Refused.");
    return Redirect(WithQuery(form.redirect_uri, "state=" + http::UrlEncode(form.state)));
  }
  const Corp* corp = estate.FindCorp(form.corp);
  if (form.decision != "confirm" || corp == nullptr) {
    return Refusal("decision must be confirm or refuse, corp one of those shown.");
  }
  const Suite& suite = *estate.FindSuite(form.suite_id);
  const Install& install = estate.PutInstall(suite, *corp, form.users, now);
  if (is_template) {
    PushAuthorization(world, "create_auth", install, form.state, now);
    return Html(200, "已授权 · Authorised", "");
  }
  estate.installs.FindPreAuthCode(form.pre_auth_code)->is_used = true;
  const std::string code = estate.installs.MakeAuthCode(install, form.state, now);
  if (estate.settings.push_page_installs) {
    PushAuthorization(world, "create_auth", install, form.state, now, code);
  }
  return Redirect(WithQuery(form.redirect_uri,
                            absl::StrCat("auth_code=", http::UrlEncode(code),
                                         "&expires_in=600&state=", http::UrlEncode(form.state))));
}

}  // namespace

bool IsInstallPage(const http::ServerRequest& request) {
  return request.path == kInstallPath || request.path == kTemplatePath;
}

http::ServerResponse InstallPage(World& world, const http::ServerRequest& request, absl::Time now) {
  const bool is_post = request.method == "POST";
  const bool is_template = request.path == kTemplatePath;
  const Form form = ReadForm(is_post ? request.body : request.query);
  const int64_t now_s = absl::ToUnixSeconds(now);
  std::string problem =
      is_template ? CheckTemplate(world, form, now_s) : CheckInstall(world, form, now_s);
  if (problem.empty() && !is_post && !is_template) {
    problem = CheckReferer(world, form, request.headers.Get("Referer"));
  }
  if (!problem.empty()) return Refusal(problem);
  return is_post ? Decide(world, form, is_template, now_s) : Show(world, form, request.path);
}

}  // namespace datong::wechat_sim::wecom
