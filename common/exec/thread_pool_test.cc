#include "common/exec/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"

namespace datong {
namespace {

TEST(ThreadPoolTest, RunsAllThatWasQueuedBeforeItDrains) {
  std::atomic<int> done = 0;
  ThreadPool pool(2, 100);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.TrySchedule([&] { ++done; }));
  pool.Drain();
  EXPECT_EQ(done, 100);
}

TEST(ThreadPoolTest, RefusesAtOnceWhenTheQueueIsFull) {
  absl::Notification started;
  absl::Notification release;
  ThreadPool pool(1, 1);
  ASSERT_TRUE(pool.TrySchedule([&] {
    started.Notify();
    release.WaitForNotification();
  }));
  started.WaitForNotification();
  EXPECT_TRUE(pool.TrySchedule([] {}));
  EXPECT_FALSE(pool.TrySchedule([] {}));
  release.Notify();
}

TEST(ThreadPoolTest, TakesNothingAfterDrain) {
  ThreadPool pool(1, 1);
  pool.Drain();
  EXPECT_FALSE(pool.TrySchedule([] {}));
}

}  // namespace
}  // namespace datong
