#include "services/broker/core/audit_log.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <thread>
#include <utility>

#include "common/base/strings.h"
#include "common/log/log.h"
#include "common/status/error.h"

namespace datong::broker {

namespace {

constexpr absl::Duration kLongestWrite = absl::Seconds(2);

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

AccessRow AuditLog::RowOf(const Access& access, absl::Time second) {
  const auto copy = [](absl::string_view text) { return std::string(text); };
  AccessRow row;
  row.id = RandomHex(16);
  row.second = second;
  row.caller = copy(access.caller);
  row.project = copy(access.project);
  row.appid = copy(access.appid);
  row.kind = access.kind;
  row.action = copy(access.action);
  row.allowed = access.allowed;
  row.reason = copy(access.reason);
  row.fingerprint = copy(access.fingerprint);
  row.request_id = copy(access.request_id);
  row.trace_id = copy(access.trace_id);
  row.peer = copy(access.peer);
  row.count = 1;
  return row;
}

AuditLog::Stripe& AuditLog::StripeOfThisThread() {
  thread_local const size_t index =
      std::hash<std::thread::id>()(std::this_thread::get_id()) % kStripes;
  return stripes_[index];
}

bool AuditLog::Count(const Access& access) {
  if (!accepting_.load(std::memory_order_relaxed) && !fail_open_) return false;
  const int64_t second = absl::ToUnixSeconds(clock_.Now());
  Stripe& stripe = StripeOfThisThread();
  if (!IsCounted(access)) {
    AccessRow row = RowOf(access, absl::FromUnixSeconds(second));
    MutexLock lock(&stripe.mutex);
    stripe.singles.push_back(std::move(row));
    return true;
  }
  const KeyTuple key{second,        access.caller,  access.project, access.appid,
                     access.action, access.allowed, access.reason,  access.fingerprint};
  MutexLock lock(&stripe.mutex);
  const auto found = stripe.counts.find(key);
  if (found != stripe.counts.end()) {
    ++found->second;
    return true;
  }
  stripe.counts.emplace(
      Key{second, std::string(access.caller), std::string(access.project),
          std::string(access.appid), access.kind, std::string(access.action), access.allowed,
          std::string(access.reason), std::string(access.fingerprint)},
      1);
  return true;
}

bool AuditLog::Record(const Access& access, Deadline deadline) {
  const absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now()));
  return Write({RowOf(access, second)}, deadline.AtMost(kLongestWrite)).ok() || fail_open_;
}

absl::Status AuditLog::Write(const std::vector<AccessRow>& rows, Deadline deadline) {
  const absl::Status stored = store_.Append(rows, deadline);
  if (stored.ok()) {
    metrics_.AuditWritten(BrokerMetrics::AuditResult::kOk, rows.size());
    return stored;
  }
  if (spool_ != nullptr && spool_->Append(rows).ok()) {
    metrics_.AuditWritten(BrokerMetrics::AuditResult::kSpooled, rows.size());
    spooled_.store(true);
    return absl::OkStatus();
  }
  metrics_.AuditWritten(BrokerMetrics::AuditResult::kError, rows.size());
  LogError("audit rows can be written nowhere", {{"reason", GetReason(stored)}});
  return stored;
}

void AuditLog::Flush(Deadline deadline) {
  // Held across I/O on purpose: flushes come one after another, and nobody else wants it.
  MutexLock lock(&flushing_);
  for (Stripe& stripe : stripes_) {
    Counts counts;
    std::vector<AccessRow> singles;
    {
      MutexLock stripe_lock(&stripe.mutex);
      counts.swap(stripe.counts);
      singles.swap(stripe.singles);
    }
    for (const auto& [key, count] : counts) {
      pending_.push_back(RowOf({.caller = key.caller,
                                .project = key.project,
                                .appid = key.appid,
                                .kind = key.kind,
                                .action = key.action,
                                .allowed = key.allowed,
                                .reason = key.reason,
                                .fingerprint = key.fingerprint},
                               absl::FromUnixSeconds(key.second)));
      pending_.back().count = count;
    }
    std::move(singles.begin(), singles.end(), std::back_inserter(pending_));
  }
  // What is spooled meanwhile sets it again.
  if (spool_ != nullptr && spooled_.exchange(false) && !spool_->MoveTo(store_, deadline).ok()) {
    spooled_.store(true);
  }
  absl::Status written = absl::OkStatus();
  if (!pending_.empty()) written = Write(pending_, deadline);
  if (written.ok()) pending_.clear();
  // Without the limit, a long outage with `fail_open` would eat the memory.
  if (pending_.size() > kMostPending) pending_.resize(kMostPending);
  metrics_.AuditPending(pending_.size());
  accepting_.store(written.ok(), std::memory_order_relaxed);
}

}  // namespace datong::broker
