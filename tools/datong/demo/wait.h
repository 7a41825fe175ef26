#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/time/deadline.h"

namespace datong::demo {

// Asks again, fifty times a second, until it is so, for at most a minute of real time.
// Errors: DEADLINE_EXCEEDED, naming what did not come.
inline absl::Status WaitUntil(const std::string& what, const std::function<bool()>& is_so) {
  const Deadline deadline = Deadline::After(absl::Minutes(1));
  while (!is_so()) {
    if (deadline.Passed()) {
      return absl::DeadlineExceededError(absl::StrCat("Waited a minute in vain until ", what, "."));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::OkStatus();
}

}  // namespace datong::demo
