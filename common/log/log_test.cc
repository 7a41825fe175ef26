#include "common/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace datong {
namespace {

std::vector<nlohmann::json> LinesOf(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(LogTest, WritesOneJsonObjectPerLineWithFieldsAndWithoutSecrets) {
  const std::string path = ::testing::TempDir() + "/log_test." + std::to_string(getpid());
  StartLogging("broker", LogLevel::kInfo, path);
  Log(LogLevel::kDebug, "not wanted");
  LogInfo("token refreshed",
          {{"app", "wx1"}, {"ttl_s", 7200}, {"early", true}, {"nothing", ""}, {"ratio", 0.5}});
  LogWarn("odd \"bytes\"\n", {{"text", absl::string_view("a\x01\xff", 3)},
                              {"cause", "GET /x?access_token=SECRETMARKER failed"}});
  FlushLogs();
  const std::vector<nlohmann::json> lines = LinesOf(path);
  unlink(path.c_str());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["msg"], "token refreshed");
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["component"], "broker");
  EXPECT_EQ(lines[0]["ttl_s"], 7200);
  EXPECT_EQ(lines[0]["early"], true);
  EXPECT_FALSE(lines[0].contains("nothing"));
  EXPECT_EQ(lines[0]["ts"].get<std::string>().size(), 24u);
  EXPECT_EQ(lines[1]["cause"], "GET /x?access_token=*** failed");
  EXPECT_EQ(DroppedLogLines(), 0);
}

}  // namespace
}  // namespace datong
