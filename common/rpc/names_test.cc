#include "common/rpc/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/matchers.h"

namespace datong::rpc {
namespace {

using ::testing::ElementsAre;

TEST(NamesTest, TakesGoodNamesApart) {
  EXPECT_THAT(ParseProjectName("projects/demo-1"), IsOkAndHolds("demo-1"));
  const absl::StatusOr<AppName> app = ParseAppName("projects/demo/apps/wx12AB");
  ASSERT_OK(app);
  EXPECT_EQ(app->project, "demo");
  EXPECT_EQ(app->app, "wx12AB");
  EXPECT_EQ(app->ToString(), "projects/demo/apps/wx12AB");
  EXPECT_THAT(ParseResourceName("projects/p/persons/42", "projects/{}/persons/{}", "X"),
              IsOkAndHolds(ElementsAre("p", "42")));
}

TEST(NamesTest, RefusesTheOthersWithTheReason) {
  for (const char* bad : {"", "demo", "projects/", "projects/Demo", "projects/a/b", "projects/-a",
                          "projects/\xff", "projects/a "}) {
    EXPECT_THAT(ParseProjectName(bad),
                IsError(absl::StatusCode::kInvalidArgument, "PROJECT_NAME_INVALID"))
        << bad;
  }
  for (const char* bad : {"projects/a/apps/", "projects/a/app/x", "projects/a/apps/x/y"}) {
    EXPECT_THAT(ParseAppName(bad), IsError(absl::StatusCode::kInvalidArgument, "APP_NAME_INVALID"))
        << bad;
  }
}

}  // namespace
}  // namespace datong::rpc
