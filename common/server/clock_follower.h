#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/http/client.h"
#include "common/time/clock.h"

namespace datong::server {

// Development only: keeps a clock at the offset that the simulator's GET <url>/admin/clock tells,
// from the constructor on where the simulator answers.
class ClockFollower {
 public:
  ClockFollower(std::string url, SystemClock& clock,
                absl::Duration interval = absl::Milliseconds(200));
  ~ClockFollower();

 private:
  void Run();
  bool Follow();

  const std::string url_;
  SystemClock& clock_;
  const absl::Duration interval_;
  http::Client client_;
  const bool follows_;  // at first
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace datong::server
