#include "tools/wechat_sim/clock_followers.h"

#include <algorithm>

namespace datong::wechat_sim {
namespace {

// Short, so that a follower that ends need not wait long for its last answer.
constexpr absl::Duration kLongestAnswer = absl::Milliseconds(200);
constexpr absl::Duration kGoneAfter = absl::Seconds(3);
constexpr absl::Duration kLookEvery = absl::Milliseconds(100);

}  // namespace

void ClockFollowers::Join(const std::string& follower) {
  MutexLock lock(&mutex_);
  followers_.insert_or_assign(follower,
                              Follower{-absl::InfiniteDuration(), Deadline::After(kGoneAfter)});
}

void ClockFollowers::AwaitMove(const std::string& follower, absl::Duration has) {
  MutexLock lock(&mutex_);
  followers_.insert_or_assign(follower, Follower{has, Deadline::After(kGoneAfter)});
  const auto has_moved = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || offset_ != has;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&has_moved), kLongestAnswer);
}

void ClockFollowers::Move(absl::Duration offset) {
  MutexLock lock(&mutex_);
  offset_ = offset;
}

void ClockFollowers::AwaitAll() {
  MutexLock lock(&mutex_);
  const auto all_follow = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || std::all_of(followers_.begin(), followers_.end(),
                                   [this](const auto& one) { return one.second.has == offset_; });
  };
  do {
    std::erase_if(followers_, [](const auto& one) { return one.second.gone.Passed(); });
  } while (!mutex_.AwaitWithTimeout(absl::Condition(&all_follow), kLookEvery));
}

void ClockFollowers::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
}

}  // namespace datong::wechat_sim
