#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// getaccountbasicinfo. -1: not told.
struct AccountBasics {
  std::string principal_name;
  int64_t principal_type = -1;  // 0 individual, 1 organisation
  int64_t customer_type = -1;   // 0 not certified
  int64_t realname_status = -1;
  bool qualification_verified = false;  // has the rights of certified accounts
};

// What api_get_authorizer_info tells beside what the broker keeps.
struct AccountProfile {
  AppKind kind = AppKind::kUnknown;
  std::string principal_name;
  int64_t verify_type = -2;  // -2: not told
  int64_t account_status = -1;
  std::vector<int32_t> permission_sets;
  std::vector<std::string> request_domains;  // of mini programs
};

// openapi/quota/get. A limit of 0: none.
struct QuotaLeft {
  int64_t daily_limit = 0;
  int64_t used = 0;
  int64_t remain = 0;
};

// What readiness asks of api.weixin.qq.com. Thread-safe; blocks on the network until the deadline.
// Errors: as of PlatformClient.
class ReadinessPlatform {
 public:
  virtual ~ReadinessPlatform() = default;

  virtual absl::StatusOr<AccountBasics> GetBasics(const Secret& token, Deadline deadline) = 0;
  virtual absl::StatusOr<AccountProfile> GetProfile(const std::string& component,
                                                    const Secret& component_token,
                                                    const std::string& appid,
                                                    Deadline deadline) = 0;
  virtual absl::StatusOr<bool> IsBound(const Secret& token, Deadline deadline) = 0;
  // Its appid. An account that is bound to none is errcode 89002.
  virtual absl::StatusOr<std::string> GetOpenAccount(const Secret& token, const std::string& appid,
                                                     Deadline deadline) = 0;
  virtual absl::StatusOr<QuotaLeft> GetQuota(const Secret& token, const std::string& path,
                                             Deadline deadline) = 0;
  // From where WeChat pushes.
  virtual absl::StatusOr<std::vector<std::string>> GetCallbackAddresses(const Secret& token,
                                                                        Deadline deadline) = 0;
};

}  // namespace datong::broker
