#include "common/metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datong::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RegistryTest, ASeriesIsThereFromZeroAndAskingTwiceGivesTheSame) {
  Registry registry;
  Counter& first = registry.AddCounter("datong_x_total", "X.", {{"result", "ok"}});
  EXPECT_THAT(registry.Serialize(), HasSubstr("datong_x_total{result=\"ok\"} 0"));
  registry.AddCounter("datong_x_total", "X.", {{"result", "ok"}}).Increment();
  EXPECT_EQ(first.Value(), 1);
}

TEST(RegistryTest, ARemovedGaugeIsGone) {
  Registry registry;
  registry.AddGauge("datong_g", "G.", {{"app", "wx1"}}).Set(5);
  registry.RemoveGauge("datong_g", {{"app", "wx1"}});
  EXPECT_THAT(registry.Serialize(), Not(HasSubstr("wx1")));
}

TEST(ProcessMetricsTest, ReportsThisProcess) {
  Registry registry;
  ProcessMetrics process(registry);
  EXPECT_THAT(registry.Serialize(), HasSubstr("process_open_fds"));
  EXPECT_GT(registry.AddGauge("process_resident_memory_bytes", "Memory in RAM.").Value(), 0);
}

}  // namespace
}  // namespace datong::metrics
