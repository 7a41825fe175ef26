#include "services/broker/core/push_sightings.h"

#include <utility>
#include <vector>

#include "common/status/error.h"

namespace datong::broker {

void PushSightings::Accepted(const std::string& appid) {
  MutexLock lock(&mutex_);
  PushSighting& seen = seen_[appid];
  seen.appid = appid;
  seen.accepted = clock_.Now();
}

void PushSightings::Refused(const std::string& appid, absl::string_view reason) {
  MutexLock lock(&mutex_);
  PushSighting& seen = seen_[appid];
  seen.appid = appid;
  seen.refused = clock_.Now();
  seen.refused_reason = std::string(reason);
}

void PushSightings::Note(const std::string& appid, bool is_push, const absl::Status& outcome) {
  if (outcome.ok()) {
    if (is_push) Accepted(appid);
    return;
  }
  // Refused for what it was, after its app was found: nobody fills memory with made-up appids.
  const std::string reason = GetReason(outcome);
  if (reason == "SIGNATURE_INVALID" || reason == "PUSH_STALE" || reason == "PUSH_MALFORMED" ||
      reason == "CALLBACK_NOT_CONFIGURED") {
    Refused(appid, reason);
  }
}

absl::Status PushSightings::Flush(Deadline deadline) {
  std::map<std::string, PushSighting> seen;
  {
    MutexLock lock(&mutex_);
    seen.swap(seen_);
  }
  if (seen.empty()) return absl::OkStatus();
  std::vector<PushSighting> sightings;
  for (const auto& [appid, sighting] : seen) sightings.push_back(sighting);
  const absl::Status saved = store_.SavePushSightings(sightings, deadline);
  if (saved.ok()) return saved;
  MutexLock lock(&mutex_);
  // What came meanwhile is newer.
  for (PushSighting& sighting : sightings) {
    PushSighting& held = seen_[sighting.appid];
    held.appid = sighting.appid;
    if (!held.accepted.has_value()) held.accepted = sighting.accepted;
    if (!held.refused.has_value()) {
      held.refused = sighting.refused;
      held.refused_reason = std::move(sighting.refused_reason);
    }
  }
  return saved;
}

}  // namespace datong::broker
