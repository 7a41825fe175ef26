#include "common/status/macros.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {

absl::StatusOr<RefreshStart> FakeStore::Begin(const Lease& lease, const RefreshAttempt& attempt,
                                              Deadline) {
  const auto& [appid, cause, held, now, serve_margin, least_between] = attempt;
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  DATONG_RETURN_IF_ERROR(CheckLease(lease));
  Health& health = health_[appid];
  RefreshStart start;
  const auto token = tokens_.find(appid);
  if (token != tokens_.end()) start.record = token->second;
  start.is_newer = IsNewer(attempt, start.record);
  if (start.is_newer) return start;
  if (health.held_until.has_value()) start.held_for = health.held_until->Remaining();
  start.held_reason = health.hold.reason;
  start.held_message = health.hold.message;
  start.failures = health.failures;
  start.was_cut_off = health.prepared.has_value() && *health.prepared < lease.epoch;
  if (!health.refused_since.has_value() || now < *health.refused_since ||
      now >= *health.refused_since + absl::Hours(1)) {
    health.refused_since = now;
    health.refused = 0;
  }
  start.refusals = health.refused;
  if (start.held_for > absl::ZeroDuration()) return start;
  if (cause != RefreshCause::kDue) {
    const absl::Duration since = now - health.replaced.value_or(absl::InfinitePast());
    if (since >= absl::ZeroDuration() && since < least_between) {
      start.too_often = least_between - since;
      return start;
    }
    health.replaced = now;
  }
  if (cause == RefreshCause::kRefusedByPlatform) start.refusals = ++health.refused;
  health.prepared = lease.epoch;
  return start;
}

absl::Status FakeStore::Hold(const Lease& lease, const std::string& appid, const RefreshHold& hold,
                             Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  DATONG_RETURN_IF_ERROR(CheckLease(lease));
  Health& health = health_[appid];
  health.hold = hold;
  health.held_until = Deadline::After(hold.delay);
  ++health.failures;
  if (hold.was_answered) health.prepared.reset();
  return absl::OkStatus();
}

absl::StatusOr<bool> FakeStore::TakeForce(const Lease& lease, const std::string& appid,
                                          absl::Time now, int64_t day, int most_a_day,
                                          absl::Duration least_between, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  DATONG_RETURN_IF_ERROR(CheckLease(lease));
  Health& health = health_[appid];
  const absl::Duration since = now - health.forced_at.value_or(absl::InfinitePast());
  if (health.forced_day == day && health.forced >= most_a_day) return false;
  if (since >= absl::ZeroDuration() && since < least_between) return false;
  if (health.forced_day != day) health.forced = 0;
  health.forced_day = day;
  health.forced_at = now;
  ++health.forced;
  return true;
}

void FakeStore::ForgetHold(const std::string& appid) {
  Health& health = health_[appid];
  health.held_until.reset();
  health.failures = 0;
}

}  // namespace datong::broker
