#include "common/crypto/hash.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"

namespace datong::crypto {
namespace {

TEST(HashTest, KnownAnswers) {
  EXPECT_EQ(BytesToHex(Sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(BytesToHex(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(BytesToHex(HmacSha256(Secret("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(HashTest, Base64TakesLooseTrailingBitsAndMissingPadding) {
  std::string bytes;
  ASSERT_TRUE(Base64Decode("YWI=", &bytes));
  EXPECT_EQ(bytes, "ab");
  ASSERT_TRUE(Base64Decode("YWI", &bytes));
  EXPECT_EQ(bytes, "ab");
  ASSERT_TRUE(Base64Decode("YWJ=", &bytes));
  EXPECT_EQ(bytes, "ab");
  ASSERT_TRUE(Base64Decode("", &bytes));
  EXPECT_EQ(bytes, "");
}

TEST(HashTest, Base64RefusesWhatIsNone) {
  std::string bytes;
  for (const char* text : {"A", "YWJjZ", "YW I=", "YWI==", "YW-_", "Y=I="}) {
    EXPECT_FALSE(Base64Decode(text, &bytes)) << text;
  }
}

TEST(HashTest, RandomBytesDiffer) { EXPECT_NE(RandomBytes(16), RandomBytes(16)); }

}  // namespace
}  // namespace datong::crypto
