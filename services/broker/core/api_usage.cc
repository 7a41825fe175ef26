#include "services/broker/core/api_usage.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>
#include <utility>

#include "common/log/log.h"
#include "common/status/error.h"
#include "common/time/shanghai.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

// A quota is asked for sooner when this part of it is used.
constexpr double kNearlyUsed = 0.8;
constexpr int kSooner = 12;
constexpr size_t kMostChecksAtOnce = 5;

}  // namespace

ApiUsage::ApiUsage(ApiUsageOptions options, ApiUsageStore& store, ApiMetrics& metrics,
                   const Clock& clock)
    : options_(options), store_(store), metrics_(metrics), clock_(clock) {}

int64_t ApiUsage::Today() const { return DayNumber(ShanghaiDay(clock_.Now())); }

absl::Status ApiUsage::StopError(const Entry& entry, absl::Time now) {
  const ApiStop& stop = entry.row.stop;
  return WithRetryDelay(stop.is_quota ? ApiQuotaExhausted(entry.row.appid, entry.row.path)
                                      : ApiRateLimited(entry.row.appid, entry.row.path),
                        stop.until - now);
}

void ApiUsage::Adopt(Entry& entry, const ApiUsageRow& row) {
  const ApiStop ours = entry.row.stop;
  const bool keep_ours = entry.stop_is_new && ours.until > row.stop.until;
  entry.row = row;
  if (keep_ours) entry.row.stop = ours;
  if (row.quota.has_value() && row.quota->rate_calls > 0 &&
      row.quota->rate_period > absl::ZeroDuration()) {
    const auto calls = static_cast<double>(row.quota->rate_calls);
    entry.rate.SetRate(calls / absl::ToDoubleSeconds(row.quota->rate_period), calls);
  }
}

TokenBucket& ApiUsage::BucketOf(const std::string& appid) {
  return apps_
      .try_emplace(appid,
                   TokenBucket(options_.app_calls_per_second, 2 * options_.app_calls_per_second))
      .first->second;
}

void ApiUsage::ShareRates(Entry& entry, const ApiUsageRow& now, int64_t told) {
  const auto steady = std::chrono::steady_clock::now();
  const absl::Duration period = absl::FromChrono(steady - std::exchange(entry.heard, steady));
  const int64_t others = now.used - entry.row.used - told;
  if (now.day != entry.row.day || others <= 0) return;
  const auto calls = static_cast<double>(others);
  entry.rate.TakenByOthers(calls, period, steady);
  BucketOf(now.appid).TakenByOthers(calls, period, steady);
}

absl::Status ApiUsage::Load(const std::string& appid, const std::string& path, Deadline deadline) {
  absl::StatusOr<std::vector<ApiUsageRow>> rows =
      store_.Add({{appid, path, Today(), 0, std::nullopt}}, deadline.AtMost(absl::Seconds(2)));
  MutexLock lock(&mutex_);
  const auto [entry, is_new] = entries_.try_emplace({path, appid});
  if (!is_new) return absl::OkStatus();
  entry->second.row.appid = appid;
  entry->second.row.path = path;
  entry->second.row.day = Today();
  if (rows.ok()) Adopt(entry->second, rows->front());
  return rows.status();
}

absl::Status ApiUsage::Take(const std::string& appid, const std::string& path, ApiPurpose purpose,
                            Deadline deadline) {
  bool is_known = false;
  {
    MutexLock lock(&mutex_);
    is_known = entries_.contains({path, appid});
  }
  if (!is_known) {
    // Without the database each replica counts for itself.
    const absl::Status loaded = Load(appid, path, deadline);
    if (!loaded.ok()) LogWarn("calls of others not known", {{"reason", GetReason(loaded)}});
  }
  const absl::Time now = clock_.Now();
  const int64_t today = DayNumber(ShanghaiDay(now));
  using Refused = ApiMetrics::Refused;
  MutexLock lock(&mutex_);
  Entry& entry = entries_[{path, appid}];
  if (entry.row.day != today && entry.pending == 0) {
    entry.row.day = today;
    entry.row.used = 0;
  }
  if (now < entry.row.stop.until) {
    metrics_.CallRefused(path, Refused::kStopped);
    return StopError(entry, now);
  }
  const int64_t limit = entry.row.quota.has_value() ? entry.row.quota->daily_limit : 0;
  if (limit > 0 && entry.row.day == today) {
    const int64_t used = entry.row.used + entry.pending;
    const auto reserve =
        purpose == ApiPurpose::kOwn
            ? int64_t{0}
            : static_cast<int64_t>(std::ceil(static_cast<double>(limit) * options_.reserve));
    if (used >= limit - reserve) {
      metrics_.CallRefused(path, used >= limit ? Refused::kQuota : Refused::kReserve);
      return WithRetryDelay(ApiQuotaExhausted(appid, path),
                            ShanghaiMidnight(ShanghaiDay(now) + 1) - now);
    }
  }
  const auto steady = std::chrono::steady_clock::now();
  absl::Duration wait = BucketOf(appid).Take(steady);
  if (wait == absl::ZeroDuration()) wait = entry.rate.Take(steady);
  if (wait > absl::ZeroDuration()) {
    metrics_.CallRefused(path, Refused::kRate);
    return WithRetryDelay(ApiRateLimited(appid, path), wait);
  }
  ++entry.pending;
  return absl::OkStatus();
}

