#pragma once

#include <string>

#include "common/http/client.h"
#include "common/metrics/registry.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

struct WecomAddresses {
  std::string api_url;   // https://qyapi.weixin.qq.com, no slash at the end
  std::string work_url;  // https://open.work.weixin.qq.com, the install page
  std::string open_url;  // https://open.weixin.qq.com, the page of web authorisation
};

// WeCom's credentials and install flow over HTTPS. Thread-safe.
class HttpWecomPlatform : public WecomPlatform {
 public:
  HttpWecomPlatform(WecomAddresses addresses, http::Client& http, metrics::Registry& registry);

  std::string InstallPageUrl(const WecomInstallPage& page) override;
  std::string LoginPageUrl(const WecomLoginPage& page) override;
  absl::StatusOr<FetchedToken> FetchCorpToken(const std::string& corpid, const Secret& secret,
                                              Deadline deadline) override;
  absl::StatusOr<FetchedToken> FetchSuiteToken(const std::string& suite, const Secret& secret,
                                               const Secret& ticket, Deadline deadline) override;
  absl::StatusOr<FetchedToken> FetchProviderToken(const std::string& corpid, const Secret& secret,
                                                  Deadline deadline) override;
  absl::StatusOr<FetchedToken> FetchAuthorizedCorpToken(const Secret& suite_token,
                                                        const std::string& corpid,
                                                        const Secret& permanent_code,
                                                        Deadline deadline) override;
  absl::StatusOr<PreAuthCode> GetPreAuthCode(const Secret& suite_token, Deadline deadline) override;
  absl::Status SetSessionInfo(const Secret& suite_token, const std::string& pre_auth_code,
                              bool test, Deadline deadline) override;
  absl::StatusOr<WecomGrant> GetPermanentCode(const Secret& suite_token,
                                              const std::string& auth_code,
                                              Deadline deadline) override;
  absl::StatusOr<WecomAuthInfo> GetAuthInfo(const Secret& suite_token, const std::string& corpid,
                                            const Secret& permanent_code,
                                            Deadline deadline) override;

 private:
  const WecomAddresses addresses_;
  PlatformHttp http_;
};

}  // namespace datong::broker
