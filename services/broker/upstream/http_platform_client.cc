#include "services/broker/upstream/http_platform_client.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/macros.h"

namespace datong::broker {
namespace {

using nlohmann::json;
using wechat::Answer;
using wechat::NumberField;
using wechat::ObjectField;
using wechat::TextField;

absl::StatusOr<FetchedToken> ReadToken(const json& body, const char* token_field) {
  FetchedToken fetched;
  fetched.token = Secret(TextField(body, token_field));
  fetched.lifetime = absl::Seconds(NumberField(body, "expires_in").value_or(0));
  fetched.refresh_token = Secret(TextField(body, "authorizer_refresh_token"));
  return fetched;
}

absl::StatusOr<FetchedToken> ReadRequiredToken(const json& body, const char* token_field) {
  DATONG_ASSIGN_OR_RETURN(FetchedToken fetched, ReadToken(body, token_field));
  if (fetched.token.empty()) return IncompleteAnswer(token_field);
  if (fetched.lifetime <= absl::ZeroDuration()) return IncompleteAnswer("expires_in");
  return fetched;
}

std::vector<int32_t> ReadPermissionSets(const json& authorization_info) {
  std::vector<int32_t> sets;
  for (const json& one : wechat::ListField(authorization_info, "func_info")) {
    const std::optional<int64_t> id = NumberField(ObjectField(one, "funcscope_category"), "id");
    if (id.has_value()) sets.push_back(static_cast<int32_t>(*id));
  }
  return sets;
}

absl::StatusOr<LoginAnswer> ReadLogin(const json& body) {
  LoginAnswer login;
  login.openid = TextField(body, "openid");
  login.unionid = TextField(body, "unionid");
  login.session_key = Secret(TextField(body, "session_key"));
  if (login.openid.empty()) return IncompleteAnswer("openid");
  return login;
}

}  // namespace

HttpPlatformClient::HttpPlatformClient(PlatformAddresses addresses, http::Client& http,
                                       metrics::Registry& registry)
    : addresses_(std::move(addresses)),
      // The paths that the broker itself asks, and those that others ask most.
      http_(
          addresses_.api_url,
          {"/cgi-bin/stable_token", "/cgi-bin/token", "/cgi-bin/component/api_component_token",
           "/cgi-bin/component/api_start_push_ticket", "/cgi-bin/component/api_create_preauthcode",
           "/cgi-bin/component/api_query_auth", "/cgi-bin/component/api_authorizer_token",
           "/cgi-bin/component/api_get_authorizer_info", "/sns/jscode2session",
           "/sns/component/jscode2session", "/cgi-bin/user/get", "/cgi-bin/user/info/batchget",
           "/datacube/getusersummary", "/datacube/getusercumulate"},
          http, registry),
      wecom_(addresses_.wecom_url, {}, http, registry) {}

absl::StatusOr<Answer> HttpPlatformClient::AskComponent(const std::string& api, const Secret& token,
                                                        const json& body, Deadline deadline) {
  return http_.Post(absl::StrCat("/cgi-bin/component/", api),
                    {{"component_access_token", token.Expose()}}, body, deadline);
}

std::string HttpPlatformClient::AuthorizationPageUrl(const AuthorizationPage& page) {
  std::string query = absl::StrCat("component_appid=", http::UrlEncode(page.component),
                                   "&pre_auth_code=", http::UrlEncode(page.pre_auth_code),
                                   "&redirect_uri=", http::UrlEncode(page.redirect_url),
                                   "&auth_type=", static_cast<int>(page.type));
  if (!page.biz_appid.empty()) {
    absl::StrAppend(&query, "&biz_appid=", http::UrlEncode(page.biz_appid));
  }
  if (page.mobile) {
    return absl::StrCat(addresses_.open_url,
                        "/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&", query,
                        "#wechat_redirect");
  }
  return absl::StrCat(addresses_.mp_url, "/cgi-bin/componentloginpage?", query);
}

absl::StatusOr<FetchedToken> HttpPlatformClient::FetchStableToken(const std::string& appid,
                                                                  const Secret& app_secret,
                                                                  bool force, Deadline deadline) {
  const json body = {{"grant_type", "client_credential"},
                     {"appid", appid},
                     {"secret", app_secret.Expose()},
                     {"force_refresh", force}};
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Post("/cgi-bin/stable_token", {}, body, deadline));
  return ReadRequiredToken(answer.body, "access_token");
}

