#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/datacube/core/platform.h"
#include "services/datacube/core/store.h"

namespace datong::datacube {

// Obeys erasures: follows identity's feed of them, takes erased followers out of the rosters, and
// keeps them out of what the platform goes on to list, until identity knows the person again. Any
// number of processes may do it at once. Thread-safe; blocks on store and identity.
class Erasures {
 public:
  // All must outlive it.
  Erasures(Store& store, AccountFeed& accounts, ErasureFeed& feed, absl::Duration call_timeout)
      : store_(store), accounts_(accounts), feed_(feed), call_timeout_(call_timeout) {}

  // Reads the feed of every project to its end.
  absl::Status Follow();
  // The openids without those that are kept out. In doubt they are.
  absl::StatusOr<std::vector<std::string>> Admit(const AppKey& app,
                                                 std::vector<std::string> openids);

 private:
  absl::Status FollowProject(const std::string& project);

  Store& store_;
  AccountFeed& accounts_;
  ErasureFeed& feed_;
  const absl::Duration call_timeout_;
};

}  // namespace datong::datacube
