#pragma once

#include <map>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "common/metrics/registry.h"

namespace datong::broker {

// The path as the `api` label of metrics: itself if it is one the suite calls, else "other".
std::string ApiLabel(const std::string& path);

// The series of calls in the name of apps. Thread-safe.
class ApiMetrics {
 public:
  ApiMetrics(metrics::Registry& registry, bool per_app);

  enum class Refused { kQuota, kReserve, kRate, kStopped, kBreaker };
  void CallRefused(const std::string& path, Refused reason);
  void CacheAsked(bool hit) { (hit ? cache_hits_ : cache_misses_)->Increment(); }
  // `host`: the breaker of the whole platform.
  void BreakerChanged(const std::string& path, bool is_open);
  void HostBreakerChanged(bool is_open) { host_open_->Set(is_open ? 1 : 0); }
  // `limit` 0: none known. Nothing for paths without a label of their own.
  void CallsToday(const std::string& path, const std::string& appid, int64_t calls, int64_t limit);

 private:
  struct Api {
    std::map<Refused, metrics::Counter*> refused;
    metrics::Gauge* open = nullptr;
  };
  metrics::Registry& registry_;
  const bool per_app_;
  std::map<std::string, Api> apis_;
  metrics::Gauge* host_open_;
  metrics::Counter* cache_hits_;
  metrics::Counter* cache_misses_;
  // Open circuits of paths that share the label "other".
  Mutex mutex_;
  std::map<std::string, int> open_ ABSL_GUARDED_BY(mutex_);
  // Without a series per app: who is nearest to its limit.
  std::map<std::string, std::pair<std::string, double>> worst_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
