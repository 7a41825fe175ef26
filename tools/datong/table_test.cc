#include "tools/datong/table.h"

#include <gtest/gtest.h>

namespace datong::tools {
namespace {

TEST(TableTest, AlignsNumbersRightAndCountsChineseAsTwo) {
  Table table({"step", "persons"});
  table.Add({"关注", "1200"});
  table.Add({"pay", "7"});
  EXPECT_EQ(table.ToString("  "),
            "  step  persons\n"
            "  ────  ───────\n"
            "  关注     1200\n"
            "  pay         7\n");
}

TEST(TableTest, AColumnWithWordsIsLeftAligned) {
  Table table({"day", "state"});
  table.Add({"2026-08-03", "ok"});
  EXPECT_EQ(table.ToString(),
            "day         state\n"
            "──────────  ─────\n"
            "2026-08-03  ok\n");
}

}  // namespace
}  // namespace datong::tools
