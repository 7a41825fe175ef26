#include "services/broker/config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/testing/matchers.h"

namespace datong::broker {
namespace {

TEST(ConfigTest, DefaultsAreWithoutFaultAndTheReadmeNamesEverySetting) {
  absl::StatusOr<config::Settings> settings = config::Settings::Load({});
  ASSERT_OK(settings);
  Config::FromSettings(*settings);
  EXPECT_OK(settings->Finish());
  std::stringstream readme;
  readme << std::ifstream("README.md").rdbuf();
  for (const absl::string_view line : absl::StrSplit(settings->Print(), '\n')) {
    const std::string key(line.substr(0, line.find(' ')));
    if (key.empty() || key[0] == '[' || key[0] == '#') continue;
    const std::string full = key.find('.') == std::string::npos ? "broker." + key : key;
    EXPECT_THAT(readme.str(), ::testing::HasSubstr(absl::StrCat("`", full, "`")));
  }
}

TEST(ConfigTest, ABackoffThatShrinksIsAFault) {
  config::Sources sources;
  sources.flags = {{"broker.backoff_first", "30s"}, {"broker.backoff_longest", "10s"}};
  absl::StatusOr<config::Settings> settings = config::Settings::Load(sources);
  ASSERT_OK(settings);
  Config::FromSettings(*settings);
  EXPECT_THAT(settings->Finish(), IsError(absl::StatusCode::kInvalidArgument, "SETTINGS_INVALID"));
}

}  // namespace
}  // namespace datong::broker
