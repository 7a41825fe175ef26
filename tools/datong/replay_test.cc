#include "tools/datong/replay.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "identity_migrations.h"
#include "services/identity/module.h"

namespace datong::tools {
namespace {

// identity in this process, over real calls.
class ReplayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dsn_file_ = (std::filesystem::temp_directory_path() / absl::StrCat("datong-replay-", getpid()))
                    .string();
    std::ofstream(dsn_file_) << db_.dsn().Expose();
    server::ProcessOptions options;
    options.component = "identity";
    options.modules = {identity::kModule};
    options.sources.flags = {{"database.dsn_file", dsn_file_}, {"insecure.allow", "true"},
                             {"server.grpc_port", "0"},        {"server.health_port", "0"},
                             {"server.metrics_port", "0"},     {"server.http_port", "0"}};
    process_ = std::make_unique<server::Process>(std::move(options));
    ASSERT_OK(process_->Build());
    ASSERT_OK(process_->Start());
    ASSERT_OK(process_->WaitReady(Deadline::After(absl::Seconds(60))));
    options_.channel = process_->channel();
    std::stringstream text;
    text << std::ifstream("../../services/identity/testdata/scenarios.json").rdbuf();
    options_.scenarios = text.str();
  }
  void TearDown() override {
    if (process_ != nullptr) process_->Stop();
    std::filesystem::remove(dsn_file_);
  }

  TestDatabase db_{{{"identity", identity::Migrations()}}};
  std::string dsn_file_;
  std::unique_ptr<server::Process> process_;
  ReplayOptions options_;
  std::string said_;
  const std::function<void(const std::string&)> say_ = [this](const std::string& line) {
    said_ += line + "\n";
  };
};

TEST_F(ReplayTest, EveryScenarioComesOutAsTheFileExpects) {
  const absl::StatusOr<ReplayResult> result = Replay(options_, say_);
  ASSERT_OK(result);
  EXPECT_EQ(result->scenarios, 44);
  EXPECT_EQ(result->differences, 0) << said_;
}

TEST_F(ReplayTest, AnotherPolicyShowsWhereItDiffers) {
  options_.only = "client_claim_is_spoofable";
  options_.policy = R"({"trust_client_claims": true})";
  const absl::StatusOr<ReplayResult> result = Replay(options_, say_);
  ASSERT_OK(result);
  EXPECT_EQ(result->scenarios, 1);
  EXPECT_GT(result->differences, 0);
  EXPECT_NE(said_.find("person found"), std::string::npos) << said_;
  options_.policy = R"({"no_such_rule": true})";
  EXPECT_EQ(Replay(options_, say_).status().code(), absl::StatusCode::kInvalidArgument);
  options_.scenarios = "{";
  EXPECT_EQ(Replay(options_, say_).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace datong::tools
