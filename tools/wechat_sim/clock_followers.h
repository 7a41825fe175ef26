#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/time/deadline.h"

namespace datong::wechat_sim {

// Who follows the simulator's clock over HTTP, and which offset to the real time each of them has.
// Thread-safe.
class ClockFollowers {
 public:
  // `follower` is about to follow, and has no offset yet.
  void Join(const std::string& follower);
  // `follower` has this offset. Returns when the clock has another one, or soon without.
  void AwaitMove(const std::string& follower, absl::Duration has);
  // From now on the clock has this offset.
  void Move(absl::Duration offset);
  // Returns when all who follow have the clock's offset. One that has not asked for seconds is
  // gone, and waited for no more.
  void AwaitAll();
  // Ends all waiting.
  void Stop();

 private:
  struct Follower {
    absl::Duration has;
    Deadline gone;
  };
  Mutex mutex_;
  absl::Duration offset_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Follower> followers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::wechat_sim
