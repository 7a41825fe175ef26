#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/api_metrics.h"
#include "services/broker/core/api_usage_store.h"
#include "services/broker/core/token_bucket.h"

namespace datong::broker {

struct ApiUsageOptions {
  // Part of a daily quota that is kept for the suite's own functions.
  double reserve = 0.1;
  // Calls a second of one app, over all replicas; 0: any number.
  double app_calls_per_second = 500;
  // The platform is asked for a quota after so many calls, and again after that time.
  int64_t calls_before_check = 20;
  absl::Duration check_every = absl::Hours(1);
  absl::Duration check_stopped_every = absl::Minutes(10);
};

enum class ApiPurpose { kCaller, kOwn };

// How often each interface of each app was called today, by all replicas, and whether it may be
// called again: daily quotas with a reserve, rates, and stops that the platform ordered. Calls are
// counted in memory and told to the others by Flush, so that no call waits for the database; the
// reserve takes up what replicas do not know of each other meanwhile, and rates are held by all
// together but for the second that news take. Thread-safe.
class ApiUsage {
 public:
  ApiUsage(ApiUsageOptions options, ApiUsageStore& store, ApiMetrics& metrics, const Clock& clock);

  // Counts one call, which is then to be made. Reads what is known of the interface before its
  // first call on this replica. Errors: RESOURCE_EXHAUSTED/API_QUOTA_EXHAUSTED or API_RATE_LIMITED,
  // with a retry delay.
  absl::Status Take(const std::string& appid, const std::string& path, ApiPurpose purpose,
                    Deadline deadline);
  // The platform said so. Answers the error of Take until it ends.
  absl::Status Stop(const std::string& appid, const std::string& path, const ApiStop& stop);
  // Tells the store, and learns what other replicas told. Called every second, and at the end.
  absl::Status Flush(Deadline deadline);

  absl::Time Now() const { return clock_.Now(); }

  struct Interface {
    std::string appid;
    std::string path;
  };
  // Whose quota the platform is to be asked for, by this replica alone.
  std::vector<Interface> TakeChecks(Deadline deadline);
  absl::Status SetQuota(const Interface& of, const ApiQuota& quota, Deadline deadline);

 private:
  struct Entry {
    ApiUsageRow row;      // as the store had it
    int64_t pending = 0;  // counted here since
    bool stop_is_new = false;
    TokenBucket rate{0, 0};
    std::chrono::steady_clock::time_point heard = std::chrono::steady_clock::now();
  };
  using Key = std::pair<std::string, std::string>;  // path, appid

  absl::Status Load(const std::string& appid, const std::string& path, Deadline deadline);
  void Adopt(Entry& entry, const ApiUsageRow& row) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  TokenBucket& BucketOf(const std::string& appid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes what other replicas called since this one heard of them out of the rates.
  void ShareRates(Entry& entry, const ApiUsageRow& now, int64_t told)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static absl::Status StopError(const Entry& entry, absl::Time now);
  bool IsCheckDue(const Entry& entry, absl::Time now) const;
  int64_t Today() const;

  const ApiUsageOptions options_;
  ApiUsageStore& store_;
  ApiMetrics& metrics_;
  const Clock& clock_;
  Mutex flushing_;
  Mutex mutex_;
  absl::flat_hash_map<Key, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, TokenBucket> apps_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
