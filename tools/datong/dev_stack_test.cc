#include "tools/datong/dev_stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/testing/matchers.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/selftest.h"

namespace datong::tools {
namespace {

TEST(DevStackTest, RunsTheWholeSuiteAndLeavesNothingBehind) {
  std::string folder;
  {
    absl::StatusOr<std::unique_ptr<DevStack>> stack = DevStack::Start({.fsync = false});
    ASSERT_OK(stack);
    folder = (*stack)->folder();

    std::string report;
    const auto say = [&report](const std::string& line) { report += line + "\n"; };
    SelftestOptions selftest{.components = {}, .address = (*stack)->grpc_address()};
    EXPECT_FALSE(Selftest(selftest, say)) << report;  // Strangers are let in, which is noticed.
    selftest.insecure = true;
    EXPECT_TRUE(Selftest(selftest, say)) << report;

    // Business time is the simulator's, also when it is moved over HTTP.
    const absl::Time day = absl::FromUnixSeconds(1'700'000'000);
    (*stack)->SetNow(day);
    EXPECT_LT((*stack)->Now() - day, absl::Minutes(1));

    http::Client client({.allow_private = true});
    const auto answer = client.Send(
        {.method = "GET", .url = (*stack)->metrics_url() + "/readyz", .headers = {}, .body = {}},
        Deadline::After(absl::Seconds(5)));
    ASSERT_OK(answer);
    EXPECT_EQ(answer->body, "ready\n");
    (*stack)->Stop();
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(DevStackTest, AFolderIsUsedAgain) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/dev_stack_test.", getpid());
  for (int i = 0; i < 2; ++i) {
    absl::StatusOr<std::unique_ptr<DevStack>> stack =
        DevStack::Start({.folder = folder, .fsync = false});
    ASSERT_OK(stack);
    if (i == 1) {
      EXPECT_THAT(DevStack::Start({.folder = folder, .fsync = false}),
                  IsError(absl::StatusCode::kFailedPrecondition, "DATA_FOLDER_UNUSABLE"));
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace datong::tools
