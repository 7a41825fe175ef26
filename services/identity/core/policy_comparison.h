#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "services/identity/core/evidence.h"
#include "services/identity/core/link_plan.h"
#include "services/identity/core/policy_store.h"

namespace datong::identity {

// What another policy would make of a raw component.
struct PolicyComparison {
  using Group = std::vector<std::string>;  // the identifiers of a person, sorted
  struct Regrouping {
    std::vector<Group> before;
    std::vector<Group> after;
  };
  std::vector<Regrouping> regroupings;
  int64_t merged = 0;                              // persons that would be merged into others
  int64_t split = 0;                               // persons that would be split off others
  std::map<std::string, int64_t> refusals_opened;  // by reason
  std::map<std::string, int64_t> refusals_closed;
  bool frozen = false;  // above the caps of the policy that holds: not compared
};

// Raw components that are one by a policy that frees identifiers which they share.
struct JoinedComponents {
  std::vector<int64_t> components;
  int64_t ids = 0;
};
// Groups of two or more. Pure.
std::vector<JoinedComponents> JoinByFreed(const std::vector<FaultyUse>& uses);

// Pure.
PolicyComparison ComparePolicies(const GraphState& component, const Policy& current,
                                 const Policy& proposed);

}  // namespace datong::identity
