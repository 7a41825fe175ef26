#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/person_peer.h"

namespace datong::broker {

// What WeChat's page of a web login is opened with.
struct WebLoginPage {
  std::string appid;
  std::string component;  // empty: the app has a secret of its own
  std::string redirect_url;
  std::string scope;  // "snsapi_base", "snsapi_userinfo", "snsapi_login"
  std::string state;
  bool force_popup = false;
  bool force_snapshot = false;
};

// In whose name the tokens of users are asked for: an app with its secret, or a component.
struct WebCaller {
  std::string appid;
  Secret app_secret;
  std::string component;
  Secret component_token;
};

struct WebAnswer {
  Secret access_token;
  Secret refresh_token;
  absl::Duration lifetime;
  std::string openid;
  std::string unionid;
  std::string scope;  // separated by commas
  bool is_snapshot = false;
};

struct WebProfileAnswer {
  std::string openid;
  std::string unionid;
  std::string nickname;
  std::string avatar_url;
  int32_t sex = 0;
  std::string country, province, city;
  std::vector<std::string> privileges;
};

struct PhoneAnswer {
  std::string phone_number;
  std::string pure_phone_number;
  std::string country_code;
  std::string watermark_appid;
  absl::Time watermark_time;
};

// A user of an official account.
struct FollowerInfo {
  bool follows = false;
  std::string openid;
  std::string unionid;
  absl::Time subscribe_time;
  std::string subscribe_scene;
  std::string qr_scene;
  std::string language;
  std::string remark;
  std::vector<int64_t> tag_ids;
};

// How a payment is named: by the transaction, or by merchant and order.
struct Payment {
  std::string transaction_id;
  std::string mch_id;
  std::string out_trade_no;
};

struct ChangedOpenid {
  std::string old_openid;
  std::string new_openid;
  std::string error;  // "ok" is none
};

// What the broker asks of WeChat about users, besides the codes of wx.login. Tokens are the app's
// (`token`) or the user's. Thread-safe; blocks until the deadline, and at most 10 s.
// Errors of all: as of PlatformClient.
class LoginPlatform {
 public:
  virtual ~LoginPlatform() = default;

  // The address of the page; asks nobody.
  virtual std::string WebLoginUrl(const WebLoginPage& page) = 0;
  virtual absl::StatusOr<WebAnswer> ExchangeWebCode(const WebCaller& caller,
                                                    const std::string& code, Deadline deadline) = 0;
  virtual absl::StatusOr<WebAnswer> RefreshWebToken(const WebCaller& caller,
                                                    const Secret& refresh_token,
                                                    Deadline deadline) = 0;
  virtual absl::StatusOr<WebProfileAnswer> GetWebProfile(const Secret& user_token,
                                                         const std::string& openid,
                                                         const std::string& language,
                                                         Deadline deadline) = 0;
  virtual absl::Status CheckWebToken(const Secret& user_token, const std::string& openid,
                                     Deadline deadline) = 0;

  virtual absl::Status CheckSession(const Secret& token, const std::string& openid,
                                    const std::string& signature, Deadline deadline) = 0;
  // The new key.
  virtual absl::StatusOr<Secret> ResetSessionKey(const Secret& token, const std::string& openid,
                                                 const std::string& signature,
                                                 Deadline deadline) = 0;
  // `openid` may be empty.
  virtual absl::StatusOr<PhoneAnswer> GetPhoneNumber(const Secret& token, const std::string& code,
                                                     const std::string& openid,
                                                     Deadline deadline) = 0;
  virtual absl::StatusOr<std::string> GetPaidUnionid(const Secret& token, const std::string& openid,
                                                     const Payment& payment, Deadline deadline) = 0;
  virtual absl::StatusOr<FollowerInfo> GetFollower(const Secret& token, const std::string& openid,
                                                   Deadline deadline) = 0;
  // At most 100 openids.
  virtual absl::StatusOr<std::vector<FollowerInfo>> GetFollowers(
      const Secret& token, const std::vector<std::string>& openids, Deadline deadline) = 0;
  // `from` is the old account's original id or appid; at most 100 openids.
  virtual absl::StatusOr<std::vector<ChangedOpenid>> ChangeOpenids(
      const Secret& token, const std::string& from, const std::vector<std::string>& openids,
      Deadline deadline) = 0;
};

}  // namespace datong::broker
