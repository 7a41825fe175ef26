#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"

namespace datong::broker {

struct ListedAuthorizer {
  std::string appid;
  Secret refresh_token;  // empty when WeChat does not tell it
  absl::Time authorized;
};

struct AuthorizerListPage {
  int64_t total = 0;
  std::vector<ListedAuthorizer> authorizers;
};

// api_get_authorizer_list. Thread-safe; blocks on the network until the deadline. Errors: as of
// PlatformClient.
class EstatePlatform {
 public:
  virtual ~EstatePlatform() = default;

  // At most 500 from `offset` on.
  virtual absl::StatusOr<AuthorizerListPage> ListAuthorizers(const std::string& component,
                                                             const Secret& component_token,
                                                             int64_t offset, Deadline deadline) = 0;
};

}  // namespace datong::broker
