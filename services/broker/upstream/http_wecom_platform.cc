#include "services/broker/upstream/http_wecom_platform.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/macros.h"
#include "services/broker/upstream/wecom_http.h"

namespace datong::broker {
namespace {

using nlohmann::json;
using wechat::Answer;
using wechat::NumberField;
using wechat::ObjectField;
using wechat::TextField;

constexpr char kGetToken[] = "/cgi-bin/gettoken";
constexpr char kSuiteToken[] = "/cgi-bin/service/get_suite_token";
constexpr char kProviderToken[] = "/cgi-bin/service/get_provider_token";
constexpr char kCorpToken[] = "/cgi-bin/service/get_corp_token";
constexpr char kPreAuthCode[] = "/cgi-bin/service/get_pre_auth_code";
constexpr char kSessionInfo[] = "/cgi-bin/service/set_session_info";
constexpr char kPermanentCode[] = "/cgi-bin/service/v2/get_permanent_code";
constexpr char kAuthInfo[] = "/cgi-bin/service/v2/get_auth_info";

absl::StatusOr<FetchedToken> ReadToken(const Answer& answer, const char* field) {
  FetchedToken fetched;
  fetched.token = Secret(TextField(answer.body, field));
  fetched.lifetime = absl::Seconds(NumberField(answer.body, "expires_in").value_or(0));
  if (fetched.token.empty()) return IncompleteAnswer(field);
  if (fetched.lifetime <= absl::ZeroDuration()) return IncompleteAnswer("expires_in");
  return fetched;
}

PlatformHttp::Query Token(const Secret& suite_token) {
  return {{"suite_access_token", suite_token.Expose()}};
}

}  // namespace

HttpWecomPlatform::HttpWecomPlatform(WecomAddresses addresses, http::Client& http,
                                     metrics::Registry& registry)
    : addresses_(std::move(addresses)),
      http_(addresses_.api_url,
            {kGetToken, kSuiteToken, kProviderToken, kCorpToken, kPreAuthCode, kSessionInfo,
             kPermanentCode, kAuthInfo},
            http, registry) {}

std::string HttpWecomPlatform::InstallPageUrl(const WecomInstallPage& page) {
  return absl::StrCat(addresses_.work_url, "/3rdapp/install?suite_id=", http::UrlEncode(page.suite),
                      "&pre_auth_code=", http::UrlEncode(page.pre_auth_code),
                      "&redirect_uri=", http::UrlEncode(page.redirect_url),
                      "&state=", http::UrlEncode(page.state));
}

std::string HttpWecomPlatform::LoginPageUrl(const WecomLoginPage& page) {
  std::string url = absl::StrCat(
      addresses_.open_url, "/connect/oauth2/authorize?appid=", http::UrlEncode(page.id),
      "&redirect_uri=", http::UrlEncode(page.redirect_url),
      "&response_type=code&scope=", page.private_info ? "snsapi_privateinfo" : "snsapi_base",
      "&state=", http::UrlEncode(page.state));
  if (page.agentid != 0) absl::StrAppend(&url, "&agentid=", page.agentid);
  return absl::StrCat(url, "#wechat_redirect");
}

absl::StatusOr<FetchedToken> HttpWecomPlatform::FetchCorpToken(const std::string& corpid,
                                                               const Secret& secret,
                                                               Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      Answer answer,
      AskWecom(http_, kGetToken, {{"corpid", corpid}, {"corpsecret", secret.Expose()}}, nullptr,
               deadline));
  return ReadToken(answer, "access_token");
}

absl::StatusOr<FetchedToken> HttpWecomPlatform::FetchSuiteToken(const std::string& suite,
                                                                const Secret& secret,
                                                                const Secret& ticket,
                                                                Deadline deadline) {
  const json body = {
      {"suite_id", suite}, {"suite_secret", secret.Expose()}, {"suite_ticket", ticket.Expose()}};
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kSuiteToken, {}, &body, deadline));
  return ReadToken(answer, "suite_access_token");
}

