#include "tools/wechat_sim/api.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/wechat/answer.h"
#include "common/wechat/error_codes.h"
#include "common/wechat/lenient_json.h"

namespace datong::wechat_sim {
namespace {

bool HoldsOne(const std::vector<int>& held, const std::vector<int>& wanted) {
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&held](int set) {
           return std::find(held.begin(), held.end(), set) != held.end();
         });
}

std::string TokenOf(const ApiCall& call, Auth auth) {
  if (auth == Auth::kComponent) {
    const std::string token = call.Query("component_access_token");
    if (!token.empty()) return token;
  }
  return call.Query("access_token");
}

int64_t CheckToken(const Endpoint& endpoint, ApiCall& call) {
  const std::string value = TokenOf(call, endpoint.auth);
  if (value.empty()) return 41001;
  call.token = call.world.tokens.Find(value);
  if (call.token == nullptr) return 40014;
  call.app = call.world.Find(call.token->appid);
  if (const int64_t error = call.token->CheckAt(call.now_s()); error != 0) return error;
  const bool is_component_token = call.token->kind == TokenKind::kComponent;
  if (endpoint.auth == Auth::kComponent && !is_component_token) return 61014;
  if (endpoint.auth == Auth::kAccount && is_component_token) return 61015;
  if (call.app == nullptr) return 40013;
  return 0;
}

int64_t CheckPermission(const Endpoint& endpoint, ApiCall& call) {
  const AppSpec& app = call.app->spec;
  call.by_component = call.token->kind == TokenKind::kAuthorizer;
  if (call.by_component) {
    const Grant* grant = call.world.authorizations.FindGrant(call.token->component, app.appid);
    if (grant == nullptr || !grant->is_standing) return 61003;
    if (!HoldsOne(grant->sets,
                  app.is_mini_program() ? endpoint.mini_sets : endpoint.official_sets)) {
      return 61007;
    }
  }
  if (endpoint.official_only && (app.kind != "official_account" || !app.verified)) return 48001;
  return 0;
}

}  // namespace

std::string ApiCall::Query(absl::string_view name) const { return http::QueryValue(query, name); }
std::string ApiCall::Body(absl::string_view name) const { return wechat::TextField(body, name); }
std::string ApiCall::Either(absl::string_view name) const {
  const std::string value = Body(name);
  return value.empty() ? Query(name) : value;
}

json ApiError(int64_t errcode, absl::string_view errmsg) {
  const absl::string_view text = errmsg.empty() ? wechat::ExplainErrorCode(errcode).name : errmsg;
  return {{"errcode", errcode}, {"errmsg", absl::StrCat(text, " rid: ", RandomRid())}};
}

json ApiOk() { return {{"errcode", 0}, {"errmsg", "ok"}}; }

json RunEndpoint(const Endpoint& endpoint, ApiCall& call, const std::string& raw_body,
                 std::string* appid) {
  if (endpoint.check) {
    if (auto refusal = endpoint.check(call, raw_body, appid); refusal) return *refusal;
    return endpoint.handle(call);
  }
  if (endpoint.auth != Auth::kNone) {
    if (const int64_t error = CheckToken(endpoint, call); error != 0) return ApiError(error);
    *appid = call.app->spec.appid;
    if (endpoint.auth == Auth::kAccount) {
      if (const int64_t error = CheckPermission(endpoint, call); error != 0) {
        return ApiError(error);
      }
    }
  }
  if (!appid->empty() && call.path.find("quota") == std::string::npos) {
    const int64_t error = call.world.quotas.Take(*appid, call.path, call.now_s());
    if (error != 0) return ApiError(error);
  }
  if (!endpoint.method.empty() && endpoint.method != call.method) {
    return ApiError(endpoint.method == "GET" ? 43001 : 43002);
  }
  if (endpoint.needs_body) {
    if (raw_body.empty()) return ApiError(44002);
    if (!call.body.is_object()) return ApiError(47001);
  }
  if (!call.body.is_object()) call.body = json::object();
  return endpoint.handle(call);
}

std::string AppidOfCall(World& world, const std::string& query, const json& body) {
  std::string value;
  for (const char* name :
       {"component_access_token", "access_token", "suite_access_token", "provider_access_token"}) {
    if (value.empty()) value = http::QueryValue(query, name);
  }
  if (const Token* token = value.empty() ? nullptr : world.tokens.Find(value); token != nullptr) {
    // A component's call about one authorizer counts as that authorizer's.
    const std::string authorizer = wechat::TextField(body, "authorizer_appid");
    return authorizer.empty() ? token->appid : authorizer;
  }
  for (const char* name : {"appid", "component_appid", "corpid", "suite_id"}) {
    std::string appid = http::QueryValue(query, name);
    if (appid.empty()) appid = wechat::TextField(body, name);
    if (!appid.empty()) return appid;
  }
  return "";
}

}  // namespace datong::wechat_sim
