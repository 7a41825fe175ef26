#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

struct ApiProxyOptions {
  int most_tries = 3;  // of a call that may be repeated
  absl::Duration backoff_first = absl::Milliseconds(200);
  absl::Duration backoff_longest = absl::Seconds(2);
};

// Calls the platform in the name of an app and reacts to its error codes, so that callers neither
// see a token nor burn a quota. Thread-safe; blocks on the platform.
class ApiProxy {
 public:
  ApiProxy(ApiProxyOptions options, TokenBroker& tokens, PlatformClient& platform,
           BrokerMetrics& metrics, const Clock& clock);

  // Errors: INVALID_ARGUMENT/API_PATH_INVALID, RESOURCE_EXHAUSTED/API_QUOTA_EXHAUSTED or
  // API_RATE_LIMITED (with a retry delay), UNAVAILABLE/PLATFORM_UNREACHABLE,
  // ABORTED/TOKEN_CONFLICT, those of TokenBroker::Get.
  absl::StatusOr<ApiAnswer> Call(const std::string& appid, const ApiCall& call, bool repeatable,
                                 Deadline deadline);

  static absl::Status CheckPath(const std::string& path);

 private:
  using ApiOfApp = std::pair<std::string, std::string>;  // path, appid
  struct Gate {
    int64_t day = 0;
    int64_t calls = 0;
    absl::Time closed_until = absl::InfinitePast();
    bool is_quota = false;
  };

  absl::Status CheckGate(const std::string& appid, const std::string& path);
  absl::Status CloseGate(const std::string& appid, const std::string& path, bool is_quota);

  const ApiProxyOptions options_;
  TokenBroker& tokens_;
  PlatformClient& platform_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<ApiOfApp, Gate> gates_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

// The path as the `api` label of metrics: itself if it is one the suite calls, else "other".
std::string ApiLabel(const std::string& path);

}  // namespace datong::broker