absl::StatusOr<FetchedToken> HttpWecomPlatform::FetchProviderToken(const std::string& corpid,
                                                                   const Secret& secret,
                                                                   Deadline deadline) {
  const json body = {{"corpid", corpid}, {"provider_secret", secret.Expose()}};
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kProviderToken, {}, &body, deadline));
  return ReadToken(answer, "provider_access_token");
}

absl::StatusOr<FetchedToken> HttpWecomPlatform::FetchAuthorizedCorpToken(
    const Secret& suite_token, const std::string& corpid, const Secret& permanent_code,
    Deadline deadline) {
  const json body = {{"auth_corpid", corpid}, {"permanent_code", permanent_code.Expose()}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kCorpToken, Token(suite_token), &body, deadline));
  return ReadToken(answer, "access_token");
}

absl::StatusOr<PreAuthCode> HttpWecomPlatform::GetPreAuthCode(const Secret& suite_token,
                                                              Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kPreAuthCode, Token(suite_token), nullptr, deadline));
  PreAuthCode code;
  code.code = TextField(answer.body, "pre_auth_code");
  code.lifetime = absl::Seconds(NumberField(answer.body, "expires_in").value_or(1200));
  if (code.code.empty()) return IncompleteAnswer("pre_auth_code");
  return code;
}

absl::Status HttpWecomPlatform::SetSessionInfo(const Secret& suite_token,
                                               const std::string& pre_auth_code, bool test,
                                               Deadline deadline) {
  const json body = {{"pre_auth_code", pre_auth_code},
                     {"session_info", {{"auth_type", test ? 1 : 0}}}};
  return AskWecom(http_, kSessionInfo, Token(suite_token), &body, deadline).status();
}

absl::StatusOr<WecomGrant> HttpWecomPlatform::GetPermanentCode(const Secret& suite_token,
                                                               const std::string& auth_code,
                                                               Deadline deadline) {
  const json body = {{"auth_code", auth_code}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kPermanentCode, Token(suite_token), &body, deadline));
  const json& corp = ObjectField(answer.body, "auth_corp_info");
  WecomGrant grant;
  grant.corpid = TextField(corp, "corpid");
  grant.corp_name = SanitizeUtf8(TextField(corp, "corp_name"));
  grant.permanent_code = Secret(TextField(answer.body, "permanent_code"));
  grant.state = TextField(answer.body, "state");
  if (grant.corpid.empty()) return IncompleteAnswer("auth_corp_info.corpid");
  if (grant.permanent_code.empty()) return IncompleteAnswer("permanent_code");
  return grant;
}

absl::StatusOr<WecomAuthInfo> HttpWecomPlatform::GetAuthInfo(const Secret& suite_token,
                                                             const std::string& corpid,
                                                             const Secret& permanent_code,
                                                             Deadline deadline) {
  const json body = {{"auth_corpid", corpid}, {"permanent_code", permanent_code.Expose()}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kAuthInfo, Token(suite_token), &body, deadline));
  const json& corp = ObjectField(answer.body, "auth_corp_info");
  WecomAuthInfo info;
  info.corp_name = SanitizeUtf8(TextField(corp, "corp_name"));
  info.corp_full_name = SanitizeUtf8(TextField(corp, "corp_full_name"));
  info.verified = TextField(corp, "corp_type") == "verified";
  info.subject_type = static_cast<int32_t>(NumberField(corp, "subject_type").value_or(0));
  // Modern apps have one agent.
  const json& agents = wechat::ListField(ObjectField(answer.body, "auth_info"), "agent");
  if (!agents.empty() && agents[0].is_object()) {
    info.agentid = NumberField(agents[0], "agentid").value_or(0);
    info.privilege_level =
        static_cast<int32_t>(NumberField(ObjectField(agents[0], "privilege"), "level").value_or(0));
    info.is_agency_built = agents[0].value("is_customized_app", json(false)) == json(true);
  }
  return info;
}

}  // namespace datong::broker
