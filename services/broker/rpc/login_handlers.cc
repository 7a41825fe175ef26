#include "services/broker/rpc/login_handlers.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/rpc/names.h"
#include "common/status/macros.h"
#include "services/broker/core/login_errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {
namespace {

void Fill(const KnownUser& user, v1::User* message) {
  message->set_openid(user.openid);
  message->set_unionid(user.unionid);
  message->set_person(user.person);
  message->set_unionid_status(static_cast<v1::UnionidStatus>(user.status));
  message->set_next_way(static_cast<v1::UnionidNextWay>(user.next_way));
  message->set_next_step(NextStepInEnglish(user.next_way));
  message->set_next_step_zh(NextStepInChinese(user.next_way));
}

void Fill(const WebProfileAnswer& profile, v1::WebProfile* message) {
  message->set_nickname(profile.nickname);
  message->set_avatar_url(profile.avatar_url);
  message->set_sex(profile.sex);
  message->set_country(profile.country);
  message->set_province(profile.province);
  message->set_city(profile.city);
  for (const std::string& privilege : profile.privileges) message->add_privileges(privilege);
}

void Fill(const KnownPhone& phone, v1::PhoneNumber* message) {
  message->set_phone_number(phone.phone_number);
  message->set_pure_phone_number(phone.pure_phone_number);
  message->set_country_code(phone.country_code);
  message->set_identifier(phone.identifier);
}

void Fill(const FollowerUser& user, v1::UserInfo* message) {
  Fill(user.user, message->mutable_user());
  message->set_follows(user.info.follows);
  if (user.info.follows) SetTime(user.info.subscribe_time, message->mutable_subscribe_time());
  message->set_subscribe_scene(user.info.subscribe_scene);
  message->set_qr_scene(user.info.qr_scene);
  message->set_language(user.info.language);
  message->set_remark(user.info.remark);
  for (const int64_t tag : user.info.tag_ids) message->add_tag_ids(tag);
}

}  // namespace

absl::StatusOr<AppEntryPtr> LoginHandlers::Admit(const rpc::CallContext& call,
                                                 const std::string& name,
                                                 absl::string_view action) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, apps_.Get(parsed.project, parsed.app, call.deadline));
  if (!audit_.Count(AccessTo(entry->app, action, call))) return AuditUnavailable();
  return entry;
}

absl::StatusOr<v1::LoginMiniProgramResponse> LoginHandlers::LoginMiniProgram(
    const rpc::CallContext& call, const v1::LoginMiniProgramRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "login"));
  DATONG_ASSIGN_OR_RETURN(KnownUser user, login_.LogIn(*entry, request.js_code(), call.deadline));
  v1::LoginMiniProgramResponse response;
  response.set_openid(user.openid);
  response.set_unionid(user.unionid);
  response.set_person(user.person);
  Fill(user, response.mutable_user());
  return response;
}

absl::StatusOr<v1::BuildWebLoginUrlResponse> LoginHandlers::BuildWebLoginUrl(
    const rpc::CallContext& call, const v1::BuildWebLoginUrlRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "begin_web_login"));
  WebLoginOrder order;
  order.redirect_url = request.redirect_url();
  order.scope = static_cast<WebScope>(request.scope());
  order.browser_session = request.browser_session();
  order.return_to = request.return_to();
  order.force_popup = request.force_popup();
  order.force_snapshot = request.force_snapshot();
  DATONG_ASSIGN_OR_RETURN(WebLoginLink link, web_.BuildUrl(entry->app, order, call.deadline));
  v1::BuildWebLoginUrlResponse response;
  response.set_url(link.url);
  response.set_state(link.state);
  SetTime(link.expires, response.mutable_expire_time());
  return response;
}

