#include "common/time/backoff.h"

#include <algorithm>

#include "absl/random/distributions.h"

namespace datong {

absl::Duration Backoff::Next(absl::BitGenRef random) {
  const absl::Duration whole = std::min(longest_, first_ * (int64_t{1} << std::min(failures_, 30)));
  ++failures_;
  return whole * absl::Uniform(absl::IntervalClosed, random, 0.5, 1.0);
}

}  // namespace datong
