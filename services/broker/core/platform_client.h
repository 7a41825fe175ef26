#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "common/wechat/error_codes.h"
#include "services/broker/core/types.h"

namespace datong::broker {

struct FetchedToken {
  Secret token;
  absl::Duration lifetime;
  Secret refresh_token;  // empty: unchanged
};

struct PreAuthCode {
  std::string code;
  absl::Duration lifetime;
};

struct GrantedAuthorization {
  std::string appid;
  FetchedToken token;  // empty when the account has no API permission
  std::vector<int32_t> permission_sets;
};

struct AccountDetails {
  AppKind kind = AppKind::kUnknown;
  std::string nick_name;
  std::string original_id;
  std::string principal_name;
  int32_t service_type = -1;
  int32_t verify_type = -1;
  std::vector<int32_t> permission_sets;
  Secret refresh_token;
};

struct LoginAnswer {
  std::string openid;
  std::string unionid;
  Secret session_key;
};

struct UserInfo {
  std::string openid;
  std::string unionid;
};

struct ApiCall {
  AppKind kind = AppKind::kUnknown;  // of the app whose token goes along: it names the platform
  std::string method = "GET";
  std::string path;
  std::map<std::string, std::string> query;
  std::string json;
};

struct ApiAnswer {
  std::string json;
  int errcode = 0;
  std::string errmsg;
  bool is_cached = false;  // not of this call
};

// What WeChat's authorisation page is opened with.
struct AuthorizationPage {
  std::string component;
  std::string pre_auth_code;
  std::string redirect_url;
  AuthorizationType type = AuthorizationType::kBoth;
  std::string biz_appid;  // only this account, if not empty
  bool mobile = false;
};

// The errcode of a status that tells WeChat's refusal (wechat::ErrorCodeStatus), or 0; its text, or
// ""; and its class, kOk when the status is no such refusal.
int64_t ErrcodeOf(const absl::Status& status);
std::string ErrmsgOf(const absl::Status& status);
wechat::ErrorClass ErrorClassOf(const absl::Status& status);
// The class of an answer's errcode, by the platform that was called.
wechat::ErrorClass ErrorClassOf(const ApiCall& call, const ApiAnswer& answer);

// What the broker asks of api.weixin.qq.com (Call: of qyapi.weixin.qq.com too). Thread-safe; blocks
// on the network until the deadline, and at most 10 s. Errors of all: UNAVAILABLE or
// DEADLINE_EXCEEDED when there was no answer that can be read (HTTP_…, ANSWER_…); for an errcode,
// those of wechat::ErrorCodeStatus.
class PlatformClient {
 public:
  virtual ~PlatformClient() = default;

  // The address of the page; asks nobody.
  virtual std::string AuthorizationPageUrl(const AuthorizationPage& page) = 0;

  virtual absl::StatusOr<FetchedToken> FetchStableToken(const std::string& appid,
                                                        const Secret& app_secret, bool force,
                                                        Deadline deadline) = 0;
  // Ends the token before it.
  virtual absl::StatusOr<FetchedToken> FetchClassicToken(const std::string& appid,
                                                         const Secret& app_secret,
                                                         Deadline deadline) = 0;
  virtual absl::StatusOr<FetchedToken> FetchComponentToken(const std::string& component,
                                                           const Secret& secret,
                                                           const Secret& ticket,
                                                           Deadline deadline) = 0;
  virtual absl::Status StartPushTicket(const std::string& component, const Secret& secret,
                                       Deadline deadline) = 0;
  virtual absl::StatusOr<PreAuthCode> CreatePreAuthCode(const std::string& component,
                                                        const Secret& component_token,
                                                        Deadline deadline) = 0;
  virtual absl::StatusOr<GrantedAuthorization> QueryAuthorization(const std::string& component,
                                                                  const Secret& component_token,
                                                                  const std::string& code,
                                                                  Deadline deadline) = 0;
  virtual absl::StatusOr<FetchedToken> FetchAuthorizerToken(const std::string& component,
                                                            const Secret& component_token,
                                                            const std::string& authorizer,
                                                            const Secret& refresh_token,
                                                            Deadline deadline) = 0;
  virtual absl::StatusOr<AccountDetails> GetAuthorizerInfo(const std::string& component,
                                                           const Secret& component_token,
                                                           const std::string& authorizer,
                                                           Deadline deadline) = 0;
  virtual absl::StatusOr<LoginAnswer> Login(const std::string& appid, const Secret& app_secret,
                                            const std::string& js_code, Deadline deadline) = 0;
  virtual absl::StatusOr<LoginAnswer> LoginThroughComponent(const std::string& appid,
                                                            const std::string& component,
                                                            const Secret& component_token,
                                                            const std::string& js_code,
                                                            Deadline deadline) = 0;
  // At most 100 openids.
  virtual absl::StatusOr<std::vector<UserInfo>> GetUsers(const Secret& token,
                                                         const std::vector<std::string>& openids,
                                                         Deadline deadline) = 0;
  // Any errcode is an answer here.
  virtual absl::StatusOr<ApiAnswer> Call(const Secret& token, const ApiCall& call,
                                         Deadline deadline) = 0;
};

}  // namespace datong::broker
