#include "services/ingest/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/testing/matchers.h"

namespace datong::ingest {
namespace {

std::string Readme() {
  std::ifstream stream("README.md");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

TEST(ConfigTest, EverySettingHasItsLineInTheReadme) {
  auto settings = config::Settings::Load({});
  ASSERT_OK(settings);
  const Config config = Config::FromSettings(*settings, {});
  EXPECT_EQ(config.writer.threads, 2);
  EXPECT_EQ(config.consent_purpose, "analytics");
  const std::string readme = Readme();
  for (const char* key :
       {"ingest.writer_threads", "ingest.rows_per_commit", "ingest.queue_events",
        "ingest.trust_forwarded_for", "ingest.partition_days_ahead", "ingest.consent_purpose",
        "ingest.event_retention", "ingest.hash_key", "ingest.do_not_track_cookie"}) {
    EXPECT_THAT(readme, ::testing::HasSubstr(key));
    EXPECT_THAT(settings->Help(), ::testing::HasSubstr(key));
  }
}

TEST(ConfigTest, WritersNeedConnections) {
  config::Sources sources;
  sources.flags = {{"ingest.writer_threads", "10"}};
  auto settings = config::Settings::Load(sources);
  ASSERT_OK(settings);
  server::SharedSettings shared;
  shared.database_max_connections = 10;
  Config::FromSettings(*settings, shared);
  EXPECT_THAT(settings->Finish(), IsError(absl::StatusCode::kInvalidArgument, "SETTINGS_INVALID"));
}

}  // namespace
}  // namespace datong::ingest
