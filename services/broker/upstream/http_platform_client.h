#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "common/http/client.h"
#include "common/metrics/registry.h"
#include "common/wechat/answer.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

struct PlatformAddresses {
  std::string api_url;         // https://api.weixin.qq.com, no slash at the end
  std::string mp_url;          // https://mp.weixin.qq.com
  std::string open_url;        // https://open.weixin.qq.com
  std::string wecom_url = {};  // https://qyapi.weixin.qq.com, for Call alone
};

// Asks WeChat over HTTPS. Thread-safe.
class HttpPlatformClient : public PlatformClient {
 public:
  HttpPlatformClient(PlatformAddresses addresses, http::Client& http, metrics::Registry& registry);

  std::string AuthorizationPageUrl(const AuthorizationPage& page) override;
  absl::StatusOr<FetchedToken> FetchStableToken(const std::string& appid, const Secret& app_secret,
                                                bool force, Deadline deadline) override;
  absl::StatusOr<FetchedToken> FetchClassicToken(const std::string& appid, const Secret& app_secret,
                                                 Deadline deadline) override;
  absl::StatusOr<FetchedToken> FetchComponentToken(const std::string& component,
                                                   const Secret& secret, const Secret& ticket,
                                                   Deadline deadline) override;
  absl::Status StartPushTicket(const std::string& component, const Secret& secret,
                               Deadline deadline) override;
  absl::StatusOr<PreAuthCode> CreatePreAuthCode(const std::string& component,
                                                const Secret& component_token,
                                                Deadline deadline) override;
  absl::StatusOr<GrantedAuthorization> QueryAuthorization(const std::string& component,
                                                          const Secret& component_token,
                                                          const std::string& code,
                                                          Deadline deadline) override;
  absl::StatusOr<FetchedToken> FetchAuthorizerToken(const std::string& component,
                                                    const Secret& component_token,
                                                    const std::string& authorizer,
                                                    const Secret& refresh_token,
                                                    Deadline deadline) override;
  absl::StatusOr<AccountDetails> GetAuthorizerInfo(const std::string& component,
                                                   const Secret& component_token,
                                                   const std::string& authorizer,
                                                   Deadline deadline) override;
  absl::StatusOr<LoginAnswer> Login(const std::string& appid, const Secret& app_secret,
                                    const std::string& js_code, Deadline deadline) override;
  absl::StatusOr<LoginAnswer> LoginThroughComponent(const std::string& appid,
                                                    const std::string& component,
                                                    const Secret& component_token,
                                                    const std::string& js_code,
                                                    Deadline deadline) override;
  absl::StatusOr<std::vector<UserInfo>> GetUsers(const Secret& token,
                                                 const std::vector<std::string>& openids,
                                                 Deadline deadline) override;
  absl::StatusOr<ApiAnswer> Call(const Secret& token, const ApiCall& call,
                                 Deadline deadline) override;

 private:
  absl::StatusOr<wechat::Answer> AskComponent(const std::string& api, const Secret& token,
                                              const nlohmann::json& body, Deadline deadline);

  const PlatformAddresses addresses_;
  PlatformHttp http_;
  PlatformHttp wecom_;
};

}  // namespace datong::broker
