#include "services/identity/config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "common/testing/matchers.h"

namespace datong::identity {
namespace {

TEST(ConfigTest, TheReadmeNamesEverySettingWithItsDefault) {
  absl::StatusOr<config::Settings> settings = config::Settings::Load({});
  ASSERT_OK(settings);
  const Config config = Config::FromSettings(*settings);
  EXPECT_OK(settings->Finish());
  EXPECT_FALSE(config.policy.form_checks);
  EXPECT_EQ(config.known_evidence_entries, 500'000U);
  EXPECT_EQ(config.policy.incident_conflicts, 3);
  EXPECT_EQ(config.check_interval, absl::Hours(24));
  std::stringstream readme;
  readme << std::ifstream("README.md").rdbuf();
  EXPECT_THAT(readme.str(), ::testing::HasSubstr("`identity.form_checks` | `false`"));
  EXPECT_THAT(readme.str(), ::testing::HasSubstr("`identity.known_evidence_entries` | `500000`"));
  EXPECT_THAT(readme.str(), ::testing::HasSubstr("`identity.incident_conflicts` | `3`"));
  EXPECT_THAT(readme.str(), ::testing::HasSubstr("`identity.check_interval_hours` | `24`"));
}

}  // namespace
}  // namespace datong::identity
