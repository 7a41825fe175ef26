#include "common/auth/api_keys.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/matchers.h"

namespace datong::auth {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

NewApiKey Make(absl::string_view id, absl::Time expires = absl::InfiniteFuture()) {
  absl::StatusOr<NewApiKey> made = MakeApiKey(id, expires);
  EXPECT_OK(made);
  return *std::move(made);
}

TEST(ApiKeysTest, AKeyIsFoundByItsLineAndNothingElse) {
  const NewApiKey made = Make("shop-1");
  const absl::StatusOr<ApiKeys> keys = ApiKeys::Parse("# ours\n\n" + made.line + "\n");
  ASSERT_OK(keys);
  EXPECT_EQ(keys->Find(made.key.Expose(), kNow), "shop-1");
  EXPECT_EQ(keys->Find(Make("shop-1").key.Expose(), kNow), "");
  EXPECT_EQ(keys->Find(made.key.Expose() + "0", kNow), "");
  EXPECT_EQ(keys->Find("dtk_shop-1_", kNow), "");
  EXPECT_EQ(keys->Find("", kNow), "");
  EXPECT_FALSE(absl::StrContains(made.line, made.key.Expose().substr(12)));
}

TEST(ApiKeysTest, AnIdMayHaveTwoKeysForRotationButNotThree) {
  const NewApiKey old_key = Make("shop");
  const NewApiKey new_key = Make("shop");
  const std::string two = absl::StrCat(old_key.line, "\n", new_key.line, "\n");
  const absl::StatusOr<ApiKeys> keys = ApiKeys::Parse(two);
  ASSERT_OK(keys);
  EXPECT_EQ(keys->Find(old_key.key.Expose(), kNow), "shop");
  EXPECT_EQ(keys->Find(new_key.key.Expose(), kNow), "shop");
  EXPECT_THAT(ApiKeys::Parse(two + Make("shop").line),
              IsError(absl::StatusCode::kInvalidArgument, "API_KEYS_INVALID"));
}

TEST(ApiKeysTest, AKeyEndsAtItsExpiry) {
  const NewApiKey made = Make("shop", kNow);
  const absl::StatusOr<ApiKeys> keys = ApiKeys::Parse(made.line);
  ASSERT_OK(keys);
  EXPECT_EQ(keys->Find(made.key.Expose(), kNow - absl::Seconds(1)), "shop");
  EXPECT_EQ(keys->Find(made.key.Expose(), kNow), "");
}

TEST(ApiKeysTest, WrongLinesAreRefusedWithTheirNumber) {
  const std::string good = Make("a").line;
  for (const std::string& line :
       {std::string("shop"), std::string("shop 1234"), std::string("a_b ") + std::string(64, '0'),
        good + " tomorrow", good + " 2030-01-01T00:00:00Z more",
        "a " + std::string(Make("a").key.Expose())}) {
    const absl::Status status = ApiKeys::Parse(good + "\n" + line).status();
    EXPECT_THAT(status, IsError(absl::StatusCode::kInvalidArgument, "API_KEYS_INVALID")) << line;
    EXPECT_TRUE(absl::StrContains(status.message(), "line 2")) << status;
  }
}

}  // namespace
}  // namespace datong::auth
