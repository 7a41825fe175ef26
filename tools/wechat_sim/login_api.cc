#include <algorithm>

#include "common/crypto/hash.h"
#include "tools/wechat_sim/api.h"

// /sns/jscode2session, with an own secret or through a component.
namespace datong::wechat_sim {
namespace {

constexpr int kDataSet = 18;
constexpr int kOldLoginSet = 20;

// The session of a single-use code.
json Login(ApiCall& call, App& app) {
  const std::string code = call.Query("js_code");
  if (code.empty()) return ApiError(41008);
  if (call.Query("grant_type") != "authorization_code") return ApiError(40002);
  const auto it = call.world.js_codes.find(code);
  if (it == call.world.js_codes.end() || it->second.appid != app.spec.appid) {
    return ApiError(40029);
  }
  if (it->second.is_used) return ApiError(40163);
  if (call.now_s() >= it->second.expires) return ApiError(40029);
  it->second.is_used = true;
  const UserSpec& user = app.population.FindOrMake(it->second.openid);
  if (user.blocked) return ApiError(40226);
  std::string& session_key = call.world.logins.session_keys[{app.spec.appid, user.openid}];
  session_key = crypto::Base64Encode(crypto::RandomBytes(16));
  json answer = {{"openid", user.openid}, {"session_key", session_key}};
  const std::string unionid = UnionidOf(app, user);
  if (!unionid.empty()) answer["unionid"] = unionid;
  return answer;
}

json OwnLogin(ApiCall& call) {
  if (call.Query("appid").empty()) return ApiError(41002);
  if (call.Query("secret").empty()) return ApiError(41004);
  App* app = call.world.Find(call.Query("appid"));
  if (app == nullptr || !app->spec.is_mini_program()) return ApiError(40013);
  if (app->spec.secret != call.Query("secret")) return ApiError(40125);
  return Login(call, *app);
}

json ComponentLogin(ApiCall& call) {
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
  if (app == nullptr || !app->spec.is_mini_program()) return ApiError(40013);
  const Grant* grant = call.world.authorizations.FindGrant(component, app->spec.appid);
  if (grant == nullptr || !grant->is_standing) return ApiError(61003);
  if (std::none_of(grant->sets.begin(), grant->sets.end(),
                   [](int set) { return set == kDataSet || set == kOldLoginSet; })) {
    return ApiError(61007);
  }
  return Login(call, *app);
}

}  // namespace

void AddLoginApi(ApiTable& table) {
  table["/sns/jscode2session"] = {.method = "GET", .handle = OwnLogin};
  table["/sns/component/jscode2session"] = {.method = "GET", .handle = ComponentLogin};
}

}  // namespace datong::wechat_sim
