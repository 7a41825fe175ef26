#pragma once

#include <string>

#include "services/broker/core/estate_platform.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

// Asks api.weixin.qq.com for a component's accounts. Thread-safe.
class HttpEstatePlatform : public EstatePlatform {
 public:
  // `api_url` is that of api.weixin.qq.com.
  HttpEstatePlatform(const std::string& api_url, http::Client& http, metrics::Registry& registry);

  absl::StatusOr<AuthorizerListPage> ListAuthorizers(const std::string& component,
                                                     const Secret& component_token, int64_t offset,
                                                     Deadline deadline) override;

 private:
  PlatformHttp http_;
};

}  // namespace datong::broker