absl::Status ApiUsage::Stop(const std::string& appid, const std::string& path,
                            const ApiStop& stop) {
  const absl::Time now = clock_.Now();
  MutexLock lock(&mutex_);
  Entry& entry = entries_[{path, appid}];
  entry.row.appid = appid;
  entry.row.path = path;
  entry.row.stop = stop;
  entry.stop_is_new = true;
  return StopError(entry, now);
}

absl::Status ApiUsage::Flush(Deadline deadline) {
  MutexLock one_at_a_time(&flushing_);
  const int64_t today = Today();
  const absl::Time now = clock_.Now();
  std::vector<ApiUsageDelta> deltas;
  {
    MutexLock lock(&mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      Entry& held = entry->second;
      const bool has_news = held.pending > 0 || held.stop_is_new;
      if (!has_news && held.row.day < today && now >= held.row.stop.until) {
        // Nobody called it today: its next call reads it anew.
        metrics_.CallsToday(held.row.path, held.row.appid, 0,
                            held.row.quota.has_value() ? held.row.quota->daily_limit : 0);
        entries_.erase(entry++);
        continue;
      }
      ++entry;
      if (!has_news) continue;
      ApiUsageDelta delta{held.row.appid, held.row.path, today, held.pending, std::nullopt};
      if (held.stop_is_new) delta.stop = held.row.stop;
      deltas.push_back(std::move(delta));
    }
  }
  if (deltas.empty()) return absl::OkStatus();
  // In one order on all replicas, so that none waits for another that waits for it.
  std::sort(deltas.begin(), deltas.end(), [](const ApiUsageDelta& a, const ApiUsageDelta& b) {
    return std::tie(a.appid, a.path) < std::tie(b.appid, b.path);
  });
  absl::StatusOr<std::vector<ApiUsageRow>> rows = store_.Add(deltas, deadline);
  if (!rows.ok()) return rows.status();
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < deltas.size(); ++i) {
    const ApiUsageDelta& told = deltas[i];
    const ApiUsageRow& row = (*rows)[i];
    Entry& entry = entries_[{told.path, told.appid}];
    const bool same_stop = told.stop.has_value() && told.stop->until == entry.row.stop.until;
    if (same_stop) entry.stop_is_new = false;
    ShareRates(entry, row, told.calls);
    Adopt(entry, row);
    entry.pending -= told.calls;
    metrics_.CallsToday(row.path, row.appid, row.used + entry.pending,
                        row.quota.has_value() ? row.quota->daily_limit : 0);
  }
  return absl::OkStatus();
}

bool ApiUsage::IsCheckDue(const Entry& entry, absl::Time now) const {
  const int64_t used = entry.row.used + entry.pending;
  const bool is_stopped = now < entry.row.stop.until && entry.row.stop.is_quota;
  if (!is_stopped && used < options_.calls_before_check) return false;
  absl::Duration every = options_.check_every;
  const int64_t limit = entry.row.quota.has_value() ? entry.row.quota->daily_limit : 0;
  if (limit > 0 && static_cast<double>(used) > kNearlyUsed * static_cast<double>(limit)) {
    every = options_.check_every / kSooner;
  }
  if (is_stopped) every = options_.check_stopped_every;
  return now >= entry.row.checked + every || now < entry.row.checked;
}

std::vector<ApiUsage::Interface> ApiUsage::TakeChecks(Deadline deadline) {
  const absl::Time now = clock_.Now();
  std::vector<std::pair<Interface, absl::Duration>> due;
  {
    MutexLock lock(&mutex_);
    for (auto& [key, entry] : entries_) {
      if (due.size() == kMostChecksAtOnce) break;
      if (!IsCheckDue(entry, now)) continue;
      const bool is_stopped = now < entry.row.stop.until;
      due.push_back({{entry.row.appid, entry.row.path},
                     is_stopped ? options_.check_stopped_every : options_.check_every / kSooner});
      // Whoever gets it: not again by this replica for a while.
      entry.row.checked = now;
    }
  }
  std::vector<Interface> taken;
  for (auto& [interface, every] : due) {
    const absl::StatusOr<bool> ours =
        store_.TakeCheck(interface.appid, interface.path, now, every, deadline);
    if (ours.ok() && *ours) taken.push_back(std::move(interface));
  }
  return taken;
}

absl::Status ApiUsage::SetQuota(const Interface& of, const ApiQuota& quota, Deadline deadline) {
  const absl::Status stored = store_.SetQuota(of.appid, of.path, Today(), quota, deadline);
  if (!stored.ok()) return stored;
  absl::StatusOr<std::vector<ApiUsageRow>> rows =
      store_.Add({{of.appid, of.path, Today(), 0, std::nullopt}}, deadline);
  if (!rows.ok()) return rows.status();
  MutexLock lock(&mutex_);
  Entry& entry = entries_[{of.path, of.appid}];
  if (quota.daily_limit == 0 || quota.used < quota.daily_limit) {
    if (entry.row.stop.is_quota) entry.stop_is_new = false;
  }
  Adopt(entry, rows->front());
  metrics_.CallsToday(of.path, of.appid, entry.row.used + entry.pending, quota.daily_limit);
  return absl::OkStatus();
}

}  // namespace datong::broker
