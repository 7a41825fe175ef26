#include <algorithm>

#include "tools/wechat_sim/api.h"

// /sns/oauth2/*, /sns/userinfo and /sns/auth: what a web login's code and tokens are good for.
namespace datong::wechat_sim {
namespace {

constexpr int64_t kTokenLifetime = 7200;
constexpr int64_t kRefreshLifetime = 30 * 86400;
constexpr int kWebSet = 4;

bool TellsProfile(const std::string& scope) {
  return scope.find("snsapi_userinfo") != std::string::npos ||
         scope.find("snsapi_login") != std::string::npos;
}

// The virtual account that a user's snapshot page shows: another one than the user.
std::string VirtualOpenid(const std::string& openid) { return "oSNAPSHOT_" + openid; }

json Issue(ApiCall& call, const App& app, UserGrant grant, const std::string& refresh_token) {
  const std::string token = RandomText(107);
  grant.expires = call.now_s() + kTokenLifetime;
  call.world.logins.user_tokens[token] = grant;
  json answer = {{"access_token", token},
                 {"expires_in", kTokenLifetime},
                 {"refresh_token", refresh_token},
                 {"openid", grant.is_snapshot ? VirtualOpenid(grant.openid) : grant.openid},
                 {"scope", grant.scope}};
  if (grant.is_snapshot) answer["is_snapshotuser"] = 1;
  const UserSpec* user = app.population.Find(grant.openid);
  const std::string unionid = user == nullptr ? "" : UnionidOf(app, *user);
  if (TellsProfile(grant.scope) && !unionid.empty()) {
    answer["unionid"] = grant.is_snapshot ? "uSNAPSHOT" : unionid;
  }
  return answer;
}

json Exchange(ApiCall& call, App& app, const std::string& component) {
  const std::string code = call.Query("code");
  if (code.empty()) return ApiError(41008);
  if (call.Query("grant_type") != "authorization_code") return ApiError(40002);
  const auto it = call.world.logins.web_codes.find(code);
  if (it == call.world.logins.web_codes.end() || it->second.appid != app.spec.appid ||
      it->second.component != component) {
    return ApiError(40029);
  }
  WebCode& held = it->second;
  if (held.is_used) return ApiError(40163);
  if (call.now_s() >= held.expires) return ApiError(42003);
  held.is_used = true;
  UserGrant grant{held.appid, component, held.openid, held.scope, held.is_snapshot, 0};
  const std::string refresh_token = RandomText(107);
  UserGrant& refresh = call.world.logins.refresh_tokens[refresh_token] = grant;
  refresh.expires = call.now_s() + kRefreshLifetime;
  return Issue(call, app, grant, refresh_token);
}

json Refresh(ApiCall& call, App& app, const std::string& component) {
  if (call.Query("grant_type") != "refresh_token") return ApiError(40002);
  const std::string refresh_token = call.Query("refresh_token");
  if (refresh_token.empty()) return ApiError(41003);
  const auto it = call.world.logins.refresh_tokens.find(refresh_token);
  if (it == call.world.logins.refresh_tokens.end() || it->second.appid != app.spec.appid ||
      it->second.component != component) {
    return ApiError(40030);
  }
  if (call.now_s() >= it->second.expires) return ApiError(42002);
  json answer = Issue(call, app, it->second, refresh_token);
  answer.erase("unionid");
  return answer;
}

using Handle = json (*)(ApiCall&, App&, const std::string&);

json InOwnName(ApiCall& call, bool needs_secret, Handle handle) {
  if (call.Query("appid").empty()) return ApiError(41002);
  if (needs_secret && call.Query("secret").empty()) return ApiError(41004);
  App* app = call.world.Find(call.Query("appid"));
  if (app == nullptr || app->spec.is_mini_program() || app->spec.is_component()) {
    return ApiError(40013);
  }
  if (needs_secret && app->spec.secret != call.Query("secret")) return ApiError(40125);
  return handle(call, *app, "");
}

json InComponentsName(ApiCall& call, Handle handle) {
  const std::string component = call.Query("component_appid");
  const std::string value = call.Query("component_access_token");
  if (component.empty()) return ApiError(41018);
  if (value.empty()) return ApiError(41021);
  const Token* token = call.world.tokens.Find(value);
  if (token == nullptr || token->kind != TokenKind::kComponent || token->appid != component) {
    return ApiError(40001);
  }
  if (const int64_t error = token->CheckAt(call.now_s()); error != 0) return ApiError(error);
  App* app = call.world.Find(call.Query("appid"));
  if (app == nullptr || app->spec.kind != "official_account") return ApiError(40013);
  const Grant* grant = call.world.authorizations.FindGrant(component, app->spec.appid);
  if (grant == nullptr || !grant->is_standing) return ApiError(61003);
  if (std::find(grant->sets.begin(), grant->sets.end(), kWebSet) == grant->sets.end()) {
    return ApiError(61007);
  }
  return handle(call, *app, component);
}

// The grant of a user's token, or an error.
const UserGrant* FindGrant(ApiCall& call, json* error) {
  const std::string token = call.Query("access_token");
  const auto it = call.world.logins.user_tokens.find(token);
  if (token.empty()) {
    *error = ApiError(41001);
  } else if (it == call.world.logins.user_tokens.end()) {
    *error = ApiError(40001);
  } else if (call.now_s() >= it->second.expires) {
    *error = ApiError(42001);
  } else {
    const UserGrant& grant = it->second;
    const std::string openid = grant.is_snapshot ? VirtualOpenid(grant.openid) : grant.openid;
    if (call.Query("openid") == openid) return &grant;
    *error = ApiError(40003);
  }
  return nullptr;
}

json UserInfo(ApiCall& call) {
  json error;
  const UserGrant* grant = FindGrant(call, &error);
  if (grant == nullptr) return error;
  if (!TellsProfile(grant->scope)) return ApiError(48001);
  App* app = call.world.Find(grant->appid);
  if (app == nullptr) return ApiError(40013);
  json answer = {{"openid", call.Query("openid")},
                 {"nickname", grant->is_snapshot ? "微信用户" : "用户" + grant->openid},
                 {"sex", 0},
                 {"province", ""},
                 {"city", ""},
                 {"country", ""},
                 {"headimgurl", "https://thirdwx.qlogo.cn/mmopen/vi_32/0"},
                 {"privilege", json::array()}};
  const std::string unionid = UnionidOf(*app, app->population.FindOrMake(grant->openid));
  if (!unionid.empty()) answer["unionid"] = grant->is_snapshot ? "uSNAPSHOT" : unionid;
  return answer;
}

json CheckToken(ApiCall& call) {
  json error;
  return FindGrant(call, &error) == nullptr ? error : ApiOk();
}

}  // namespace

void AddWebLoginApi(ApiTable& table) {
  const auto add = [&table](const char* path, auto handle) {
    table[path] = {.method = "GET", .handle = handle};
  };
  add("/sns/oauth2/access_token",
      [](ApiCall& call) { return InOwnName(call, /*needs_secret=*/true, Exchange); });
  add("/sns/oauth2/component/access_token",
      [](ApiCall& call) { return InComponentsName(call, Exchange); });
  add("/sns/oauth2/refresh_token",
      [](ApiCall& call) { return InOwnName(call, /*needs_secret=*/false, Refresh); });
  add("/sns/oauth2/component/refresh_token",
      [](ApiCall& call) { return InComponentsName(call, Refresh); });
  add("/sns/userinfo", UserInfo);
  add("/sns/auth", CheckToken);
}

}  // namespace datong::wechat_sim
