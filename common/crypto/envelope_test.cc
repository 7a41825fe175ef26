#include "common/crypto/envelope.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/testing/matchers.h"

namespace datong::crypto {
namespace {

using ::testing::Not;

const SealContext kRow = {"projects/demo", "wx1", "secret", "app_secret", "7"};

KeyRing RingOf(const std::string& active, char fill = 'k') {
  return KeyRing(active, {{active, Secret(std::string(32, fill))}});
}

TEST(EnvelopeTest, OpensWhatItSealed) {
  const Envelope envelope(RingOf("k1"));
  const auto sealed = envelope.Seal(Secret("s3cret"), kRow);
  ASSERT_OK(sealed);
  EXPECT_THAT(*sealed, Not(::testing::HasSubstr("s3cret")));
  EXPECT_EQ(Envelope::KeyIdOf(*sealed), "k1");
  const auto opened = envelope.Open(*sealed, kRow);
  ASSERT_OK(opened);
  EXPECT_EQ(opened->Expose(), "s3cret");
}

TEST(EnvelopeTest, KeepsEmptyAndBinaryValues) {
  const Envelope envelope(RingOf("k1"));
  for (const std::string& value : {std::string(), std::string("\0\xff\0", 3)}) {
    const auto opened = envelope.Open(*envelope.Seal(Secret(value), kRow), kRow);
    ASSERT_OK(opened);
    EXPECT_EQ(opened->Expose(), value);
  }
}

TEST(EnvelopeTest, AValueMovedToAnotherRowIsBroken) {
  const Envelope envelope(RingOf("k1"));
  const std::string sealed = *envelope.Seal(Secret("x"), kRow);
  for (std::string SealContext::*field :
       {&SealContext::project, &SealContext::app, &SealContext::kind, &SealContext::column,
        &SealContext::record_id}) {
    SealContext other = kRow;
    other.*field = "other";
    EXPECT_THAT(envelope.Open(sealed, other), IsError(absl::StatusCode::kDataLoss, "SEAL_BROKEN"));
  }
  // The same characters, divided otherwise.
  SealContext shifted = kRow;
  shifted.app = "wx1s";
  shifted.kind = "ecret";
  EXPECT_THAT(envelope.Open(sealed, shifted), IsError(absl::StatusCode::kDataLoss, "SEAL_BROKEN"));
}

TEST(EnvelopeTest, FailuresAreReported) {
  std::vector<std::string> failures;
  const Envelope envelope(RingOf("k1"), [&failures](const char* op, const char* reason) {
    failures.push_back(absl::StrCat(op, " ", reason));
  });
  ASSERT_OK(envelope.Open(*envelope.Seal(Secret("x"), kRow), kRow));
  envelope.Open("nothing sealed", kRow).IgnoreError();
  envelope.Open(*Envelope(RingOf("k2")).Seal(Secret("x"), kRow), kRow).IgnoreError();
  EXPECT_THAT(failures, ::testing::ElementsAre("decrypt seal_broken", "decrypt key_missing"));
}

TEST(EnvelopeTest, AnyChangedByteIsNoticed) {
  const Envelope envelope(RingOf("k1"));
  const std::string sealed = *envelope.Seal(Secret("x"), kRow);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_THAT(envelope.Open(changed, kRow), Not(IsOk())) << i;
    EXPECT_THAT(envelope.Open(sealed.substr(0, i), kRow), Not(IsOk())) << i;
  }
}

TEST(EnvelopeTest, AnotherKeyOfTheSameNameIsBrokenAndAnUnknownOneIsMissing) {
  const std::string sealed = *Envelope(RingOf("k1")).Seal(Secret("x"), kRow);
  EXPECT_THAT(Envelope(RingOf("k1", 'z')).Open(sealed, kRow),
              IsError(absl::StatusCode::kDataLoss, "SEAL_BROKEN"));
  EXPECT_THAT(Envelope(RingOf("k2")).Open(sealed, kRow),
              IsError(absl::StatusCode::kFailedPrecondition, "KEY_MISSING"));
}

TEST(EnvelopeTest, NoNonceComesTwice) {
  const Envelope envelope(RingOf("k1"));
  std::set<std::string> nonces;
  for (int i = 0; i < 1000; ++i) {
    const std::string sealed = *envelope.Seal(Secret("x"), kRow);
    nonces.insert(sealed.substr(4, 12));
    nonces.insert(sealed.substr(4 + 12 + 48, 12));
  }
  EXPECT_EQ(nonces.size(), 2000u);
}

class KeyRingTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / absl::StrCat("datong-keys-", RandomHex(8));
};

TEST_F(KeyRingTest, LoadsEveryKeyAndTheActiveId) {
  Write("k1", Base64Encode(std::string(32, 'a')) + "\n");
  Write("k2", Base64Encode(std::string(32, 'b')));
  Write("active", "k2\n");
  Write("..data", "of a mounted secret");
  const auto ring = KeyRing::Load(folder_.string());
  ASSERT_OK(ring);
  EXPECT_EQ(ring->active_id(), "k2");
  ASSERT_NE(ring->Find("k1"), nullptr);
  EXPECT_EQ(ring->Find("k1")->Expose(), std::string(32, 'a'));
  EXPECT_EQ(ring->Find("k3"), nullptr);
}

TEST_F(KeyRingTest, BadFilesAreNamed) {
  const auto unusable = IsError(absl::StatusCode::kFailedPrecondition, "KEYS_UNUSABLE");
  EXPECT_THAT(KeyRing::Load((folder_ / "none").string()), unusable);
  EXPECT_THAT(KeyRing::Load(folder_.string()), unusable);  // no `active`
  Write("active", "k1");
  EXPECT_THAT(KeyRing::Load(folder_.string()), unusable);  // no such key
  Write("k1", "!!!");
  EXPECT_THAT(KeyRing::Load(folder_.string()), unusable);
  Write("k1", Base64Encode("short"));
  const auto ring = KeyRing::Load(folder_.string());
  EXPECT_THAT(ring, unusable);
  EXPECT_EQ(GetErrorInfo(ring.status())->metadata.at("file"), (folder_ / "k1").string());
}

}  // namespace
}  // namespace datong::crypto
