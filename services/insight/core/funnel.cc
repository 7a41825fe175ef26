#include "services/insight/core/funnel.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <tuple>

namespace datong::insight {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

bool Before(const StepEvent& a, const StepEvent& b) {
  const auto key = [](const StepEvent& event) {
    return std::tuple(event.person, event.time_us, std::countr_zero(event.steps),
                      std::bit_width(event.steps), event.steps);
  };
  return key(a) < key(b);
}

}  // namespace

std::vector<int64_t> CountFunnel(std::vector<StepEvent> events, int step_count, int64_t window_us) {
  const size_t steps = static_cast<size_t>(step_count);
  std::erase_if(events, [](const StepEvent& event) { return event.steps == 0; });
  std::sort(events.begin(), events.end(), Before);
  std::vector<int64_t> reached(steps, 0);
  // For each step the latest beginning of an attempt that came there: it leaves the most time for
  // what follows, so that one pass finds the best of all attempts.
  std::vector<int64_t> attempt(steps, kNever);
  for (size_t i = 0; i < events.size();) {
    const int64_t person = events[i].person;
    std::fill(attempt.begin(), attempt.end(), kNever);
    size_t level = 0;
    for (; i < events.size() && events[i].person == person; ++i) {
      const StepEvent& event = events[i];
      // From the last step down, so that the event cannot follow itself.
      for (size_t step = steps; step-- > 0;) {
        if ((event.steps >> step & 1) == 0) continue;
        if (step == 0) {
          attempt[0] = event.time_us;
        } else if (attempt[step - 1] != kNever && event.time_us - attempt[step - 1] <= window_us) {
          attempt[step] = std::max(attempt[step], attempt[step - 1]);
        } else {
          continue;
        }
        level = std::max(level, step + 1);
      }
    }
    for (size_t step = 0; step < level; ++step) ++reached[step];
  }
  return reached;
}

}  // namespace datong::insight
