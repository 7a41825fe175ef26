#include "common/time/backoff.h"

#include <gtest/gtest.h>

#include <random>

namespace datong {
namespace {

TEST(BackoffTest, DoublesUpToTheLongestWithJitter) {
  std::mt19937 random(1);
  Backoff backoff(absl::Seconds(1), absl::Seconds(4));
  for (const int whole : {1, 2, 4, 4, 4}) {
    const absl::Duration wait = backoff.Next(random);
    EXPECT_GE(wait, absl::Seconds(whole) / 2);
    EXPECT_LE(wait, absl::Seconds(whole));
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(random), absl::Seconds(1));
}

TEST(BackoffTest, StaysAtTheLongestAfterAThousandFailures) {
  std::mt19937 random(1);
  Backoff backoff(absl::Milliseconds(1), absl::Minutes(1));
  for (int i = 0; i < 1000; ++i) EXPECT_LE(backoff.Next(random), absl::Minutes(1));
}

}  // namespace
}  // namespace datong
