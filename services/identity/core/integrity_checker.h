#pragma once

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/clock.h"
#include "services/identity/core/metrics.h"
#include "services/identity/core/policy_store.h"

namespace datong::identity {

// Works out all persons anew from all evidence and compares them with those that are kept (R3.8).
// Reads only. Thread-safe; blocks on the database. What it is given must outlive it.
class IntegrityChecker {
 public:
  IntegrityChecker(PolicyStore& store, const Clock& clock, Metrics& metrics)
      : store_(store), clock_(clock), metrics_(metrics) {}

  // Compares every project of which no round began within the interval. Errors: those of the store.
  absl::Status CheckAll(absl::Duration interval);
  // One project. A round that a change of the policy came into the way of gives up, with nothing
  // recorded: what is kept is on its way to it.
  absl::StatusOr<IntegrityRound> Check(const Project& project);
  // Ends a check that is under way soon.
  void Stop() { stopping_ = true; }

 private:
  PolicyStore& store_;
  const Clock& clock_;
  Metrics& metrics_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace datong::identity
