#pragma once

#include <string>
#include <vector>

#include "services/broker/core/login_platform.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

// Asks WeChat about users over HTTPS. Thread-safe.
class HttpLoginPlatform : public LoginPlatform {
 public:
  // The addresses of api.weixin.qq.com and open.weixin.qq.com, without a slash at the end.
  HttpLoginPlatform(const std::string& api_url, std::string open_url, http::Client& http,
                    metrics::Registry& registry);

  std::string WebLoginUrl(const WebLoginPage& page) override;
  absl::StatusOr<WebAnswer> ExchangeWebCode(const WebCaller& caller, const std::string& code,
                                            Deadline deadline) override;
  absl::StatusOr<WebAnswer> RefreshWebToken(const WebCaller& caller, const Secret& refresh_token,
                                            Deadline deadline) override;
  absl::StatusOr<WebProfileAnswer> GetWebProfile(const Secret& user_token,
                                                 const std::string& openid,
                                                 const std::string& language,
                                                 Deadline deadline) override;
  absl::Status CheckWebToken(const Secret& user_token, const std::string& openid,
                             Deadline deadline) override;
  absl::Status CheckSession(const Secret& token, const std::string& openid,
                            const std::string& signature, Deadline deadline) override;
  absl::StatusOr<Secret> ResetSessionKey(const Secret& token, const std::string& openid,
                                         const std::string& signature, Deadline deadline) override;
  absl::StatusOr<PhoneAnswer> GetPhoneNumber(const Secret& token, const std::string& code,
                                             const std::string& openid, Deadline deadline) override;
  absl::StatusOr<std::string> GetPaidUnionid(const Secret& token, const std::string& openid,
                                             const Payment& payment, Deadline deadline) override;
  absl::StatusOr<FollowerInfo> GetFollower(const Secret& token, const std::string& openid,
                                           Deadline deadline) override;
  absl::StatusOr<std::vector<FollowerInfo>> GetFollowers(const Secret& token,
                                                         const std::vector<std::string>& openids,
                                                         Deadline deadline) override;
  absl::StatusOr<std::vector<ChangedOpenid>> ChangeOpenids(const Secret& token,
                                                           const std::string& from,
                                                           const std::vector<std::string>& openids,
                                                           Deadline deadline) override;

 private:
  const std::string open_url_;
  PlatformHttp http_;
};

}  // namespace datong::broker
