#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/identity/core/evidence.h"
#include "services/identity/core/link_plan.h"

namespace datong::identity {

// What an erasure takes out of some raw components.
struct TakenAway {
  std::set<std::string> ids;      // asked for
  std::set<std::string> gone;     // that nothing shows any more, also others
  std::vector<int64_t> persons;   // that nothing is left of
  std::vector<int64_t> unlinked;  // nodes that left persons that stay
};

// Takes what was observed about the identifiers up to then out of the state, which holds their
// whole raw components (R6.1). What was observed since starts as somebody new. Pure.
TakenAway TakeAway(const std::set<std::string>& ids, absl::Time at, const Policy& policy,
                   GraphState& state);

}  // namespace datong::identity