absl::StatusOr<v1::LoginWebResponse> LoginHandlers::LoginWeb(const rpc::CallContext& call,
                                                             const v1::LoginWebRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "login_web"));
  DATONG_ASSIGN_OR_RETURN(WebUser user,
                          web_.LogIn(*entry,
                                     {request.code(), request.state(), request.browser_session(),
                                      request.with_profile()},
                                     call.deadline));
  v1::LoginWebResponse response;
  Fill(user.user, response.mutable_user());
  for (const std::string& scope : user.scopes) response.add_scopes(scope);
  response.set_return_to(user.return_to);
  if (user.profile.has_value()) Fill(*user.profile, response.mutable_profile());
  return response;
}

absl::StatusOr<v1::GetWebUserResponse> LoginHandlers::GetWebUser(
    const rpc::CallContext& call, const v1::GetWebUserRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "read_web_user"));
  const std::string& language = request.language();
  if (!language.empty() && language != "zh_CN" && language != "zh_TW" && language != "en") {
    return WebLoginInvalid("language", "must be zh_CN, zh_TW or en");
  }
  DATONG_ASSIGN_OR_RETURN(
      WebUser user,
      web_.GetUser(*entry, request.openid(), language.empty() ? "zh_CN" : language, call.deadline));
  v1::GetWebUserResponse response;
  Fill(user.user, response.mutable_user());
  if (user.profile.has_value()) Fill(*user.profile, response.mutable_profile());
  return response;
}

absl::StatusOr<v1::CheckWebLoginResponse> LoginHandlers::CheckWebLogin(
    const rpc::CallContext& call, const v1::CheckWebLoginRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "check_web_login"));
  DATONG_ASSIGN_OR_RETURN(bool valid, web_.Check(*entry, request.openid(), call.deadline));
  v1::CheckWebLoginResponse response;
  response.set_valid(valid);
  return response;
}

absl::StatusOr<v1::CheckSessionResponse> LoginHandlers::CheckSession(
    const rpc::CallContext& call, const v1::CheckSessionRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "check_session"));
  DATONG_ASSIGN_OR_RETURN(Sessions::Check check,
                          sessions_.CheckSession(entry->app, request.openid(), call.deadline));
  v1::CheckSessionResponse response;
  response.set_valid(check.valid);
  SetTime(check.login_time, response.mutable_login_time());
  return response;
}

absl::StatusOr<v1::ResetSessionKeyResponse> LoginHandlers::ResetSessionKey(
    const rpc::CallContext& call, const v1::ResetSessionKeyRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "reset_session"));
  DATONG_RETURN_IF_ERROR(sessions_.ResetKey(entry->app, request.openid(), call.deadline));
  return v1::ResetSessionKeyResponse();
}

absl::StatusOr<v1::VerifyRawDataResponse> LoginHandlers::VerifyRawData(
    const rpc::CallContext& call, const v1::VerifyRawDataRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "verify_raw_data"));
  DATONG_ASSIGN_OR_RETURN(bool valid,
                          sessions_.VerifyRawData(entry->app, request.openid(), request.raw_data(),
                                                  request.signature(), call.deadline));
  v1::VerifyRawDataResponse response;
  response.set_valid(valid);
  return response;
}

absl::StatusOr<v1::DecryptUserDataResponse> LoginHandlers::DecryptUserData(
    const rpc::CallContext& call, const v1::DecryptUserDataRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "decrypt_user_data"));
  DATONG_ASSIGN_OR_RETURN(DecryptedData data,
                          sessions_.Decrypt(entry->app, request.openid(), request.encrypted_data(),
                                            request.iv(), call.deadline));
  v1::DecryptUserDataResponse response;
  response.set_json(SanitizeUtf8(data.json));
  Fill(data.user, response.mutable_user());
  if (data.phone.has_value()) Fill(*data.phone, response.mutable_phone());
  SetTime(data.time, response.mutable_data_time());
  return response;
}

