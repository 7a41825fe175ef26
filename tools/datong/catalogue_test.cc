#include "tools/datong/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tools/datong/request_flags.h"
#include "tools/datong/rpc_help.h"

namespace datong::tools {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(CatalogueTest, EveryApiIsThereAndEveryCommandIsUniqueInIt) {
  const Catalogue catalogue;
  EXPECT_THAT(catalogue.apis(), Contains("broker"));
  EXPECT_THAT(catalogue.apis(), Contains("insight"));
  std::set<std::pair<std::string, std::string>> commands;
  for (const Rpc& rpc : catalogue.rpcs()) {
    EXPECT_TRUE(commands.insert({rpc.api, rpc.command}).second) << rpc.path;
    EXPECT_THAT(CommentOf(*rpc.method), Not(IsEmpty())) << rpc.path;
  }
}

TEST(CatalogueTest, NoFieldTakesTheFlagOfAnother) {
  const Catalogue catalogue;
  for (const Rpc& rpc : catalogue.rpcs()) {
    std::set<std::string> names;
    for (const RequestFlag& flag : RequestFlagsOf(*rpc.method->input_type())) {
      EXPECT_TRUE(names.insert(flag.name).second) << rpc.path << " --" << flag.name;
    }
  }
}

TEST(RpcHelpTest, TeachesFromTheCommentsOfTheDefinition) {
  const Catalogue catalogue;
  for (const Rpc& rpc : catalogue.rpcs()) {
    if (rpc.command != "create-source") continue;
    const std::string help = RpcHelp(rpc).make_help(nullptr, "", CLI::AppFormatMode::Normal);
    EXPECT_THAT(help, HasSubstr("Creates a source."));
    EXPECT_THAT(help, HasSubstr("--source.kind sdk|server|push"));
    EXPECT_THAT(help, HasSubstr("datong ingest create-source --source.name"));
    EXPECT_THAT(help, Not(HasSubstr("--source.number")));  // output only
  }
}

TEST(WrapTest, BreaksBetweenWords) {
  EXPECT_EQ(Wrap("one two three", 2, 10), "  one two\n  three\n");
  EXPECT_EQ(Wrap("", 2), "");
}

}  // namespace
}  // namespace datong::tools
