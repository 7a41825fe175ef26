#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "services/broker/core/api_usage_store.h"

namespace datong::broker {

// Calls in memory, held to the contract of the store in PostgreSQL. Thread-safe.
class FakeApiUsageStore : public ApiUsageStore {
 public:
  void SetReachable(bool reachable) {
    MutexLock lock(&mutex_);
    reachable_ = reachable;
  }
  int adds() const {
    MutexLock lock(&mutex_);
    return adds_;
  }

  absl::StatusOr<std::vector<ApiUsageRow>> Add(const std::vector<ApiUsageDelta>& deltas,
                                               Deadline) override {
    MutexLock lock(&mutex_);
    if (!reachable_) return absl::UnavailableError("no database");
    ++adds_;
    std::vector<ApiUsageRow> rows;
    for (const ApiUsageDelta& delta : deltas) {
      ApiUsageRow& row = rows_[{delta.appid, delta.path}];
      row.appid = delta.appid;
      row.path = delta.path;
      if (row.day < delta.day) row.used = 0;
      if (row.day <= delta.day) row.used += delta.calls;
      row.day = std::max(row.day, delta.day);
      if (delta.stop.has_value()) row.stop = *delta.stop;
      rows.push_back(row);
    }
    return rows;
  }
  absl::StatusOr<bool> TakeCheck(const std::string& appid, const std::string& path, absl::Time now,
                                 absl::Duration every, Deadline) override {
    MutexLock lock(&mutex_);
    const auto row = rows_.find({appid, path});
    if (row == rows_.end()) return false;
    if (now >= row->second.checked && now < row->second.checked + every) return false;
    row->second.checked = now;
    return true;
  }
  absl::Status SetQuota(const std::string& appid, const std::string& path, int64_t day,
                        const ApiQuota& quota, Deadline) override {
    MutexLock lock(&mutex_);
    const auto row = rows_.find({appid, path});
    if (row == rows_.end()) return absl::OkStatus();
    row->second.day = day;
    row->second.used = quota.used;
    row->second.quota = quota;
    row->second.quota->used = 0;
    const bool calls_are_left = quota.daily_limit == 0 || quota.used < quota.daily_limit;
    if (row->second.stop.is_quota && calls_are_left) row->second.stop.until = absl::InfinitePast();
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<ApiUsageRow>> ListUsage(const std::string& appid, Deadline) override {
    MutexLock lock(&mutex_);
    std::vector<ApiUsageRow> rows;
    for (const auto& [key, row] : rows_) {
      if (key.first == appid) rows.push_back(row);
    }
    return rows;
  }

 private:
  mutable Mutex mutex_;
  bool reachable_ ABSL_GUARDED_BY(mutex_) = true;
  int adds_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<std::string, std::string>, ApiUsageRow> rows_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
