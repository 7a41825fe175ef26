#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/identity/core/memory_graph.h"
#include "services/identity/testing/scenarios.h"

namespace datong::identity {

// One operation of a random history.
struct HistoryStep {
  ScenarioStep step;  // evidence, decisions, an erasure
  absl::Time now;
  struct Bound {
    std::string appid;
    std::string account;
    absl::Time from;
  };
  std::optional<Bound> bound;
  std::optional<Policy> policy;
};

// A random history with every operation: evidence (late, snapshots, shared devices, claims,
// migrations), both ways of unlinking, rebinding, withdrawn phones, changes of policy, and either
// erasures or apps that move between accounts. Decisions are made at their time. The same seed
// gives the same history.
std::vector<HistoryStep> RandomOperations(unsigned seed, int count);
// The policy that it begins with.
Policy FirstPolicy(unsigned seed);

void Apply(const HistoryStep& step, World& world);
void Apply(const HistoryStep& step, MemoryGraph& graph);

Picture PictureOf(const MemoryGraph& graph);
// Without what is wrong with records alone: of that the engines keep more than they have to after
// an erasure.
Picture WithoutRecordLevel(Picture picture);

}  // namespace datong::identity
