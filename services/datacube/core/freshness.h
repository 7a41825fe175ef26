#pragma once

#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/datacube/core/accounts.h"
#include "services/datacube/core/types.h"

namespace datong::datacube {

// What is stored of one interface of one app, and what is planned.
struct ApiSnapshot {
  Account account;
  std::optional<Api> api;                        // empty for kinds of app without statistics
  ApiCondition condition = ApiCondition::kFine;  // of the interface
  std::string reason;
  ApiCondition waiting_for = ApiCondition::kFine;  // of the pieces that wait
  std::string waiting_reason;
  int64_t open_pieces = 0;
  std::optional<absl::Time> next_piece_time;
  std::optional<absl::CivilDay> newest_day;
  int64_t days_known = 0;  // of the days from wanted_begin to the newest published one
  std::optional<absl::Time> last_success_time;
  std::optional<absl::Time> roster_complete_time;
  int64_t followers = 0;
};

enum class FreshnessState {
  kComplete,
  kSyncing,
  kNotReady,
  kQuotaUsedUp,
  kRefused,
  kUnreachable,
  kDisconnected,
  kNotOffered,
  kIncomplete,
};

struct Freshness {
  FreshnessState state = FreshnessState::kNotOffered;
  std::string reason;
  std::optional<absl::CivilDay> due_day;
  int64_t days_missing = 0;
  std::optional<absl::Time> next_due_time;
};

Freshness JudgeFreshness(const ApiSnapshot& snapshot, absl::Time now);

}  // namespace datong::datacube