absl::StatusOr<FetchedToken> HttpPlatformClient::FetchClassicToken(const std::string& appid,
                                                                   const Secret& app_secret,
                                                                   Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Get("/cgi-bin/token",
                                                   {{"grant_type", "client_credential"},
                                                    {"appid", appid},
                                                    {"secret", app_secret.Expose()}},
                                                   deadline));
  return ReadRequiredToken(answer.body, "access_token");
}

absl::StatusOr<FetchedToken> HttpPlatformClient::FetchComponentToken(const std::string& component,
                                                                     const Secret& secret,
                                                                     const Secret& ticket,
                                                                     Deadline deadline) {
  const json body = {{"component_appid", component},
                     {"component_appsecret", secret.Expose()},
                     {"component_verify_ticket", ticket.Expose()}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          http_.Post("/cgi-bin/component/api_component_token", {}, body, deadline));
  return ReadRequiredToken(answer.body, "component_access_token");
}

absl::Status HttpPlatformClient::StartPushTicket(const std::string& component, const Secret& secret,
                                                 Deadline deadline) {
  const json body = {{"component_appid", component}, {"component_secret", secret.Expose()}};
  return http_.Post("/cgi-bin/component/api_start_push_ticket", {}, body, deadline).status();
}

absl::StatusOr<PreAuthCode> HttpPlatformClient::CreatePreAuthCode(const std::string& component,
                                                                  const Secret& component_token,
                                                                  Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskComponent("api_create_preauthcode", component_token,
                                                      {{"component_appid", component}}, deadline));
  PreAuthCode code;
  code.code = TextField(answer.body, "pre_auth_code");
  code.lifetime = absl::Seconds(NumberField(answer.body, "expires_in").value_or(600));
  if (code.code.empty()) return IncompleteAnswer("pre_auth_code");
  return code;
}

absl::StatusOr<GrantedAuthorization> HttpPlatformClient::QueryAuthorization(
    const std::string& component, const Secret& component_token, const std::string& code,
    Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      Answer answer,
      AskComponent("api_query_auth", component_token,
                   {{"component_appid", component}, {"authorization_code", code}}, deadline));
  const json& info = ObjectField(answer.body, "authorization_info");
  GrantedAuthorization granted;
  granted.appid = TextField(info, "authorizer_appid");
  if (granted.appid.empty()) return IncompleteAnswer("authorizer_appid");
  DATONG_ASSIGN_OR_RETURN(granted.token, ReadToken(info, "authorizer_access_token"));
  granted.permission_sets = ReadPermissionSets(info);
  return granted;
}

absl::StatusOr<FetchedToken> HttpPlatformClient::FetchAuthorizerToken(const std::string& component,
                                                                      const Secret& component_token,
                                                                      const std::string& authorizer,
                                                                      const Secret& refresh_token,
                                                                      Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskComponent("api_authorizer_token", component_token,
                                       {{"component_appid", component},
                                        {"authorizer_appid", authorizer},
                                        {"authorizer_refresh_token", refresh_token.Expose()}},
                                       deadline));
  return ReadRequiredToken(answer.body, "authorizer_access_token");
}

