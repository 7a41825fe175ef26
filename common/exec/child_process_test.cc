#include "common/exec/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/testing/matchers.h"

namespace datong {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ChildProcessTest : public ::testing::Test {
 protected:
  ~ChildProcessTest() override { std::filesystem::remove(output_); }
  std::string Output() const {
    std::stringstream text;
    text << std::ifstream(output_).rdbuf();
    return text.str();
  }
  const std::string output_ = absl::StrCat(::testing::TempDir(), "/child_process_test.", getpid());
};

TEST_F(ChildProcessTest, TellsHowTheProgramEndedAndKeepsWhatItSaid) {
  auto child = ChildProcess::Start({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, output_);
  ASSERT_OK(child);
  EXPECT_THAT(child->Await(absl::Seconds(30)), IsOkAndHolds(3));
  EXPECT_EQ(Output(), "out\nerr\n");
}

TEST_F(ChildProcessTest, SettingsInTheEnvironmentAreNotHandedOn) {
  setenv("DATONG_LOG_LEVEL", "debug", 1);
  setenv("OTEL_SERVICE_NAME", "handed-on", 1);
  auto child = ChildProcess::Start({"/usr/bin/env"}, output_);
  ASSERT_OK(child);
  EXPECT_THAT(child->Await(absl::Seconds(30)), IsOkAndHolds(0));
  EXPECT_THAT(Output(), HasSubstr("OTEL_SERVICE_NAME=handed-on"));
  EXPECT_THAT(Output(), Not(HasSubstr("DATONG_")));
}

TEST_F(ChildProcessTest, EndsBySignalAndWithItsObject) {
  pid_t pid = 0;
  {
    auto child = ChildProcess::Start({"/bin/sleep", "1000"}, output_);
    ASSERT_OK(child);
    EXPECT_EQ(child->Await(absl::ZeroDuration()).status().code(),
              absl::StatusCode::kDeadlineExceeded);
    pid = child->pid();
    EXPECT_EQ(getpgid(pid), pid);
  }
  EXPECT_EQ(kill(pid, 0), -1);
  auto child = ChildProcess::Start({"/bin/sleep", "1000"}, output_);
  ASSERT_OK(child);
  child->Signal(SIGTERM);
  EXPECT_THAT(child->Await(absl::Seconds(30)), IsOkAndHolds(128 + SIGTERM));
}

}  // namespace
}  // namespace datong
