#include "tools/datong/program_path.h"

#include <gtest/gtest.h>

namespace datong::tools {
namespace {

TEST(ShellWordTest, QuotesWhatAShellWouldTakeApart) {
  EXPECT_EQ(ShellWord("/srv/datong/bin/datong-1.0"), "/srv/datong/bin/datong-1.0");
  EXPECT_EQ(ShellWord("/home/me/my datong"), "'/home/me/my datong'");
  EXPECT_EQ(ShellWord("it's $HOME"), R"('it'\''s $HOME')");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace datong::tools
