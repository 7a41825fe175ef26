#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/login.pb.h"
#include "datong/broker/v1/token.pb.h"
#include "services/broker/core/app_cache.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/login.h"
#include "services/broker/core/phone_ids.h"
#include "services/broker/core/sessions.h"
#include "services/broker/core/user_directory.h"
#include "services/broker/core/web_login.h"

namespace datong::broker {

// Answers the RPCs of datong.broker.v1's LoginService, WebLoginService, SessionService and
// UserService: checks the request, records the access, asks the core, fills the response.
// Thread-safe. What it is given must outlive it.
class LoginHandlers {
 public:
  LoginHandlers(AppCache& apps, AuditLog& audit, Login& login, WebLogin& web, Sessions& sessions,
                UserDirectory& users, PhoneIds& phones)
      : apps_(apps),
        audit_(audit),
        login_(login),
        web_(web),
        sessions_(sessions),
        users_(users),
        phones_(phones) {}

  absl::StatusOr<v1::LoginMiniProgramResponse> LoginMiniProgram(
      const rpc::CallContext& call, const v1::LoginMiniProgramRequest& request);

  absl::StatusOr<v1::BuildWebLoginUrlResponse> BuildWebLoginUrl(
      const rpc::CallContext& call, const v1::BuildWebLoginUrlRequest& request);
  absl::StatusOr<v1::LoginWebResponse> LoginWeb(const rpc::CallContext& call,
                                                const v1::LoginWebRequest& request);
  absl::StatusOr<v1::GetWebUserResponse> GetWebUser(const rpc::CallContext& call,
                                                    const v1::GetWebUserRequest& request);
  absl::StatusOr<v1::CheckWebLoginResponse> CheckWebLogin(const rpc::CallContext& call,
                                                          const v1::CheckWebLoginRequest& request);

  absl::StatusOr<v1::CheckSessionResponse> CheckSession(const rpc::CallContext& call,
                                                        const v1::CheckSessionRequest& request);
  absl::StatusOr<v1::ResetSessionKeyResponse> ResetSessionKey(
      const rpc::CallContext& call, const v1::ResetSessionKeyRequest& request);
  absl::StatusOr<v1::VerifyRawDataResponse> VerifyRawData(const rpc::CallContext& call,
                                                          const v1::VerifyRawDataRequest& request);
  absl::StatusOr<v1::DecryptUserDataResponse> DecryptUserData(
      const rpc::CallContext& call, const v1::DecryptUserDataRequest& request);
  absl::StatusOr<v1::GetPhoneNumberResponse> GetPhoneNumber(
      const rpc::CallContext& call, const v1::GetPhoneNumberRequest& request);
  absl::StatusOr<v1::HashPhonesResponse> HashPhones(const rpc::CallContext& call,
                                                    const v1::HashPhonesRequest& request);

  absl::StatusOr<v1::GetUserInfoResponse> GetUserInfo(const rpc::CallContext& call,
                                                      const v1::GetUserInfoRequest& request);
  absl::StatusOr<v1::BatchGetUserInfoResponse> BatchGetUserInfo(
      const rpc::CallContext& call, const v1::BatchGetUserInfoRequest& request);
  absl::StatusOr<v1::GetPaidUnionidResponse> GetPaidUnionid(
      const rpc::CallContext& call, const v1::GetPaidUnionidRequest& request);
  absl::StatusOr<v1::ReportCloudContextResponse> ReportCloudContext(
      const rpc::CallContext& call, const v1::ReportCloudContextRequest& request);
  absl::StatusOr<v1::ChangeOpenidsResponse> ChangeOpenids(const rpc::CallContext& call,
                                                          const v1::ChangeOpenidsRequest& request);

 private:
  // Checks that the app exists in the project, and records the access.
  absl::StatusOr<AppEntryPtr> Admit(const rpc::CallContext& call, const std::string& name,
                                    absl::string_view action);

  AppCache& apps_;
  AuditLog& audit_;
  Login& login_;
  WebLogin& web_;
  Sessions& sessions_;
  UserDirectory& users_;
  PhoneIds& phones_;
};

}  // namespace datong::broker
