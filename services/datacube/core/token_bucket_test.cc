#include "services/datacube/core/token_bucket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datong::datacube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CallPacerTest, AnAppRestsAfterItsBurstAndOthersDoNot) {
  CallPacer pacer({.per_second = 100, .app_per_second = 1, .app_burst = 3});
  const absl::Time start = absl::FromUnixSeconds(1000);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(pacer.Resting(start), IsEmpty());
    pacer.Take("wx1", start);
  }
  pacer.Take("wx2", start);
  EXPECT_THAT(pacer.Resting(start), ElementsAre("wx1"));
  EXPECT_THAT(pacer.Resting(start + absl::Seconds(1)), IsEmpty());
}

TEST(CallPacerTest, AllAppsTogetherKeepTheOverallRate) {
  CallPacer pacer({.per_second = 2, .app_per_second = 100, .app_burst = 100});
  const absl::Time start = absl::FromUnixSeconds(1000);
  ASSERT_TRUE(pacer.Ready(start));
  pacer.Take("wx1", start);
  pacer.Take("wx2", start);
  EXPECT_FALSE(pacer.Ready(start));
  EXPECT_TRUE(pacer.Ready(start + absl::Milliseconds(500)));
}

}  // namespace
}  // namespace datong::datacube
