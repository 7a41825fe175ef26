#include "common/exec/periodic_task.h"

#include <gtest/gtest.h>

#include <thread>

#include "common/testing/fake_clock.h"

namespace datong {
namespace {

class PeriodicTaskTest : public ::testing::Test {
 protected:
  // Blocks until the task has run `count` times.
  void AwaitRuns(int count) {
    MutexLock lock(&mutex_);
    const auto reached = [&] { return runs_ >= count; };
    mutex_.Await(absl::Condition(&reached));
  }
  std::function<void()> Work() {
    return [this] {
      MutexLock lock(&mutex_);
      ++runs_;
    };
  }
  int runs() {
    MutexLock lock(&mutex_);
    return runs_;
  }
  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Mutex mutex_;
  int runs_ = 0;
};

TEST_F(PeriodicTaskTest, RunsAtOnceAndAgainWhenTheClockHasMoved) {
  PeriodicTask task(clock_, absl::Hours(1), Work());
  AwaitRuns(1);
  // The next run is set after the first has ended, so the clock moves until it is seen.
  while (runs() < 2) {
    clock_.Advance(absl::Minutes(61));
    std::this_thread::yield();
  }
}

TEST_F(PeriodicTaskTest, WakeRunsItWithoutWaiting) {
  PeriodicTask task(clock_, absl::Hours(1), Work());
  AwaitRuns(1);
  task.Wake();
  AwaitRuns(2);
}

TEST_F(PeriodicTaskTest, AClockThatIsSetBackDoesNotHoldIt) {
  PeriodicTask task(clock_, absl::Hours(1), Work());
  AwaitRuns(1);
  while (runs() < 2) {
    clock_.Advance(-absl::Minutes(10));
    std::this_thread::yield();
  }
}

TEST_F(PeriodicTaskTest, DoesNotRunAfterStop) {
  PeriodicTask task(clock_, absl::Seconds(1), Work());
  AwaitRuns(1);
  task.Stop();
  const int runs_at_stop = runs();
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(runs(), runs_at_stop);
}

}  // namespace
}  // namespace datong
