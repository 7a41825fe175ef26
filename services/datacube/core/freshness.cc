#include "services/datacube/core/freshness.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/time/shanghai.h"
#include "services/datacube/core/planner.h"

namespace datong::datacube {
namespace {

// A follower list older than this is no longer complete: a night and a day went by without one.
constexpr absl::Duration kRosterAge = absl::Hours(48);

bool IsComplete(const ApiSnapshot& snapshot, const Freshness& freshness, absl::Time now) {
  if (snapshot.api == Api::kRoster) {
    return snapshot.roster_complete_time.has_value() &&
           now - *snapshot.roster_complete_time < kRosterAge;
  }
  return freshness.days_missing == 0;
}

FreshnessState StateOfWork(ApiCondition waiting_for) {
  switch (waiting_for) {
    case ApiCondition::kQuota:
      return FreshnessState::kQuotaUsedUp;
    case ApiCondition::kUnreachable:
      return FreshnessState::kUnreachable;
    case ApiCondition::kNotReady:
      return FreshnessState::kNotReady;
    case ApiCondition::kFine:
    case ApiCondition::kRefused:
      break;
  }
  return FreshnessState::kSyncing;
}

}  // namespace

Freshness JudgeFreshness(const ApiSnapshot& snapshot, absl::Time now) {
  Freshness freshness;
  const Account& account = snapshot.account;
  if (!snapshot.api.has_value()) {
    freshness.state = FreshnessState::kNotOffered;
    freshness.reason = account.kind.empty()
                           ? "The kind of this account is not known yet."
                           : absl::StrCat("No statistics for apps of the kind ", account.kind,
                                          " yet; only official accounts have them.");
    if (account.kind == "mini_program") freshness.reason = "No statistics for mini programs yet.";
    return freshness;
  }
  if (*snapshot.api != Api::kRoster) {
    const absl::CivilDay due = NewestPublishedDay(now);
    freshness.due_day = due;
    freshness.days_missing =
        std::max<int64_t>(0, due - account.wanted_begin + 1 - snapshot.days_known);
  }
  if (!account.connected) {
    freshness.state = FreshnessState::kDisconnected;
    freshness.reason = account.detail.empty()
                           ? "The account has withdrawn its authorisation; connect it again."
                           : account.detail;
    return freshness;
  }
  freshness.next_due_time = account.next_night;
  if (snapshot.next_piece_time.has_value()) {
    freshness.next_due_time = std::min(account.next_night, *snapshot.next_piece_time);
  }
  if (snapshot.condition == ApiCondition::kRefused) {
    freshness.state = FreshnessState::kRefused;
    freshness.reason = snapshot.reason;
  } else if (IsComplete(snapshot, freshness, now)) {
    freshness.state = FreshnessState::kComplete;
  } else if (snapshot.open_pieces > 0) {
    freshness.state = StateOfWork(snapshot.waiting_for);
    freshness.reason = snapshot.waiting_reason;
  } else if (snapshot.condition == ApiCondition::kFine && freshness.days_missing == 1 &&
             ShanghaiDay(account.next_night) == ShanghaiDay(now)) {
    freshness.state = FreshnessState::kSyncing;
    freshness.reason = "Yesterday's figures are asked for this morning.";
  } else {
    freshness.state = FreshnessState::kIncomplete;
    freshness.reason = snapshot.reason.empty()
                           ? "Days are missing that the platform did not give; the next night asks "
                             "for them again."
                           : snapshot.reason;
  }
  return freshness;
}

}  // namespace datong::datacube
