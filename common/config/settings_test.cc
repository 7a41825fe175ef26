#include "common/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "common/testing/matchers.h"

namespace datong::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class SettingsTest : public ::testing::Test {
 protected:
  std::string File(const std::string& name, const std::string& content) {
    const std::string path =
        ::testing::TempDir() + "/settings_" + std::to_string(getpid()) + "_" + name;
    std::ofstream(path) << content;
    files_.push_back(path);
    return path;
  }
  ~SettingsTest() override {
    for (const std::string& file : files_) unlink(file.c_str());
  }
  std::vector<std::string> files_;
};

TEST_F(SettingsTest, FlagsBeatTheEnvironmentWhichBeatsTheFileWhichBeatsDefaults) {
  Sources sources;
  sources.toml_file = File("a.toml",
                           "[broker]\na = 1\nb = 1\nc = 1\nwait = \"90s\"\non = true\n"
                           "names = [\"x\", \"y\"]\nratio = 0.5\n");
  sources.environment = {{"DATONG_BROKER_B", "2"}, {"DATONG_BROKER_C", "2"}};
  sources.flags = {{"broker.c", "3"}};
  absl::StatusOr<Settings> settings = Settings::Load(sources);
  ASSERT_OK(settings);
  EXPECT_EQ(settings->Int("broker.a", 0, 0, 9, ""), 1);
  EXPECT_EQ(settings->Int("broker.b", 0, 0, 9, ""), 2);
  EXPECT_EQ(settings->Int("broker.c", 0, 0, 9, ""), 3);
  EXPECT_EQ(settings->Int("broker.d", 4, 0, 9, ""), 4);
  EXPECT_EQ(
      settings->Duration("broker.wait", absl::Seconds(1), absl::ZeroDuration(), absl::Hours(1), ""),
      absl::Seconds(90));
  EXPECT_TRUE(settings->Bool("broker.on", false, ""));
  EXPECT_EQ(settings->Double("broker.ratio", 0, 0, 1, ""), 0.5);
  EXPECT_THAT(settings->StringList("broker.names", {}, ""), ElementsAre("x", "y"));
  EXPECT_OK(settings->Finish());
}

TEST_F(SettingsTest, AllFaultsComeTogetherWithTheirKeys) {
  Sources sources;
  sources.toml_file = File("b.toml", "[broker]\nthreads = 900\ntypo = 1\n");
  sources.environment = {{"DATONG_NOBODY", "1"}};
  sources.flags = {{"broker.wait", "soon"}};
  absl::StatusOr<Settings> settings = Settings::Load(sources);
  ASSERT_OK(settings);
  EXPECT_EQ(settings->Int("broker.threads", 8, 1, 64, ""), 8);
  settings->Duration("broker.wait", absl::Seconds(1), absl::ZeroDuration(), absl::Hours(1), "");
  settings->AddFault("broker.x", "must be below broker.y");
  const absl::Status status = settings->Finish();
  EXPECT_THAT(status, IsError(absl::StatusCode::kInvalidArgument, "SETTINGS_INVALID"));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("broker.threads is \"900\""), HasSubstr("broker.wait is \"soon\""),
                    HasSubstr("broker.x must be below broker.y"), HasSubstr("broker.typo is no"),
                    HasSubstr("DATONG_NOBODY is no")));
}

TEST_F(SettingsTest, SecretsComeFromFilesAloneAndAreNeverPrinted) {
  Sources sources;
  sources.environment = {{"DATONG_DATABASE_DSN_FILE", File("dsn", "password=CANARY\n")}};
  absl::StatusOr<Settings> settings = Settings::Load(sources);
  ASSERT_OK(settings);
  EXPECT_EQ(settings->SecretFromFile("database.dsn", "").Expose(), "password=CANARY");
  EXPECT_OK(settings->Finish());
  EXPECT_THAT(settings->Print(),
              AllOf(HasSubstr("database.dsn = \"***\""), Not(HasSubstr("CANARY"))));

  sources.environment["DATONG_DATABASE_DSN"] = "password=CANARY";
  settings = Settings::Load(sources);
  ASSERT_OK(settings);
  settings->SecretFromFile("database.dsn", "");
  EXPECT_THAT(std::string(settings->Finish().message()),
              AllOf(HasSubstr("DATONG_DATABASE_DSN is a secret"), Not(HasSubstr("CANARY"))));
}

TEST_F(SettingsTest, AMissingSecretFileIsAFault) {
  Sources sources;
  sources.flags = {{"database.dsn_file", "/nowhere"}};
  absl::StatusOr<Settings> settings = Settings::Load(sources);
  ASSERT_OK(settings);
  EXPECT_TRUE(settings->SecretFromFile("database.dsn", "").empty());
  EXPECT_THAT(std::string(settings->Finish().message()), HasSubstr("database.dsn_file"));
}

TEST_F(SettingsTest, AMapTakesNamesThatOnlyTheOperatorKnows) {
  Sources sources;
  sources.toml_file = File("c.toml", "[peers]\nidentity = \"a:1\"\n");
  sources.environment = {{"DATONG_PEERS_INGEST", "b:2"}};
  absl::StatusOr<Settings> settings = Settings::Load(sources);
  ASSERT_OK(settings);
  EXPECT_THAT(settings->StringMap("peers", ""),
              ElementsAre(Pair("identity", "a:1"), Pair("ingest", "b:2")));
  EXPECT_OK(settings->Finish());
}

TEST_F(SettingsTest, ABrokenFileIsNamedWithItsLine) {
  Sources sources;
  sources.toml_file = File("d.toml", "a = 1\nb = = 2\n");
  const absl::Status status = Settings::Load(sources).status();
  EXPECT_THAT(status, IsError(absl::StatusCode::kInvalidArgument, "SETTINGS_FILE_INVALID"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 2"));
}

}  // namespace
}  // namespace datong::config
