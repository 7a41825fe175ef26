#include "tools/wechat_sim/web_login_page.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/http/request.h"
#include "tools/wechat_sim/page_html.h"

namespace datong::wechat_sim {
namespace {

constexpr int64_t kCodeLifetime = 300;
constexpr int kWebSet = 4;
constexpr char kQrPath[] = "/connect/qrconnect";
constexpr const char* kFields[] = {"appid", "redirect_uri",    "response_type", "scope",
                                   "state", "component_appid", "forcePopup",    "forceSnapShot"};

// Errors are shown in the browser; the server behind redirect_uri never hears of them.
http::ServerResponse PageError(int number, const std::string& sentence) {
  return Html(200, "无法登录 · Cannot log in",
              absl::StrCat("<p>", Escape(sentence), " (", number, ")</p>"));
}

class Page {
 public:
  Page(World& world, const http::ServerRequest& request, int64_t now)
      : world_(world),
        path_(request.path),
        is_post_(request.method == "POST"),
        text_(is_post_ ? request.body : request.query),
        now_(now) {}

  http::ServerResponse Answer() {
    if (Field("appid").empty()) return PageError(10012, "appid is missing");
    if (Field("redirect_uri").empty()) return PageError(10011, "redirect_uri is missing");
    if (Field("scope").empty()) return PageError(10010, "scope is missing");
    App* app = world_.Find(Field("appid"));
    const bool is_qr = path_ == kQrPath;
    if (app == nullptr || app->spec.is_component() || app->spec.is_mini_program() ||
        is_qr != (app->spec.kind == "web_app")) {
      return PageError(10016, "this appid is not supported here");
    }
    const std::string host = HostOf(Field("redirect_uri"));
    if (host.empty() || (!app->spec.web_domain.empty() && host != app->spec.web_domain)) {
      return PageError(10003, "the domain of redirect_uri is not the one configured");
    }
    const bool knows_scope =
        is_qr ? Field("scope") == "snsapi_login"
              : Field("scope") == "snsapi_base" || Field("scope") == "snsapi_userinfo";
    const bool may = is_qr || (app->spec.verified && app->spec.service_type == 2);
    if (!knows_scope || !may || Field("response_type") != "code") {
      return PageError(10005, "the account has no permission for this scope");
    }
    const std::string component = Field("component_appid");
    if (!component.empty()) {
      const Grant* grant = world_.authorizations.FindGrant(component, app->spec.appid);
      if (grant == nullptr || !grant->is_standing ||
          std::find(grant->sets.begin(), grant->sets.end(), kWebSet) == grant->sets.end()) {
        return PageError(10015, "the account is not authorised to the component");
      }
    }
    return is_post_ ? Decide(*app) : Show(*app);
  }

 private:
  std::string Field(absl::string_view name) const { return http::QueryValue(text_, name); }

  // Without a code: the user refused.
  http::ServerResponse Return(const std::string& code) const {
    std::string query = code.empty() ? "" : absl::StrCat("code=", http::UrlEncode(code), "&");
    absl::StrAppend(&query, "state=", http::UrlEncode(Field("state")));
    if (!Field("component_appid").empty()) {
      absl::StrAppend(&query, "&appid=", http::UrlEncode(Field("appid")));
    }
    return Redirect(WithQuery(Field("redirect_uri"), query));
  }

  http::ServerResponse Confirm(App& app, const std::string& user, bool is_snapshot) {
    app.population.FindOrMake(user);
    const std::string code = RandomText(32);
    world_.logins.web_codes[code] = {app.spec.appid, Field("component_appid"), user, Field("scope"),
                                     is_snapshot,    now_ + kCodeLifetime,     false};
    return Return(code);
  }

  http::ServerResponse Show(App& app) {
    const std::string user = Field("user");
    const bool is_forced = Field("forcePopup") == "true" || Field("forceSnapShot") == "true";
    const UserSpec* known = user.empty() ? nullptr : app.population.Find(user);
    const bool follows = known != nullptr && PeriodAt(*known, now_) != nullptr;
    // Silent: the base scope, and followers.
    if (!user.empty() && !is_forced && (Field("scope") == "snsapi_base" || follows)) {
      return Confirm(app, user, /*is_snapshot=*/false);
    }
    std::string form = absl::StrCat("<p>", Escape(app.spec.name), " 申请获得以下权限 · asks for ",
                                    Escape(Field("scope")), "</p><form method=\"post\" action=\"",
                                    Escape(path_), "\">");
    for (const char* name : kFields) {
      form += Hidden(name, Field(name));
    }
    absl::StrAppend(
        &form, "<label>openid <input name=\"user\" value=\"", Escape(user),
        "\"></label><button name=\"decision\" value=\"confirm\">允许 · Allow</button> ",
        "<button name=\"decision\" value=\"refuse\">拒绝 · Refuse</button> ",
        "<button name=\"decision\" value=\"snapshot\">快照页 · Stay on the snapshot page</button>",
        "</form>");
    return Html(200, "微信登录 · Log in with WeChat", form);
  }

  http::ServerResponse Decide(App& app) {
    const std::string decision = Field("decision");
    if (decision == "refuse") return Return("");
    const std::string user = Field("user");
    if (user.empty() || (decision != "confirm" && decision != "snapshot")) {
      return PageError(10000, "user and decision (confirm, refuse or snapshot) are needed");
    }
    return Confirm(app, user, decision == "snapshot" || Field("forceSnapShot") == "true");
  }

  World& world_;
  const std::string path_;
  const bool is_post_;
  const std::string text_;
  const int64_t now_;
};

}  // namespace

bool IsWebLoginPage(absl::string_view path) {
  return path == "/connect/oauth2/authorize" || path == kQrPath;
}

http::ServerResponse WebLoginPage(World& world, const http::ServerRequest& request,
                                  absl::Time now) {
  return Page(world, request, absl::ToUnixSeconds(now)).Answer();
}

}  // namespace datong::wechat_sim
