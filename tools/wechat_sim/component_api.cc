#include <algorithm>
#include <iterator>

#include "common/wechat/answer.h"
#include "tools/wechat_sim/api.h"

// /cgi-bin/component/*.
namespace datong::wechat_sim {
namespace {

constexpr int64_t kMostListed = 500;

// The component that the body names, as the token's owner where there is a token.
int64_t FindComponent(ApiCall& call, App** component) {
  const std::string appid = call.Body("component_appid");
  if (appid.empty()) return 41018;
  *component = call.world.Find(appid);
  if (*component == nullptr || !(*component)->spec.is_component()) return 61011;
  if (call.token != nullptr && call.token->appid != appid) return 40001;
  return 0;
}

json FuncInfo(const std::vector<int>& sets) {
  json list = json::array();
  for (const int set : sets) list.push_back({{"funcscope_category", {{"id", set}}}});
  return list;
}

json StartPushTicket(ApiCall& call) {
  const std::string appid = call.Either("component_appid");
  App* component = call.world.Find(appid);
  if (component == nullptr || !component->spec.is_component()) return ApiError(40013);
  if (call.Either("component_secret") != component->spec.secret) return ApiError(40125);
  if (component->is_ticket_pushing) return {{"errcode", 0}, {"errmsg", "in a normal state"}};
  // The ticker sends the first one at once.
  component->is_ticket_pushing = true;
  component->next_ticket_ms = 0;
  return ApiOk();
}

json ComponentToken(ApiCall& call) {
  App* component = nullptr;
  if (const int64_t error = FindComponent(call, &component); error != 0) return ApiError(error);
  const AppSpec& spec = component->spec;
  if (call.Body("component_appsecret").empty()) return ApiError(41004);
  if (call.Body("component_appsecret") != spec.secret) return ApiError(40125);
  int64_t error = call.world.authorizations.CheckTicket(
      spec.appid, call.Body("component_verify_ticket"), call.now_s());
  if (error == 0) error = call.world.quotas.Take(spec.appid, call.path, call.now_s());
  if (error != 0) return ApiError(error);
  const Token& token = call.world.tokens.Issue(TokenKind::kComponent, spec.appid, "", call.now_s(),
                                               spec.token_overlap_s);
  return {{"component_access_token", token.value}, {"expires_in", token.expires - call.now_s()}};
}

json CreatePreAuthCode(ApiCall& call) {
  App* component = nullptr;
  if (const int64_t error = FindComponent(call, &component); error != 0) return ApiError(error);
  const int64_t lifetime = component->spec.pre_auth_code_s;
  return {{"pre_auth_code", call.world.authorizations.MakePreAuthCode(component->spec.appid,
                                                                      call.now_s(), lifetime)},
          {"expires_in", lifetime}};
}

json QueryAuth(ApiCall& call) {
  App* component = nullptr;
  if (const int64_t error = FindComponent(call, &component); error != 0) return ApiError(error);
  AuthCode* code = call.world.authorizations.FindAuthCode(call.Body("authorization_code"));
  if (code == nullptr || code->is_used || code->component != component->spec.appid) {
    return ApiError(61009);
  }
  if (call.now_s() >= code->expires) return ApiError(61010);
  const Grant* grant = call.world.authorizations.FindGrant(code->component, code->appid);
  if (grant == nullptr || !grant->is_standing) return ApiError(61003);
  code->is_used = true;
  // A new authorisation kills the token before it at once.
  const Token& token = call.world.tokens.Issue(TokenKind::kAuthorizer, code->appid, code->component,
                                               call.now_s(), 0);
  return {{"authorization_info",
           {{"authorizer_appid", code->appid},
            {"authorizer_access_token", token.value},
            {"expires_in", token.expires - call.now_s()},
            {"authorizer_refresh_token", grant->refresh_token},
            {"func_info", FuncInfo(grant->sets)}}}};
}

int64_t FindGrantOf(ApiCall& call, App** component, App** app, Grant** grant) {
  if (const int64_t error = FindComponent(call, component); error != 0) return error;
  *app = call.world.Find(call.Body("authorizer_appid"));
  if (*app == nullptr || (*app)->spec.is_component()) return 40013;
  *grant = call.world.authorizations.FindGrant((*component)->spec.appid, (*app)->spec.appid);
  return *grant == nullptr || !(*grant)->is_standing ? 61003 : 0;
}

json AuthorizerToken(ApiCall& call) {
  App* component = nullptr;
  App* app = nullptr;
  Grant* grant = nullptr;
  if (const int64_t error = FindGrantOf(call, &component, &app, &grant); error != 0) {
    return ApiError(error);
  }
  const std::string refresh_token = call.Body("authorizer_refresh_token");
  if (refresh_token.empty()) return ApiError(61023);
  if (refresh_token == grant->refresh_token) {
    if (component->spec.rotate_refresh_tokens) {
      grant->older_refresh_token = grant->refresh_token;
      grant->refresh_token = "refreshtoken@@@" + RandomText(44);
    } else {
      grant->older_refresh_token.clear();
    }
  } else if (refresh_token != grant->older_refresh_token) {
    return ApiError(61023);
  }
  if (const int64_t error = call.world.quotas.Take(app->spec.appid, call.path, call.now_s());
      error != 0) {
    return ApiError(error);
  }
  const Token& token =
      call.world.tokens.Issue(TokenKind::kAuthorizer, app->spec.appid, component->spec.appid,
                              call.now_s(), component->spec.token_overlap_s);
  return {{"authorizer_access_token", token.value},
          {"expires_in", token.expires - call.now_s()},
          {"authorizer_refresh_token", grant->refresh_token}};
}

json AuthorizerInfo(ApiCall& call) {
  App* component = nullptr;
  App* app = nullptr;
  Grant* grant = nullptr;
  if (const int64_t error = FindGrantOf(call, &component, &app, &grant); error != 0) {
    return ApiError(error);
  }
  const AppSpec& spec = app->spec;
  json info = {
      {"nick_name", spec.name},
      {"head_img", "http://wx.qlogo.cn/mmopen/" + spec.user_name + "/0"},
      {"service_type_info", {{"id", spec.service_type}}},
      {"verify_type_info", {{"id", spec.verified ? 0 : -1}}},
      {"user_name", spec.user_name},
      {"alias", ""},
      {"qrcode_url", "http://mmbiz.qpic.cn/mmbiz_jpg/" + spec.user_name + "/0"},
      {"business_info",
       {{"open_pay", 1}, {"open_shake", 0}, {"open_scan", 0}, {"open_card", 0}, {"open_store", 0}}},
      {"idc", 1},
      {"principal_name", spec.principal_name},
      {"signature", "一个示例账号"},
      {"account_status", spec.account_status},
      {"basic_config", {{"is_phone_configured", true}, {"is_email_configured", true}}},
  };
  if (spec.is_mini_program()) {
    json network = json::object();
    for (const char* name :
         {"RequestDomain", "WsRequestDomain", "UploadDomain", "DownloadDomain", "BizDomain",
          "UDPDomain", "TCPDomain", "PrefetchDNSDomain", "NewRequestDomain", "NewWsRequestDomain",
          "NewUploadDomain", "NewDownloadDomain", "NewBizDomain", "NewUDPDomain", "NewTCPDomain",
          "NewPrefetchDNSDomain"}) {
      network[name] = json::array();
    }
    network["RequestDomain"] = spec.request_domains;
    info["MiniProgramInfo"] = {
        {"network", std::move(network)},
        {"categories", json::array({{{"first", "商家自营"}, {"second", "百货"}}})},
        {"visit_status", 0}};
    info["register_type"] = 0;
  }
  return {{"authorizer_info", std::move(info)},
          {"authorization_info",
           {{"authorizer_appid", spec.appid},
            {"authorizer_refresh_token", grant->refresh_token},
            {"func_info", FuncInfo(grant->sets)}}}};
}

json AuthorizerList(ApiCall& call) {
  App* component = nullptr;
  if (const int64_t error = FindComponent(call, &component); error != 0) return ApiError(error);
  const int64_t offset = wechat::NumberField(call.body, "offset").value_or(0);
  const int64_t count = wechat::NumberField(call.body, "count").value_or(kMostListed);
  if (count > kMostListed) return ApiError(40170);
  if (offset < 0 || count < 1) return ApiError(40035);
  int64_t total = 0;
  json list = json::array();
  for (const auto& [key, grant] : call.world.authorizations.grants()) {
    if (key.first != component->spec.appid || !grant.is_standing) continue;
    if (total >= offset && total < offset + count) {
      list.push_back({{"authorizer_appid", key.second},
                      {"refresh_token", grant.refresh_token},
                      {"auth_time", grant.auth_time}});
    }
    ++total;
  }
  return {{"total_count", total}, {"list", std::move(list)}};
}

json AuthorizerOption(ApiCall& call) {
  const std::string name = call.Body("option_name");
  const auto it = call.app->options.find(name);
  if (it == call.app->options.end()) return ApiError(61012);
  if (call.path == "/cgi-bin/component/get_authorizer_option") {
    return {{"option_name", name}, {"option_value", it->second}};
  }
  const std::string value = call.Body("option_value");
  if (value != "0" && value != "1" && !(value == "2" && name == "location_report")) {
    return ApiError(61013);
  }
  it->second = value;
  return ApiOk();
}

json ClearComponentQuota(ApiCall& call) {
  const App* component = call.world.Find(call.Either("component_appid"));
  const std::string appid = call.Either("appid");
  if (appid.empty()) return ApiError(41002);
  if (component == nullptr || call.world.Find(appid) == nullptr) return ApiError(40013);
  if (call.Either("appsecret").empty()) return ApiError(41004);
  if (call.Either("appsecret") != component->spec.secret) return ApiError(40125);
  return call.world.quotas.Clear(appid, call.now_s()) ? ApiOk() : ApiError(48006);
}

}  // namespace

void AddComponentApi(ApiTable& table) {
  const auto add = [&table](const std::string& name, Auth auth, json (*handle)(ApiCall&)) {
    table["/cgi-bin/component/" + name] = {
        .method = "POST", .auth = auth, .needs_body = true, .handle = handle};
  };
  add("api_start_push_ticket", Auth::kNone, StartPushTicket);
  add("api_component_token", Auth::kNone, ComponentToken);
  add("api_create_preauthcode", Auth::kComponent, CreatePreAuthCode);
  add("api_query_auth", Auth::kComponent, QueryAuth);
  add("api_authorizer_token", Auth::kComponent, AuthorizerToken);
  add("api_get_authorizer_info", Auth::kComponent, AuthorizerInfo);
  add("api_get_authorizer_list", Auth::kComponent, AuthorizerList);
  add("get_authorizer_option", Auth::kAccount, AuthorizerOption);
  add("set_authorizer_option", Auth::kAccount, AuthorizerOption);
  table["/cgi-bin/component/clear_quota/v2"] = {.method = "POST", .handle = ClearComponentQuota};
}

}  // namespace datong::wechat_sim
