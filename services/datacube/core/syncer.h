#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "services/datacube/core/erasures.h"
#include "services/datacube/core/metrics.h"
#include "services/datacube/core/platform.h"
#include "services/datacube/core/store.h"
#include "services/datacube/core/token_bucket.h"

namespace datong::datacube {

// Fetches rosters and statistics: follows the account feed, begins the nights, works on what is
// due. All state is in the store, so that any number of processes may do this at once and any of
// them may die at any instant. Thread-safe; blocks on store, platform and identity.
class Syncer {
 public:
  struct Options {
    SyncPolicy policy;
    CallPacer::Rates rates;
    int calls_in_flight_per_app = 1;
    absl::Duration call_timeout = absl::Seconds(30);
  };
  // All must outlive it. Call rates are of the real world: they do not follow `clock`.
  Syncer(Options options, Store& store, Platform& platform, AccountFeed& feed, EvidenceSink& sink,
         Erasures& erasures, Metrics& metrics, const Clock& clock);

  // Reads the feed of every project to its end.
  absl::Status FollowAccounts();
  // Begins the night of every account whose time has come.
  absl::Status StartNights();
  // Works on pieces until none is due or no call may be made; answers how many it did.
  absl::StatusOr<int> Work();
  absl::Status UpdateGauges();
  // Ends Work() after the present piece.
  void Stop() { stopping_ = true; }

 private:
  absl::Status FollowProject(const std::string& project);
  ClaimLimits Limits();
  Outcome Perform(const Piece& piece);
  absl::StatusOr<std::string> CallPlatform(const Piece& piece);

  const Options options_;
  Store& store_;
  Platform& platform_;
  AccountFeed& feed_;
  EvidenceSink& sink_;
  Erasures& erasures_;
  Metrics& metrics_;
  const Clock& clock_;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  CallPacer pacer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::datacube
