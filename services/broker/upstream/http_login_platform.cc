#include "services/broker/upstream/http_login_platform.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/macros.h"

namespace datong::broker {
namespace {

using nlohmann::json;
using wechat::Answer;
using wechat::ListField;
using wechat::NumberField;
using wechat::ObjectField;
using wechat::TextField;

std::string CleanText(const json& object, const char* name) {
  return SanitizeUtf8(TextField(object, name));
}

absl::StatusOr<WebAnswer> ReadWebAnswer(const json& body) {
  WebAnswer answer;
  answer.access_token = Secret(TextField(body, "access_token"));
  answer.refresh_token = Secret(TextField(body, "refresh_token"));
  answer.lifetime = absl::Seconds(NumberField(body, "expires_in").value_or(7200));
  answer.openid = TextField(body, "openid");
  answer.unionid = TextField(body, "unionid");
  answer.scope = TextField(body, "scope");
  answer.is_snapshot = NumberField(body, "is_snapshotuser").value_or(0) == 1;
  if (answer.openid.empty()) return IncompleteAnswer("openid");
  if (answer.access_token.empty()) return IncompleteAnswer("access_token");
  return answer;
}

FollowerInfo ReadFollower(const json& body) {
  FollowerInfo info;
  info.follows = NumberField(body, "subscribe").value_or(0) == 1;
  info.openid = TextField(body, "openid");
  info.unionid = TextField(body, "unionid");
  info.subscribe_time = absl::FromUnixSeconds(NumberField(body, "subscribe_time").value_or(0));
  info.subscribe_scene = CleanText(body, "subscribe_scene");
  info.qr_scene = CleanText(body, "qr_scene_str");
  const int64_t number = NumberField(body, "qr_scene").value_or(0);
  if (info.qr_scene.empty() && number != 0) info.qr_scene = absl::StrCat(number);
  info.language = CleanText(body, "language");
  info.remark = CleanText(body, "remark");
  for (const json& tag : ListField(body, "tagid_list")) {
    if (tag.is_number_integer()) info.tag_ids.push_back(tag.get<int64_t>());
  }
  return info;
}

PlatformHttp::Query SessionQuery(const Secret& token, const std::string& openid,
                                 const std::string& signature) {
  return {{"access_token", token.Expose()},
          {"openid", openid},
          {"signature", signature},
          {"sig_method", "hmac_sha256"}};
}

}  // namespace

HttpLoginPlatform::HttpLoginPlatform(const std::string& api_url, std::string open_url,
                                     http::Client& http, metrics::Registry& registry)
    : open_url_(std::move(open_url)),
      http_(api_url,
            {"/sns/oauth2/access_token", "/sns/oauth2/component/access_token",
             "/sns/oauth2/refresh_token", "/sns/oauth2/component/refresh_token", "/sns/userinfo",
             "/sns/auth", "/wxa/checksession", "/wxa/resetusersessionkey",
             "/wxa/business/getuserphonenumber", "/wxa/getpaidunionid", "/cgi-bin/user/info",
             "/cgi-bin/user/info/batchget", "/cgi-bin/changeopenid"},
            http, registry) {}

std::string HttpLoginPlatform::WebLoginUrl(const WebLoginPage& page) {
  // The page insists on this order.
  const char* path =
      page.scope == "snsapi_login" ? "/connect/qrconnect" : "/connect/oauth2/authorize";
  std::string url = absl::StrCat(open_url_, path, "?appid=", http::UrlEncode(page.appid),
                                 "&redirect_uri=", http::UrlEncode(page.redirect_url),
                                 "&response_type=code&scope=", page.scope,
                                 "&state=", http::UrlEncode(page.state));
  if (!page.component.empty()) {
    absl::StrAppend(&url, "&component_appid=", http::UrlEncode(page.component));
  }
  if (page.force_popup) absl::StrAppend(&url, "&forcePopup=true");
  if (page.force_snapshot) absl::StrAppend(&url, "&forceSnapShot=true");
  return absl::StrCat(url, "#wechat_redirect");
}

absl::StatusOr<WebAnswer> HttpLoginPlatform::ExchangeWebCode(const WebCaller& caller,
                                                             const std::string& code,
                                                             Deadline deadline) {
  PlatformHttp::Query query = {{"appid", caller.appid}};
  std::string path = "/sns/oauth2/access_token";
  if (caller.component.empty()) {
    query.emplace_back("secret", caller.app_secret.Expose());
  } else {
    path = "/sns/oauth2/component/access_token";
    query.emplace_back("component_appid", caller.component);
    query.emplace_back("component_access_token", caller.component_token.Expose());
  }
  query.emplace_back("code", code);
  query.emplace_back("grant_type", "authorization_code");
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Get(path, query, deadline));
  return ReadWebAnswer(answer.body);
}

absl::StatusOr<WebAnswer> HttpLoginPlatform::RefreshWebToken(const WebCaller& caller,
                                                             const Secret& refresh_token,
                                                             Deadline deadline) {
  PlatformHttp::Query query = {{"appid", caller.appid}, {"grant_type", "refresh_token"}};
  std::string path = "/sns/oauth2/refresh_token";
  if (!caller.component.empty()) {
    path = "/sns/oauth2/component/refresh_token";
    query.emplace_back("component_appid", caller.component);
    query.emplace_back("component_access_token", caller.component_token.Expose());
  }
  query.emplace_back("refresh_token", refresh_token.Expose());
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Get(path, query, deadline));
  return ReadWebAnswer(answer.body);
}

