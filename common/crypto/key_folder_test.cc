#include "common/crypto/key_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "common/crypto/envelope.h"
#include "common/testing/matchers.h"

namespace datong::crypto {
namespace {

class KeyFolderTest : public ::testing::Test {
 protected:
  KeyFolderTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "datong-keys-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~KeyFolderTest() override { std::filesystem::remove_all(folder_); }
  KeyRing Load() {
    absl::StatusOr<KeyRing> keys = KeyRing::Load(folder_);
    EXPECT_OK(keys);
    return *std::move(keys);
  }
  std::string folder_;
};

TEST_F(KeyFolderTest, TheFirstKeyIsActiveAndFurtherOnesWait) {
  ASSERT_OK(AddKey(folder_, "2026-a"));
  ASSERT_OK(AddKey(folder_, "2026-b"));
  EXPECT_EQ(Load().active_id(), "2026-a");
  EXPECT_EQ(Load().ids(), (std::vector<std::string>{"2026-a", "2026-b"}));
  ASSERT_OK(ActivateKey(folder_, "2026-b"));
  EXPECT_EQ(Load().active_id(), "2026-b");
  EXPECT_FALSE(*Load().Find("2026-a") == *Load().Find("2026-b"));
}

TEST_F(KeyFolderTest, KeysAreNeverWrittenOverAndOnlyKnownOnesActivated) {
  ASSERT_OK(AddKey(folder_, "a"));
  const Secret before = *Load().Find("a");
  EXPECT_THAT(AddKey(folder_, "a"), IsError(absl::StatusCode::kAlreadyExists, "KEY_EXISTS"));
  EXPECT_TRUE(*Load().Find("a") == before);
  EXPECT_THAT(ActivateKey(folder_, "b"),
              IsError(absl::StatusCode::kFailedPrecondition, "KEYS_UNUSABLE"));
  for (const char* id : {"", "active", ".hidden", "a/b", "../a", "a b"}) {
    EXPECT_THAT(AddKey(folder_, id), IsError(absl::StatusCode::kInvalidArgument, "KEY_ID_INVALID"))
        << id;
  }
}

TEST_F(KeyFolderTest, AnEnvelopeFollowsItsKeys) {
  ASSERT_OK(AddKey(folder_, "a"));
  Envelope envelope(Load());
  const absl::StatusOr<std::string> old_value = envelope.Seal(Secret("x"), {});
  ASSERT_OK(old_value);
  ASSERT_OK(AddKey(folder_, "b"));
  ASSERT_OK(ActivateKey(folder_, "b"));
  envelope.SetKeys(Load());
  const absl::StatusOr<std::string> new_value = envelope.Seal(Secret("x"), {});
  ASSERT_OK(new_value);
  EXPECT_EQ(Envelope::KeyIdOf(*new_value), "b");
  EXPECT_OK(envelope.Open(*old_value, {}));
  std::filesystem::remove(folder_ + "/a");
  envelope.SetKeys(Load());
  EXPECT_OK(envelope.Open(*new_value, {}));
  EXPECT_THAT(envelope.Open(*old_value, {}),
              IsError(absl::StatusCode::kFailedPrecondition, "KEY_MISSING"));
}

}  // namespace
}  // namespace datong::crypto
