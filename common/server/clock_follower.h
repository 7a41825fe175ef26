#pragma once

#include <optional>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/http/client.h"
#include "common/time/clock.h"

namespace datong::server {

// Development only: keeps a clock at the offset that the simulator's GET <url>/admin/clock tells,
// from the constructor on where the simulator answers. It tells the simulator in turn which offset
// it has, so that whoever moves the time there knows when it is the same here.
class ClockFollower {
 public:
  ClockFollower(const std::string& url, SystemClock& clock);
  ~ClockFollower();

 private:
  void Run();
  bool Follow();

  const std::string url_;
  const std::string name_;
  SystemClock& clock_;
  http::Client client_;
  std::optional<int64_t> offset_ms_;  // none before the first answer
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace datong::server
