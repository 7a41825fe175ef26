#include "common/exec/single_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"

namespace datong {
namespace {

TEST(SingleFlightTest, OverlappingCallsShareOneRun) {
  SingleFlight<std::string, int> flights;
  std::atomic<int> runs = 0;
  absl::Notification started;
  absl::Notification release;
  std::thread leader([&] {
    EXPECT_EQ(*flights.Do("key", Deadline::After(absl::Minutes(1)),
                          [&]() -> absl::StatusOr<int> {
                            started.Notify();
                            release.WaitForNotification();
                            return ++runs;
                          }),
              1);
  });
  started.WaitForNotification();
  // A follower that gives up at once proves that it waited for the leader's run.
  const auto impatient = flights.Do("key", Deadline::After(absl::ZeroDuration()),
                                    [&]() -> absl::StatusOr<int> { return ++runs; });
  EXPECT_TRUE(absl::IsDeadlineExceeded(impatient.status()));
  release.Notify();
  leader.join();
  EXPECT_EQ(runs, 1);
}

TEST(SingleFlightTest, ALaterCallRunsAnewAfterAFailure) {
  SingleFlight<std::string, int> flights;
  const Deadline deadline = Deadline::After(absl::Minutes(1));
  EXPECT_FALSE(flights
                   .Do("key", deadline,
                       []() -> absl::StatusOr<int> { return absl::UnavailableError("down"); })
                   .ok());
  EXPECT_EQ(*flights.Do("key", deadline, []() -> absl::StatusOr<int> { return 7; }), 7);
}

}  // namespace
}  // namespace datong
