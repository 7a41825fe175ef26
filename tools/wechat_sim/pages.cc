#include "tools/wechat_sim/pages.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/wechat_sim/page_html.h"

namespace datong::wechat_sim {
namespace {

http::ServerResponse Refusal(const std::string& sentence) {
  return Html(200, "无法授权 · Cannot authorise", absl::StrCat("<p>", Escape(sentence), "</p>"));
}

struct Form {
  std::string component_appid, pre_auth_code, redirect_uri, auth_type, biz_appid;
  std::string account, decision, category_id_list;
  std::vector<int> sets;
  bool sets_shown = false;
};

Form ReadForm(absl::string_view text) {
  Form form;
  form.component_appid = http::QueryValue(text, "component_appid");
  form.pre_auth_code = http::QueryValue(text, "pre_auth_code");
  form.redirect_uri = http::QueryValue(text, "redirect_uri");
  form.auth_type = http::QueryValue(text, "auth_type");
  form.biz_appid = http::QueryValue(text, "biz_appid");
  form.account = http::QueryValue(text, "account");
  form.decision = http::QueryValue(text, "decision");
  form.category_id_list = http::QueryValue(text, "category_id_list");
  form.sets_shown = http::HasQueryValue(text, "sets_shown");
  for (const absl::string_view pair : absl::StrSplit(text, '&')) {
    int set = 0;
    if (absl::StartsWith(pair, "set=") && absl::SimpleAtoi(pair.substr(4), &set)) {
      form.sets.push_back(set);
      form.sets_shown = true;
    }
  }
  return form;
}

// What is wrong with the link, or "".
std::string CheckLink(World& world, const Form& form, int64_t now) {
  const App* component = world.Find(form.component_appid);
  if (component == nullptr || !component->spec.is_component()) {
    return "component_appid is unknown.";
  }
  const PreAuthCode* code = world.authorizations.FindPreAuthCode(form.pre_auth_code);
  if (code == nullptr || code->component != form.component_appid) {
    return "pre_auth_code is invalid.";
  }
  if (code->is_used) return "pre_auth_code was used already.";
  if (now >= code->expires) return "pre_auth_code has expired.";
  if (HostOf(form.redirect_uri).empty()) return "redirect_uri is missing or no address.";
  int auth_type = 0;
  if (!absl::SimpleAtoi(form.auth_type, &auth_type) || auth_type < 1 || auth_type > 8) {
    return "auth_type must be 1 to 8.";
  }
  return "";
}

// The page is only entered by a link on the component's own domain.
std::string CheckReferer(World& world, const Form& form, absl::string_view referer) {
  const std::string from = HostOf(referer);
  const std::string to = HostOf(form.redirect_uri);
  const std::string& launch = world.Find(form.component_appid)->spec.launch_domain;
  if (from.empty()) {
    return "请确认授权入口页所在域名 · The page must be entered by a link (no Referer came).";
  }
  if (from != to || (!launch.empty() && from != HostOf("http://" + launch))) {
    return absl::StrCat("请确认授权入口页所在域名与授权后回调的域名相同 · The link stands on ",
                        from, ", redirect_uri goes to ", to,
                        launch.empty() ? "" : ", the component has ", launch, ".");
  }
  return "";
}

bool MayChoose(const Form& form, const App& app) {
  if (app.spec.is_component()) return false;
  if (!form.biz_appid.empty()) return form.biz_appid == app.spec.appid;
  if (form.auth_type == "1") return !app.spec.is_mini_program();
  if (form.auth_type == "2") return app.spec.is_mini_program();
  return true;
}

std::vector<int> OfferedSets(World& world, const Form& form) {
  const std::vector<int>& all = world.Find(form.component_appid)->spec.permission_sets;
  if (form.category_id_list.empty()) return all;
  std::vector<int> sets;
  for (const absl::string_view item : absl::StrSplit(form.category_id_list, '|')) {
    int set = 0;
    if (absl::SimpleAtoi(item, &set) && std::find(all.begin(), all.end(), set) != all.end()) {
      sets.push_back(set);
    }
  }
  return sets;
}

http::ServerResponse Show(World& world, const Form& form, const std::string& path) {
  std::string body = absl::StrCat(
      "<p>", Escape(world.Find(form.component_appid)->spec.name),
      " 申请以下权限 · asks for these permissions</p><form method=\"post\" action=\"", Escape(path),
      "\">", Hidden("component_appid", form.component_appid),
      Hidden("pre_auth_code", form.pre_auth_code), Hidden("redirect_uri", form.redirect_uri),
      Hidden("auth_type", form.auth_type), Hidden("biz_appid", form.biz_appid),
      Hidden("sets_shown", "1"), "<fieldset><legend>账号 · Account</legend>");
  bool is_first = true;
  for (const auto& [appid, app] : world.apps) {
    if (!MayChoose(form, app)) continue;
    absl::StrAppend(&body, "<label><input type=\"radio\" name=\"account\" value=\"", Escape(appid),
                    is_first ? "\" checked> " : "\"> ", Escape(app.spec.name), " (",
                    app.spec.is_mini_program() ? "小程序" : "公众号", " ", Escape(appid),
                    ")</label>");
    is_first = false;
  }
  if (is_first) return Refusal("没有可授权的账号 · There is no account of that kind.");
  absl::StrAppend(&body, "</fieldset><fieldset><legend>权限集 · Permission sets</legend>");
  for (const int set : OfferedSets(world, form)) {
    absl::StrAppend(&body, "<label><input type=\"checkbox\" name=\"set\" value=\"", set,
                    "\" checked> ", set, "</label>");
  }
  absl::StrAppend(&body,
                  "</fieldset><button name=\"decision\" value=\"confirm\">授权 · Confirm</button> "
                  "<button name=\"decision\" value=\"refuse\">拒绝 · Refuse</button></form>");
  return Html(200, "账号授权 · Authorise an account", body);
}

http::ServerResponse Decide(World& world, const Form& form, int64_t now, bool* confirmed) {
  if (form.decision == "refuse") return Redirect(form.redirect_uri);
  if (form.decision != "confirm") return Refusal("decision must be confirm or refuse.");
  App* app = world.Find(form.account);
  if (app == nullptr || !MayChoose(form, *app)) return Refusal("This account cannot be chosen.");
  const std::vector<int> offered = OfferedSets(world, form);
  std::vector<int> sets;
  for (const int set : offered) {
    const bool is_chosen = std::find(form.sets.begin(), form.sets.end(), set) != form.sets.end();
    if (!form.sets_shown || is_chosen) sets.push_back(set);
  }
  std::string event;
  const std::string code = world.authorizations.Authorize(form.component_appid, form.account, sets,
                                                          form.pre_auth_code, now, &event);
  if (world.settings.authorized_push != "none") {
    PushAuthorizationEvent(world, *world.Find(form.component_appid), event, form.account, code,
                           form.pre_auth_code, now);
  }
  *confirmed = true;
  const int64_t lifetime = world.authorizations.FindAuthCode(code)->expires - now;
  return Redirect(WithQuery(form.redirect_uri, absl::StrCat("auth_code=", http::UrlEncode(code),
                                                            "&expires_in=", lifetime)));
}

}  // namespace

bool IsAuthorizationPage(absl::string_view path) {
  return path == "/cgi-bin/componentloginpage" || path == "/wxaopen/safe/bindcomponent" ||
         path == "/safe/bindcomponent";
}

http::ServerResponse AuthorizationPage(World& world, const http::ServerRequest& request,
                                       absl::Time now, bool* confirmed) {
  const bool is_post = request.method == "POST";
  const Form form = ReadForm(is_post ? request.body : request.query);
  const int64_t now_s = absl::ToUnixSeconds(now);
  std::string problem = CheckLink(world, form, now_s);
  if (problem.empty() && !is_post) {
    problem = CheckReferer(world, form, request.headers.Get("Referer"));
  }
  if (!problem.empty()) return Refusal(problem);
  return is_post ? Decide(world, form, now_s, confirmed) : Show(world, form, request.path);
}

}  // namespace datong::wechat_sim
