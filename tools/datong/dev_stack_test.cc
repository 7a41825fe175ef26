#include "tools/datong/dev_stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/testing/matchers.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/selftest.h"

namespace datong::tools {
namespace {

using ::testing::HasSubstr;

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

// Whoever runs with this settings file.
pid_t ProcessOf(const std::string& settings_file) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream command(entry.path() / "cmdline");
    const std::string text{std::istreambuf_iterator<char>(command), {}};
    if (absl::StrContains(text, settings_file)) return std::stoi(entry.path().filename());
  }
  return 0;
}

TEST(DevStackTest, RunsEachServiceAsAProcessOfItsOwn) {
  absl::StatusOr<std::unique_ptr<DevStack>> stack =
      DevStack::Start({.programs = DATONG_PROGRAMS, .fsync = false, .authenticate = true});
  ASSERT_OK(stack);
  const Doors& doors = (*stack)->doors();

  setenv("DATONG_TLS_CA_FILE", doors.ca_file.c_str(), 1);
  SelftestOptions options{.components = {}, .address = "", .api_key = (*stack)->api_key()};
  std::set<pid_t> processes;
  for (const auto& [name, door] : doors.services) {
    options.components[name] = door.grpc_address;
    processes.insert(ProcessOf(absl::StrCat((*stack)->folder(), "/services/", name, ".toml")));
  }
  std::string report;
  EXPECT_TRUE(Selftest(options, [&report](const std::string& line) { report += line + "\n"; }))
      << report;
  unsetenv("DATONG_TLS_CA_FILE");
  EXPECT_EQ(processes.size(), 6U);
  EXPECT_FALSE(processes.contains(0));

  EXPECT_OK((*stack)->Check());
  const pid_t insight = ProcessOf((*stack)->folder() + "/services/insight.toml");
  kill(insight, SIGKILL);
  const Deadline deadline = Deadline::After(absl::Seconds(30));
  absl::Status seen;
  while (seen.ok() && !deadline.Passed()) seen = (*stack)->Check();
  EXPECT_THAT(seen, IsError(absl::StatusCode::kFailedPrecondition, "SERVICE_FAILED"));
  EXPECT_THAT(std::string(seen.message()), HasSubstr("datong-insight ended with 137"));
  EXPECT_THAT(std::string(seen.message()), HasSubstr("\"listening\""));

  (*stack)->Stop();
  for (const pid_t process : processes) EXPECT_NE(kill(process, 0), 0) << process;
}

TEST(DevStackTest, AServiceThatCannotStartIsNamedWithTheEndOfItsLog) {
  const absl::StatusOr<std::unique_ptr<DevStack>> stack =
      DevStack::Start({.programs = DATONG_PROGRAMS,
                       .fsync = false,
                       .settings = {{"datacube.wake_interval", "soon"}}});
  EXPECT_THAT(stack.status(), IsError(absl::StatusCode::kFailedPrecondition, "SERVICE_FAILED"));
  EXPECT_THAT(std::string(stack.status().message()), HasSubstr("datong-datacube ended with 1"));
  EXPECT_THAT(std::string(stack.status().message()), HasSubstr("datacube.wake_interval is"));
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
