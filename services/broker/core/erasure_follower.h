#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/login_store.h"
#include "services/broker/core/person_peer.h"

namespace datong::broker {

// Follows identity's feed of every project, so that session keys and tokens of users who were
// erased are deleted, and the rest is known under the person it belongs to now. Replicas may run it
// at the same time. Run is called by one thread of a process.
class ErasureFollower {
 public:
  ErasureFollower(AppStore& apps, LoginStore& store, PersonPeer& persons)
      : apps_(apps), store_(store), persons_(persons) {}

  // Reads each project's feed to its end. Goes on with the other projects where one fails, and
  // answers the last failure.
  absl::Status Run(Deadline deadline);
  // Evidence came to identity late: the row that was kept without a person gets it. A job of kind
  // kEvidence.
  absl::Status OnEvidence(const Job& job, Deadline deadline);

 private:
  absl::Status Follow(const std::string& project, Deadline deadline);

  AppStore& apps_;
  LoginStore& store_;
  PersonPeer& persons_;
};

}  // namespace datong::broker
