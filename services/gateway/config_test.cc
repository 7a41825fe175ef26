#include "services/gateway/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "common/testing/matchers.h"
#include "services/gateway/rpc/api_files.h"

namespace datong::gateway {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ConfigTest, EverySettingIsInTheReadme) {
  auto settings = config::Settings::Load({});
  ASSERT_OK(settings);
  Config::FromSettings(*settings);
  EXPECT_OK(settings->Finish());
  const std::string readme = ReadFile("README.md");
  const std::string help = settings->Help();
  const std::regex key("gateway\\.[a-z_]+");
  std::set<std::string> keys;
  for (std::sregex_iterator it(help.begin(), help.end(), key), end; it != end; ++it) {
    keys.insert(it->str());
    EXPECT_NE(readme.find("`" + it->str() + "`"), std::string::npos) << it->str();
  }
  EXPECT_EQ(keys.size(), 3u);
}

TEST(ApiFilesTest, EveryProtoFileWithAServiceIsServed) {
  std::set<std::string> served;
  for (const auto* file : ApiFiles()) served.insert(file->name());
  const std::filesystem::path root = "../../proto";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "datong")) {
    if (entry.path().extension() != ".proto") continue;
    const std::string name = std::filesystem::relative(entry.path(), root).string();
    if (name.find("/testing/") != std::string::npos) continue;
    if (ReadFile(entry.path()).find("\nservice ") == std::string::npos) continue;
    EXPECT_EQ(served.count(name), 1u) << name << " is missing in rpc/api_files.cc";
  }
}

}  // namespace
}  // namespace datong::gateway
