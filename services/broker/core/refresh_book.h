#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"
#include "services/broker/core/token_store.h"

namespace datong::broker {

// Why a token is fetched.
enum class RefreshCause {
  kDue,                // its end comes near, or there is none
  kReportedByCaller,   // somebody says that the platform refused it
  kRefusedByPlatform,  // the platform refused it to ourselves
};

struct RefreshAttempt {
  std::string appid;
  RefreshCause cause = RefreshCause::kDue;
  int64_t held = 0;  // generation of the token that is to be replaced
  absl::Time now;
  absl::Duration serve_margin;
  absl::Duration least_between;  // replacements of refused tokens
};

struct RefreshStart {
  std::optional<TokenRecord> record;
  // Another replica stored a newer one that may be served: no attempt was noted.
  bool is_newer = false;
  // How long the platform is to be left alone still, after what the last attempt, on whatever
  // replica, was told.
  absl::Duration held_for;
  std::string held_reason;  // of the error that callers get meanwhile
  std::string held_message;
  int failures = 0;  // in a row
  // A refused token was replaced less than `least_between` ago: no attempt was noted.
  std::optional<absl::Duration> too_often;
  // An earlier attempt began and neither its token nor its failure was stored: whoever made it died
  // between, and the platform's answer may be lost.
  bool was_cut_off = false;
  // Tokens of ours that the platform refused before their end, within the last hour.
  int refusals = 0;
};

struct RefreshHold {
  absl::Duration delay;
  std::string reason;
  std::string message;
  // Whether the platform answered; without an answer nobody knows what it did.
  bool was_answered = true;
};

// What replicas must know of each other's refreshes: attempts under way, failures, and how often
// tokens were replaced by force. Holds last by the database's clock, limits by the business clock.
// Thread-safe; every call is one transaction. Errors of all: ABORTED/LEASE_LOST, those of
// postgres::Pool.
class RefreshBook {
 public:
  static bool IsNewer(const RefreshAttempt& attempt, const std::optional<TokenRecord>& record) {
    return record.has_value() && record->generation > attempt.held &&
           !record->access_token.empty() && attempt.now < record->expires - attempt.serve_margin;
  }

  virtual ~RefreshBook() = default;

  // Notes, before the platform is asked, that it will be, and answers what is known.
  // Saving a token ends the attempt and forgets the failures.
  virtual absl::StatusOr<RefreshStart> Begin(const Lease& lease, const RefreshAttempt& attempt,
                                             Deadline deadline) = 0;
  // The attempt failed: nobody asks for a while.
  virtual absl::Status Hold(const Lease& lease, const std::string& appid, const RefreshHold& hold,
                            Deadline deadline) = 0;
  // Takes one of the forced refreshes of that day; false when there is none left, or the last one
  // is less than `least_between` ago.
  virtual absl::StatusOr<bool> TakeForce(const Lease& lease, const std::string& appid,
                                         absl::Time now, int64_t day, int most_a_day,
                                         absl::Duration least_between, Deadline deadline) = 0;
};

}  // namespace datong::broker
