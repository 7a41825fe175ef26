#include "services/broker/core/audit_log.h"

#include <functional>
#include <thread>
#include <utility>

#include "common/base/strings.h"
#include "common/log/log.h"
#include "common/status/error.h"

namespace datong::broker {

namespace {

// Secrets, personal data and refusals stand one by one; but whoever is not known could fill the
// database with refusals.
bool IsCounted(const Access& access) {
  if (!access.allowed) return access.caller == "anonymous" || access.caller == "unknown";
  return access.action == "read_token" || access.action == "call_api";
}

}  // namespace

AuditLog::AuditLog(AuditStore& store, AuditSpool* spool, bool fail_open, BrokerMetrics& metrics,
                   const Clock& clock)
    : store_(store), spool_(spool), fail_open_(fail_open), metrics_(metrics), clock_(clock) {}

bool AuditLog::Count(const Access& access) {
  if (!accepting_.load(std::memory_order_relaxed) && !fail_open_) return false;
  thread_local const size_t index =
      std::hash<std::thread::id>()(std::this_thread::get_id()) % kStripes;
  const int64_t second = absl::ToUnixSeconds(clock_.Now());
  const int64_t single = IsCounted(access) ? 0 : ++singles_;
  const KeyTuple key{second,       single,        access.caller,  access.project,
                     access.appid, access.action, access.allowed, access.reason};
  Stripe& stripe = stripes_[index];
  MutexLock lock(&stripe.mutex);
  const auto found = stripe.counts.find(key);
  if (found != stripe.counts.end()) {
    ++found->second;
    return true;
  }
  stripe.counts.emplace(Key{second, single, std::string(access.caller), std::string(access.project),
                            std::string(access.appid), access.kind, std::string(access.action),
                            access.allowed, std::string(access.reason)},
                        1);
  return true;
}

void AuditLog::Flush(Deadline deadline) {
  // Held across I/O on purpose: flushes come one after another, and nobody else wants it.
  MutexLock lock(&flushing_);
  for (Stripe& stripe : stripes_) {
    Counts counts;
    {
      MutexLock stripe_lock(&stripe.mutex);
      counts.swap(stripe.counts);
    }
    for (const auto& [key, count] : counts) {
      pending_.push_back({RandomHex(16), absl::FromUnixSeconds(key.second), key.caller, key.project,
                          key.appid, key.kind, key.action, key.allowed, key.reason, count});
    }
  }
  if (spooled_ && spool_ != nullptr) {
    spooled_ = !spool_->MoveTo(store_, deadline).ok();
  }
  absl::Status written = absl::OkStatus();
  if (!pending_.empty()) {
    written = store_.Append(pending_, deadline);
    if (written.ok()) {
      metrics_.AuditWritten(BrokerMetrics::AuditResult::kOk, pending_.size());
    } else if (spool_ != nullptr && spool_->Append(pending_).ok()) {
      metrics_.AuditWritten(BrokerMetrics::AuditResult::kSpooled, pending_.size());
      spooled_ = true;
      written = absl::OkStatus();
    } else {
      metrics_.AuditWritten(BrokerMetrics::AuditResult::kError, pending_.size());
      LogError("audit rows can be written nowhere", {{"reason", GetReason(written)}});
    }
    if (written.ok()) pending_.clear();
  }
  // Without the limit, a long outage with `fail_open` would eat the memory.
  if (pending_.size() > kMostPending) pending_.resize(kMostPending);
  metrics_.AuditPending(pending_.size());
  accepting_.store(written.ok(), std::memory_order_relaxed);
}

}  // namespace datong::broker
