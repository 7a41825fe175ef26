#include "services/broker/core/lease_keeper.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "common/status/error.h"

namespace datong::broker {

LeaseKeeper::LeaseKeeper(TokenStore& store, absl::Duration ttl, absl::Duration renew_every)
    : store_(store), ttl_(ttl), renew_every_(renew_every), thread_([this] { Run(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

absl::StatusOr<std::unique_ptr<LeaseKeeper::Held>> LeaseKeeper::TryAcquire(const std::string& key,
                                                                           Deadline deadline) {
  absl::StatusOr<std::optional<Lease>> lease = store_.TryAcquire(key, ttl_, deadline);
  if (!lease.ok()) return lease.status();
  if (!lease->has_value()) return std::unique_ptr<Held>();
  {
    MutexLock lock(&mutex_);
    held_[key] = **lease;
  }
  return std::make_unique<Held>(*this, **lease);
}

void LeaseKeeper::Release(const Lease& lease) {
  {
    MutexLock lock(&mutex_);
    const auto found = held_.find(lease.key);
    if (found != held_.end() && found->second.epoch == lease.epoch) held_.erase(found);
  }
  store_.Release(lease);
}

void LeaseKeeper::Run() {
  while (true) {
    std::vector<Lease> due;
    {
      MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), renew_every_)) return;
      for (const auto& [key, lease] : held_) due.push_back(lease);
    }
    if (due.empty()) continue;
    const absl::StatusOr<std::vector<std::string>> kept =
        store_.Renew(due, ttl_, Deadline::After(renew_every_));
    if (!kept.ok()) {
      LogWarn("leases not renewed", {{"reason", GetReason(kept.status())}});
      continue;
    }
    for (const Lease& lease : due) {
      if (std::find(kept->begin(), kept->end(), lease.key) != kept->end()) continue;
      MutexLock lock(&mutex_);
      const auto found = held_.find(lease.key);
      // One that was given back meanwhile is not lost.
      if (found == held_.end() || found->second.epoch != lease.epoch) continue;
      held_.erase(found);
      LogWarn("lease lost while the work under it runs", {{"lease", lease.key}});
    }
  }
}

}  // namespace datong::broker