absl::StatusOr<WebProfileAnswer> HttpLoginPlatform::GetWebProfile(const Secret& user_token,
                                                                  const std::string& openid,
                                                                  const std::string& language,
                                                                  Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      Answer answer,
      http_.Get("/sns/userinfo",
                {{"access_token", user_token.Expose()}, {"openid", openid}, {"lang", language}},
                deadline));
  const json& body = answer.body;
  WebProfileAnswer profile;
  profile.openid = TextField(body, "openid");
  profile.unionid = TextField(body, "unionid");
  profile.nickname = CleanText(body, "nickname");
  profile.avatar_url = CleanText(body, "headimgurl");
  profile.sex = static_cast<int32_t>(NumberField(body, "sex").value_or(0));
  profile.country = CleanText(body, "country");
  profile.province = CleanText(body, "province");
  profile.city = CleanText(body, "city");
  for (const json& privilege : ListField(body, "privilege")) {
    if (privilege.is_string())
      profile.privileges.push_back(SanitizeUtf8(privilege.get<std::string>()));
  }
  return profile;
}

absl::Status HttpLoginPlatform::CheckWebToken(const Secret& user_token, const std::string& openid,
                                              Deadline deadline) {
  return http_
      .Get("/sns/auth", {{"access_token", user_token.Expose()}, {"openid", openid}}, deadline)
      .status();
}

absl::Status HttpLoginPlatform::CheckSession(const Secret& token, const std::string& openid,
                                             const std::string& signature, Deadline deadline) {
  return http_.Get("/wxa/checksession", SessionQuery(token, openid, signature), deadline).status();
}

absl::StatusOr<Secret> HttpLoginPlatform::ResetSessionKey(const Secret& token,
                                                          const std::string& openid,
                                                          const std::string& signature,
                                                          Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      Answer answer,
      http_.Get("/wxa/resetusersessionkey", SessionQuery(token, openid, signature), deadline));
  Secret key(TextField(answer.body, "session_key"));
  if (key.empty()) return IncompleteAnswer("session_key");
  return key;
}

absl::StatusOr<PhoneAnswer> HttpLoginPlatform::GetPhoneNumber(const Secret& token,
                                                              const std::string& code,
                                                              const std::string& openid,
                                                              Deadline deadline) {
  json body = {{"code", code}};
  if (!openid.empty()) body["openid"] = openid;
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          http_.Post("/wxa/business/getuserphonenumber",
                                     {{"access_token", token.Expose()}}, body, deadline));
  const json& info = ObjectField(answer.body, "phone_info");
  const json& watermark = ObjectField(info, "watermark");
  PhoneAnswer phone;
  phone.phone_number = TextField(info, "phoneNumber");
  phone.pure_phone_number = TextField(info, "purePhoneNumber");
  phone.country_code = TextField(info, "countryCode");
  phone.watermark_appid = TextField(watermark, "appid");
  phone.watermark_time = absl::FromUnixSeconds(NumberField(watermark, "timestamp").value_or(0));
  if (phone.phone_number.empty()) return IncompleteAnswer("phoneNumber");
  return phone;
}

absl::StatusOr<std::string> HttpLoginPlatform::GetPaidUnionid(const Secret& token,
                                                              const std::string& openid,
                                                              const Payment& payment,
                                                              Deadline deadline) {
  PlatformHttp::Query query = {{"access_token", token.Expose()}, {"openid", openid}};
  if (!payment.transaction_id.empty()) {
    query.emplace_back("transaction_id", payment.transaction_id);
  } else {
    query.emplace_back("mch_id", payment.mch_id);
    query.emplace_back("out_trade_no", payment.out_trade_no);
  }
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Get("/wxa/getpaidunionid", query, deadline));
  std::string unionid = TextField(answer.body, "unionid");
  if (unionid.empty()) return IncompleteAnswer("unionid");
  return unionid;
}

absl::StatusOr<FollowerInfo> HttpLoginPlatform::GetFollower(const Secret& token,
                                                            const std::string& openid,
                                                            Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      Answer answer,
      http_.Get("/cgi-bin/user/info",
                {{"access_token", token.Expose()}, {"openid", openid}, {"lang", "zh_CN"}},
                deadline));
  return ReadFollower(answer.body);
}

absl::StatusOr<std::vector<FollowerInfo>> HttpLoginPlatform::GetFollowers(
    const Secret& token, const std::vector<std::string>& openids, Deadline deadline) {
  json body = {{"user_list", json::array()}};
  for (const std::string& openid : openids) {
    body["user_list"].push_back({{"openid", openid}, {"lang", "zh_CN"}});
  }
  DATONG_ASSIGN_OR_RETURN(
      Answer answer, http_.Post("/cgi-bin/user/info/batchget", {{"access_token", token.Expose()}},
                                body, deadline));
  std::vector<FollowerInfo> infos;
  for (const json& user : ListField(answer.body, "user_info_list")) {
    infos.push_back(ReadFollower(user));
  }
  return infos;
}

absl::StatusOr<std::vector<ChangedOpenid>> HttpLoginPlatform::ChangeOpenids(
    const Secret& token, const std::string& from, const std::vector<std::string>& openids,
    Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          http_.Post("/cgi-bin/changeopenid", {{"access_token", token.Expose()}},
                                     {{"from_appid", from}, {"openid_list", openids}}, deadline));
  std::vector<ChangedOpenid> changed;
  for (const json& one : ListField(answer.body, "result_list")) {
    changed.push_back(
        {TextField(one, "ori_openid"), TextField(one, "new_openid"), CleanText(one, "err_msg")});
  }
  return changed;
}

}  // namespace datong::broker
