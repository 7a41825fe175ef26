#include "common/identifier/identifier.h"

#include <gtest/gtest.h>

#include "common/testing/matchers.h"

namespace datong {
namespace {

TEST(IdentifierTest, SplitsAtTheFirstTwoColons) {
  EXPECT_THAT(Identifier::Parse("login:main:a:b"),
              IsOkAndHolds(Identifier{"login", "main", "a:b"}));
  EXPECT_EQ((Identifier{"openid", "wx1", "oX"}).ToString(), "openid:wx1:oX");
}

TEST(IdentifierTest, TrimsBlanksOfTheValueOnlyAndKeepsCase) {
  EXPECT_THAT(Identifier::Parse("openid:wx1: oAbC "),
              IsOkAndHolds(Identifier{"openid", "wx1", "oAbC"}));
}

TEST(IdentifierTest, RefusesWhatIsNone) {
  for (const char* text : {"", "openid", "openid:wx1", ":wx1:o", "openid::o", "openid:wx1:a\nb"}) {
    EXPECT_THAT(Identifier::Parse(text),
                IsError(absl::StatusCode::kInvalidArgument, "IDENTIFIER_INVALID"))
        << text;
  }
  EXPECT_FALSE(Identifier::Parse("openid:wx1:" + std::string(256, 'x')).ok());
}

TEST(NodeTest, IsTheDocumentedHashSoThatItNeverChanges) {
  // printf '\0\0\0\1openid:wx1:oX' | sha256sum
  EXPECT_EQ(NodeOf(1, "openid:wx1:oX"), static_cast<int64_t>(0xddcdc615327da850));
  EXPECT_NE(NodeOf(2, "openid:wx1:oX"), NodeOf(1, "openid:wx1:oX"));
}

}  // namespace
}  // namespace datong
