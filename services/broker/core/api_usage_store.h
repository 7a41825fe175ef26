#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"

namespace datong::broker {

// What the platform says of an interface's quota.
struct ApiQuota {
  int64_t daily_limit = 0;  // 0: none
  int64_t used = 0;
  int64_t rate_calls = 0;  // so many within rate_period; 0: no limit known
  absl::Duration rate_period = absl::ZeroDuration();
};

// Until when an interface is left alone, since the platform said so.
struct ApiStop {
  absl::Time until = absl::InfinitePast();
  bool is_quota = false;  // else a limit per minute
};

// One interface of one app, over all replicas.
struct ApiUsageRow {
  std::string appid;
  std::string path;
  int64_t day = 0;   // of Shanghai
  int64_t used = 0;  // on that day
  std::optional<ApiQuota> quota;
  absl::Time checked = absl::InfinitePast();  // when the platform was asked for the quota
  ApiStop stop;
};

// What one replica adds.
struct ApiUsageDelta {
  std::string appid;
  std::string path;
  int64_t day = 0;
  int64_t calls = 0;
  std::optional<ApiStop> stop;
};

// Calls that were made, shared by all replicas. Thread-safe; every call is one transaction. Errors
// of all: those of postgres::Pool.
class ApiUsageStore {
 public:
  virtual ~ApiUsageStore() = default;

  // Adds, and answers what is known of each, in the same order.
  virtual absl::StatusOr<std::vector<ApiUsageRow>> Add(const std::vector<ApiUsageDelta>& deltas,
                                                       Deadline deadline) = 0;
  // True for one replica in `every`: it is to ask the platform for the quota.
  virtual absl::StatusOr<bool> TakeCheck(const std::string& appid, const std::string& path,
                                         absl::Time now, absl::Duration every,
                                         Deadline deadline) = 0;
  // What the platform says stands in for what was counted; a stop ends when it says that calls are
  // left.
  virtual absl::Status SetQuota(const std::string& appid, const std::string& path, int64_t day,
                                const ApiQuota& quota, Deadline deadline) = 0;
  // The interfaces that an app called, by path.
  virtual absl::StatusOr<std::vector<ApiUsageRow>> ListUsage(const std::string& appid,
                                                             Deadline deadline) = 0;
};

}  // namespace datong::broker
