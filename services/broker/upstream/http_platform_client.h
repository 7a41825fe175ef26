#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/http/client.h"
#include "common/metrics/registry.h"
#include "common/wechat/answer.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {

struct PlatformAddresses {
  std::string api_url;   // https://api.weixin.qq.com, no slash at the end
  std::string mp_url;    // https://mp.weixin.qq.com
  std::string open_url;  // https://open.weixin.qq.com
};

// Asks WeChat over HTTPS, as wechat-platform's conventions are: POST with a JSON body of raw UTF-8,
// tokens in the query, HTTP 200 with an errcode for failures. Counts datong_upstream_*.
// Thread-safe.
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
  using Query = std::vector<std::pair<std::string, std::string>>;

  // The body of the answer, whatever it says. `label` is the path as metrics have it.
  absl::StatusOr<http::ClientResponse> Send(const std::string& label, const std::string& method,
                                            const std::string& path, const Query& query,
                                            const std::string& body, Deadline deadline);
  // A successful answer; an errcode is an error.
  absl::StatusOr<wechat::Answer> Ask(const std::string& method, const std::string& path,
                                     const Query& query, const nlohmann::json* body,
                                     Deadline deadline);
  absl::StatusOr<wechat::Answer> AskComponent(const std::string& api, const Secret& token,
                                              const nlohmann::json& body, Deadline deadline);
  void Count(const std::string& label, const absl::Status& transport, int64_t errcode,
             absl::Duration elapsed);

  const PlatformAddresses addresses_;
  http::Client& http_;
  metrics::Registry& registry_;
};

}  // namespace datong::broker
