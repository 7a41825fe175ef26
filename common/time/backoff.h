#pragma once

#include "absl/random/bit_gen_ref.h"
#include "absl/time/time.h"

namespace datong {

// How long to wait before the next try: doubling from `first` to `longest`, each time a random part
// between half and the whole of it. Not thread-safe.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration longest) : first_(first), longest_(longest) {}

  absl::Duration Next(absl::BitGenRef random);
  void Reset() { failures_ = 0; }
  // As if so many had failed in a row.
  void SetFailures(int failures) { failures_ = failures; }
  int failures() const { return failures_; }

 private:
  absl::Duration first_;
  absl::Duration longest_;
  int failures_ = 0;
};

}  // namespace datong