absl::StatusOr<AccountDetails> HttpPlatformClient::GetAuthorizerInfo(const std::string& component,
                                                                     const Secret& component_token,
                                                                     const std::string& authorizer,
                                                                     Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      Answer answer,
      AskComponent("api_get_authorizer_info", component_token,
                   {{"component_appid", component}, {"authorizer_appid", authorizer}}, deadline));
  const json& info = ObjectField(answer.body, "authorizer_info");
  const json& authorization = ObjectField(answer.body, "authorization_info");
  AccountDetails details;
  // The numbers of service_type_info mean different things for the two kinds.
  details.kind =
      info.contains("MiniProgramInfo") ? AppKind::kMiniProgram : AppKind::kOfficialAccount;
  details.nick_name = SanitizeUtf8(TextField(info, "nick_name"));
  details.original_id = TextField(info, "user_name");
  details.principal_name = SanitizeUtf8(TextField(info, "principal_name"));
  details.service_type =
      static_cast<int32_t>(NumberField(ObjectField(info, "service_type_info"), "id").value_or(-1));
  details.verify_type =
      static_cast<int32_t>(NumberField(ObjectField(info, "verify_type_info"), "id").value_or(-1));
  details.permission_sets = ReadPermissionSets(authorization);
  details.refresh_token = Secret(TextField(authorization, "authorizer_refresh_token"));
  return details;
}

absl::StatusOr<LoginAnswer> HttpPlatformClient::Login(const std::string& appid,
                                                      const Secret& app_secret,
                                                      const std::string& js_code,
                                                      Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Get("/sns/jscode2session",
                                                   {{"appid", appid},
                                                    {"secret", app_secret.Expose()},
                                                    {"js_code", js_code},
                                                    {"grant_type", "authorization_code"}},
                                                   deadline));
  return ReadLogin(answer.body);
}

absl::StatusOr<LoginAnswer> HttpPlatformClient::LoginThroughComponent(const std::string& appid,
                                                                      const std::string& component,
                                                                      const Secret& component_token,
                                                                      const std::string& js_code,
                                                                      Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          http_.Get("/sns/component/jscode2session",
                                    {{"appid", appid},
                                     {"js_code", js_code},
                                     {"grant_type", "authorization_code"},
                                     {"component_appid", component},
                                     {"component_access_token", component_token.Expose()}},
                                    deadline));
  return ReadLogin(answer.body);
}

absl::StatusOr<std::vector<UserInfo>> HttpPlatformClient::GetUsers(
    const Secret& token, const std::vector<std::string>& openids, Deadline deadline) {
  json body = {{"user_list", json::array()}};
  for (const std::string& openid : openids) {
    body["user_list"].push_back({{"openid", openid}, {"lang", "zh_CN"}});
  }
  DATONG_ASSIGN_OR_RETURN(
      Answer answer, http_.Post("/cgi-bin/user/info/batchget", {{"access_token", token.Expose()}},
                                body, deadline));
  std::vector<UserInfo> users;
  for (const json& user : wechat::ListField(answer.body, "user_info_list")) {
    users.push_back({TextField(user, "openid"), TextField(user, "unionid")});
  }
  return users;
}

absl::StatusOr<ApiAnswer> HttpPlatformClient::Call(const Secret& token, const ApiCall& call,
                                                   Deadline deadline) {
  const char* name = call.kind == AppKind::kWecomSuite      ? "suite_access_token"
                     : call.kind == AppKind::kWecomProvider ? "provider_access_token"
                                                            : "access_token";
  PlatformHttp::Query query = {{name, token.Expose()}};
  query.insert(query.end(), call.query.begin(), call.query.end());
  PlatformHttp& http = IsWecom(call.kind) ? wecom_ : http_;
  DATONG_ASSIGN_OR_RETURN(http::ClientResponse response,
                          http.Send(call.method, call.path, query, call.json, deadline));
  DATONG_ASSIGN_OR_RETURN(Answer answer, wechat::ParseAnswer(response.status, response.body));
  return ApiAnswer{SanitizeUtf8(response.body), static_cast<int>(answer.errcode),
                   SanitizeUtf8(answer.errmsg)};
}

}  // namespace datong::broker
