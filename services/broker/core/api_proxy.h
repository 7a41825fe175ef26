#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/answer_cache.h"
#include "services/broker/core/api_metrics.h"
#include "services/broker/core/api_usage.h"
#include "services/broker/core/circuit_breaker.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

struct ApiProxyOptions {
  int most_tries = 3;  // of a call that may be repeated
  absl::Duration backoff_first = absl::Milliseconds(200);
  absl::Duration backoff_longest = absl::Seconds(2);
  absl::Duration longest_max_age = absl::Hours(1);
  size_t cache_bytes = 16 << 20;
  std::vector<std::string> own_callers;  // who may use the reserve of quotas
  CircuitBreakerOptions breaker;
  int host_failures_to_open = 20;
  // Of an app whose fresh tokens are refused: else each call would cost a refresh.
  CircuitBreakerOptions conflicts = {3, absl::Seconds(30), absl::Minutes(5)};
};

// How one call is to be made.
struct ApiTerms {
  bool repeatable = false;  // the platform may be asked twice; a GET always may
  absl::Duration max_age =
      absl::ZeroDuration();  // answers from memory that are younger will do; 0: none
  ApiPurpose purpose = ApiPurpose::kCaller;
};

// Calls the platform in the name of an app and reacts to its error codes, so that callers neither
// see a token nor burn a quota. Thread-safe; blocks on the platform.
class ApiProxy {
 public:
  ApiProxy(ApiProxyOptions options, TokenBroker& tokens, PlatformClient& platform, ApiUsage& usage,
           ApiMetrics& metrics, const Clock& clock);

  // Errors: INVALID_ARGUMENT/API_PATH_INVALID, MAX_AGE_INVALID;
  // RESOURCE_EXHAUSTED/API_QUOTA_EXHAUSTED or API_RATE_LIMITED (with a retry delay),
  // UNAVAILABLE/PLATFORM_UNREACHABLE, ABORTED/TOKEN_CONFLICT, those of TokenBroker::Get. With the
  // platform's rid where it told one.
  absl::StatusOr<ApiAnswer> Call(const std::string& appid, const ApiCall& call,
                                 const ApiTerms& terms, Deadline deadline);

  // Asks the platform for the quotas that are due. Called every second.
  void CheckQuotas(Deadline deadline);

  ApiPurpose PurposeOf(absl::string_view caller) const;
  static absl::Status CheckPath(const std::string& path);

 private:
  absl::StatusOr<ApiAnswer> Ask(const std::string& appid, const ApiCall& call,
                                const ApiTerms& terms, Deadline deadline);
  // One call, if the circuits are closed.
  absl::StatusOr<ApiAnswer> Send(const CachedToken& token, const ApiCall& call, Deadline deadline);
  // What the platform says of the quota.
  absl::StatusOr<ApiQuota> AskQuota(const ApiUsage::Interface& of, Deadline deadline);
  void LogRefusal(const std::string& appid, const std::string& path, const ApiAnswer& answer);

  const ApiProxyOptions options_;
  TokenBroker& tokens_;
  PlatformClient& platform_;
  ApiUsage& usage_;
  ApiMetrics& metrics_;
  AnswerCache cache_;
  CircuitBreaker paths_;      // by path
  CircuitBreaker host_;       // under one key
  CircuitBreaker conflicts_;  // by appid
  Mutex mutex_;
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
  // When each refusal may be logged again.
  absl::flat_hash_map<std::pair<std::string, int>, Deadline> logged_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
