#include "common/rpc/paging.h"

#include <gtest/gtest.h>

#include "common/testing/matchers.h"

namespace datong::rpc {
namespace {

TEST(PagingTest, PageSizesFollowTheRule) {
  EXPECT_THAT(PageSize(0), IsOkAndHolds(50));
  EXPECT_THAT(PageSize(7), IsOkAndHolds(7));
  EXPECT_THAT(PageSize(501), IsOkAndHolds(500));
  EXPECT_THAT(PageSize(-1), IsError(absl::StatusCode::kInvalidArgument, "PAGE_SIZE_INVALID"));
}

TEST(PagingTest, ATokenServesOnlyTheListThatItWasMadeFor) {
  const std::string token = MakePageToken(std::string("key\0\xff", 5), "project=a");
  EXPECT_THAT(ReadPageToken(token, "project=a"), IsOkAndHolds(std::string("key\0\xff", 5)));
  EXPECT_THAT(ReadPageToken("", "project=a"), IsOkAndHolds(""));
  for (const std::string& bad : {token + "A", std::string("!!"), std::string("AAAA")}) {
    EXPECT_THAT(ReadPageToken(bad, "project=a"),
                IsError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID"));
  }
  EXPECT_THAT(ReadPageToken(token, "project=b"),
              IsError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID"));
}

}  // namespace
}  // namespace datong::rpc
