#pragma once

#include <cstdint>
#include <vector>

namespace datong::insight {

inline constexpr int kMostFunnelSteps = 20;

// An event that fulfils steps of a funnel.
struct StepEvent {
  int64_t person = 0;
  int64_t time_us = 0;
  uint32_t steps = 0;  // a bit for each step; that of the first only within the entry range
};

// For each step the persons who came at least there, in order, within `window_us` (inclusive) of
// the attempt's first step, other events in between or not. A person's level is the best over all
// attempts, as ClickHouse's windowFunnel has it. An event stands for one step of an attempt; events
// of one instant may follow each other, taken by their first step.
std::vector<int64_t> CountFunnel(std::vector<StepEvent> events, int step_count, int64_t window_us);

}  // namespace datong::insight