absl::StatusOr<v1::GetPhoneNumberResponse> LoginHandlers::GetPhoneNumber(
    const rpc::CallContext& call, const v1::GetPhoneNumberRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "read_phone"));
  DATONG_ASSIGN_OR_RETURN(
      Sessions::Phone phone,
      sessions_.GetPhone(entry->app, request.code(), request.openid(), call.deadline));
  v1::GetPhoneNumberResponse response;
  Fill(phone.phone, response.mutable_phone());
  response.set_person(phone.person);
  return response;
}

absl::StatusOr<v1::HashPhonesResponse> LoginHandlers::HashPhones(
    const rpc::CallContext& call, const v1::HashPhonesRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(
      std::vector<std::string> identifiers,
      phones_.IdentifiersOf(project, {request.phones().begin(), request.phones().end()},
                            call.deadline));
  v1::HashPhonesResponse response;
  for (std::string& identifier : identifiers) response.add_identifiers(std::move(identifier));
  return response;
}

absl::StatusOr<v1::GetUserInfoResponse> LoginHandlers::GetUserInfo(
    const rpc::CallContext& call, const v1::GetUserInfoRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "read_user"));
  DATONG_ASSIGN_OR_RETURN(FollowerUser user,
                          users_.GetUser(entry->app, request.openid(), call.deadline));
  v1::GetUserInfoResponse response;
  Fill(user, response.mutable_info());
  return response;
}

absl::StatusOr<v1::BatchGetUserInfoResponse> LoginHandlers::BatchGetUserInfo(
    const rpc::CallContext& call, const v1::BatchGetUserInfoRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "read_user"));
  DATONG_ASSIGN_OR_RETURN(
      FollowerUsers found,
      users_.GetUsers(entry->app, {request.openids().begin(), request.openids().end()},
                      call.deadline));
  v1::BatchGetUserInfoResponse response;
  for (const FollowerUser& user : found.users) Fill(user, response.add_infos());
  for (std::string& openid : found.unknown) response.add_unknown_openids(std::move(openid));
  return response;
}

absl::StatusOr<v1::GetPaidUnionidResponse> LoginHandlers::GetPaidUnionid(
    const rpc::CallContext& call, const v1::GetPaidUnionidRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "read_user"));
  std::optional<absl::Time> paid;
  if (request.has_pay_time()) paid = ToTime(request.pay_time());
  DATONG_ASSIGN_OR_RETURN(
      KnownUser user,
      users_.GetPaidUser(entry->app, request.openid(),
                         {request.transaction_id(), request.mch_id(), request.out_trade_no()}, paid,
                         call.deadline));
  v1::GetPaidUnionidResponse response;
  Fill(user, response.mutable_user());
  return response;
}

absl::StatusOr<v1::ReportCloudContextResponse> LoginHandlers::ReportCloudContext(
    const rpc::CallContext& call, const v1::ReportCloudContextRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "report_user"));
  DATONG_ASSIGN_OR_RETURN(KnownUser user,
                          users_.ReportCloudContext(entry->app, request.openid(), request.unionid(),
                                                    request.request_id(), call.deadline));
  v1::ReportCloudContextResponse response;
  Fill(user, response.mutable_user());
  return response;
}

absl::StatusOr<v1::ChangeOpenidsResponse> LoginHandlers::ChangeOpenids(
    const rpc::CallContext& call, const v1::ChangeOpenidsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AppEntryPtr entry, Admit(call, request.app(), "change_openids"));
  DATONG_ASSIGN_OR_RETURN(
      std::vector<ChangedOpenid> changed,
      users_.ChangeOpenids(entry->app, request.old_appid(), request.old_original_id(),
                           {request.openids().begin(), request.openids().end()}, call.deadline));
  v1::ChangeOpenidsResponse response;
  for (const ChangedOpenid& one : changed) {
    auto* result = response.add_results();
    result->set_old_openid(one.old_openid);
    result->set_new_openid(one.new_openid);
    if (one.new_openid.empty()) result->set_error(one.error);
  }
  return response;
}

}  // namespace datong::broker
