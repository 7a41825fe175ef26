#include "services/datacube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/testing/matchers.h"

namespace datong::datacube {
namespace {

TEST(ConfigTest, TheDefaultsAreThoseOfTheNight) {
  auto settings = config::Settings::Load({});
  ASSERT_OK(settings);
  const Config config = Config::FromSettings(*settings);
  EXPECT_OK(settings->Finish());
  EXPECT_EQ(config.sync.policy.night_start, absl::Hours(8) + absl::Minutes(10));
  EXPECT_EQ(config.sync.policy.backfill_days, 90);
}

TEST(ConfigTest, TheReadmeNamesEverySetting) {
  auto settings = config::Settings::Load({});
  ASSERT_OK(settings);
  Config::FromSettings(*settings);
  std::stringstream readme;
  readme << std::ifstream("README.md").rdbuf();
  // A line per key: "datacube.workers = 2".
  std::istringstream lines(settings->Print());
  int keys = 0;
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find(" = ");
    if (equals == std::string::npos) continue;
    ++keys;
    EXPECT_THAT(readme.str(),
                ::testing::HasSubstr(absl::StrCat("| `", line.substr(0, equals), "` |")));
  }
  EXPECT_EQ(keys, 14);
}

TEST(ConfigTest, ANightBeforeThePublishingTimeIsRefused) {
  config::Sources sources;
  sources.flags["datacube.night_start"] = "7h";
  auto settings = config::Settings::Load(sources);
  ASSERT_OK(settings);
  Config::FromSettings(*settings);
  EXPECT_THAT(settings->Finish(), IsError(absl::StatusCode::kInvalidArgument, "SETTINGS_INVALID"));
}

}  // namespace
}  // namespace datong::datacube
