#include "services/identity/core/memory_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "services/identity/core/linker.h"
#include "services/identity/testing/histories.h"

namespace datong::identity {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'774'000'000);  // late March 2026

HistoryStep StepOf(const ScenarioStep& step) {
  HistoryStep history;
  history.step = step;
  history.now = kNow;
  for (Evidence& record : history.step.evidence) Normalise(record);
  return history;
}

bool Forgets(const ScenarioStep& step) {
  return !step.erased.empty() ||
         std::any_of(step.decisions.begin(), step.decisions.end(), [](const Decision& decision) {
           return decision.kind == DecisionKind::kRevokePhone;
         });
}

TEST(MemoryGraphTest, EveryScenarioStepByStepGivesWhatIsExpected) {
  int count = 0;
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    MemoryGraph graph(1, scenario.policy);
    for (const ScenarioStep& step : scenario.steps) {
      Apply(StepOf(step), graph);
      ASSERT_EQ(PictureOf(graph), step.after) << scenario.name;
      ASSERT_TRUE(graph.IsWhole()) << scenario.name;
    }
    ++count;
  }
  EXPECT_EQ(count, 44);
}

TEST(MemoryGraphTest, NoOrderAndNoRepeatChangesTheResult) {
  std::mt19937 random(7);
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    if (!scenario.permutable) continue;
    std::vector<HistoryStep> steps;
    for (const ScenarioStep& step : scenario.steps) steps.push_back(StepOf(step));
    std::vector<size_t> order(steps.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto check = [&] {
      MemoryGraph graph(1, scenario.policy);
      for (const size_t i : order) {
        Apply(steps[i], graph);
        if (random() % 3 == 0) Apply(steps[order[random() % order.size()]], graph);
      }
      ASSERT_EQ(PictureOf(graph), scenario.expect) << scenario.name;
    };
    if (order.size() <= 6) {
      do {
        check();
      } while (std::next_permutation(order.begin(), order.end()));
    } else {
      for (int i = 0; i < 500; ++i) {
        std::shuffle(order.begin(), order.end(), random);
        check();
      }
    }
  }
}

// The proof of R3 and 3.1: after every step of 5,000 histories the engine that works out only what
// a step touches says what the function says of everything.
TEST(MemoryGraphTest, RandomHistoriesGiveWhatTheFunctionGivesAfterEveryStep) {
  for (unsigned seed = 0; seed < 5000; ++seed) {
    const std::vector<HistoryStep> history =
        RandomOperations(seed, 12 + static_cast<int>(seed % 12));
    MemoryGraph graph(1, FirstPolicy(seed));
    World world(FirstPolicy(seed));
    bool any_erased = false;
    for (size_t i = 0; i < history.size(); ++i) {
      Apply(history[i], graph);
      Apply(history[i], world);
      any_erased = any_erased || Forgets(history[i].step);
      const Picture expected = world.DrawAll();
      if (any_erased) {
        ASSERT_EQ(WithoutRecordLevel(PictureOf(graph)), WithoutRecordLevel(expected))
            << "seed " << seed << " step " << i;
      } else {
        ASSERT_EQ(PictureOf(graph), expected) << "seed " << seed << " step " << i;
      }
    }
    ASSERT_TRUE(graph.IsWhole()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace datong::identity
