#pragma once

#include <string>
#include <vector>

#include "services/broker/core/readiness_platform.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

// Asks api.weixin.qq.com what readiness wants to know. Thread-safe.
class HttpReadinessPlatform : public ReadinessPlatform {
 public:
  // `api_url` is that of api.weixin.qq.com.
  HttpReadinessPlatform(const std::string& api_url, http::Client& http,
                        metrics::Registry& registry);

  absl::StatusOr<AccountBasics> GetBasics(const Secret& token, Deadline deadline) override;
  absl::StatusOr<AccountProfile> GetProfile(const std::string& component,
                                            const Secret& component_token, const std::string& appid,
                                            Deadline deadline) override;
  absl::StatusOr<bool> IsBound(const Secret& token, Deadline deadline) override;
  absl::StatusOr<std::string> GetOpenAccount(const Secret& token, const std::string& appid,
                                             Deadline deadline) override;
  absl::StatusOr<QuotaLeft> GetQuota(const Secret& token, const std::string& path,
                                     Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> GetCallbackAddresses(const Secret& token,
                                                                Deadline deadline) override;

 private:
  PlatformHttp http_;
};

}  // namespace datong::broker
