#include "services/insight/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/testing/matchers.h"

namespace datong::insight {
namespace {

TEST(ConfigTest, TheReadmeNamesEverySettingWithItsDefault) {
  auto settings = config::Settings::Load({});
  ASSERT_OK(settings);
  EXPECT_EQ(Config::FromSettings(*settings).follow_interval, absl::Seconds(2));
  EXPECT_OK(settings->Finish());
  std::stringstream readme;
  readme << std::ifstream("README.md").rdbuf();
  EXPECT_THAT(readme.str(), ::testing::HasSubstr("| `insight.follow_interval` | `2s` |"));
}

TEST(ConfigTest, AnIntervalOutOfRangeIsRefused) {
  config::Sources sources;
  sources.flags["insight.follow_interval"] = "0s";
  auto settings = config::Settings::Load(sources);
  ASSERT_OK(settings);
  Config::FromSettings(*settings);
  EXPECT_THAT(settings->Finish(), IsError(absl::StatusCode::kInvalidArgument, "SETTINGS_INVALID"));
}

}  // namespace
}  // namespace datong::insight
