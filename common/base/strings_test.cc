#include "common/base/strings.h"

#include <gtest/gtest.h>

namespace datong {
namespace {

TEST(SanitizeUtf8Test, LeavesWellFormedTextAlone) {
  bool changed = true;
  EXPECT_EQ(SanitizeUtf8("plain, 打通, \xF0\x9F\x98\x80", &changed),
            "plain, 打通, \xF0\x9F\x98\x80");
  EXPECT_FALSE(changed);
}

TEST(SanitizeUtf8Test, ReplacesWhatPostgresqlWouldRefuse) {
  bool changed = false;
  EXPECT_EQ(SanitizeUtf8(absl::string_view("a\0b", 3), &changed),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_TRUE(changed);
  EXPECT_EQ(SanitizeUtf8("\xED\xA0\x80x"), "\xEF\xBF\xBDx");
  EXPECT_EQ(SanitizeUtf8("\xC0\xAF"), "\xEF\xBF\xBD");
  EXPECT_EQ(SanitizeUtf8("\xE6\x89"), "\xEF\xBF\xBD");
}

TEST(HexTest, RoundTripsAndRefusesWhatIsNoHex) {
  EXPECT_EQ(HexToBytes(BytesToHex("\x01\xFFz")), "\x01\xFFz");
  EXPECT_EQ(HexToBytes("abc"), "");
  EXPECT_EQ(HexToBytes("zz"), "");
}

}  // namespace
}  // namespace datong
