#include "common/metrics/feed_lag.h"

#include <gtest/gtest.h>

namespace datong::metrics {
namespace {

class FeedLagTest : public ::testing::Test {
 protected:
  static absl::Time At(int seconds) { return absl::FromUnixSeconds(1'000'000 + seconds); }
  double shown() {
    return registry_.AddGauge("datong_feed_lag_seconds", "", {{"feed", "persons"}}).Value();
  }

  Registry registry_;
  FeedLag lag_{registry_, "persons"};
};

TEST_F(FeedLagTest, IsThatOfTheProjectFurthestBehind) {
  EXPECT_EQ(shown(), 0);
  lag_.Behind("a", At(10), At(100));
  lag_.AtEnd("b", At(100));
  EXPECT_EQ(shown(), 90);
  lag_.AtEnd("a", At(101));
  EXPECT_EQ(shown(), 0);
}

TEST_F(FeedLagTest, GrowsWhileAFeedCannotBeRead) {
  lag_.AtEnd("a", At(0));
  lag_.AtEnd("b", At(50));
  lag_.NotRead("a", At(60));
  lag_.AtEnd("b", At(60));
  EXPECT_EQ(shown(), 60);
  lag_.NotRead("a", At(70));
  EXPECT_EQ(shown(), 70);
  lag_.AtEnd("a", At(80));
  EXPECT_EQ(shown(), 0);
}

}  // namespace
}  // namespace datong::metrics
