// A crash leaves no file with what the process knew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "common/rpc/client.h"
#include "common/testing/matchers.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "tests/faults/fleet.h"

namespace datong::faults {
namespace {

namespace fs = std::filesystem;

// Core files are allowed here, and go to a folder of the test's own where the system names them so.
class CoreFileTest : public ::testing::Test {
 protected:
  CoreFileTest() : before_(fs::current_path()) {
    char folder[] = "/tmp/dtg-core-XXXXXX";
    folder_ = ::mkdtemp(folder);
    fs::current_path(folder_);
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_CORE, &limit);
  }
  ~CoreFileTest() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  // What a crash left in the folder, all files together.
  std::string Left() const {
    std::string bytes;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      std::ifstream file(entry.path(), std::ios::binary);
      bytes.append(std::istreambuf_iterator<char>(file), {});
    }
    return bytes;
  }
  // Lets a broker learn a secret and a token, and crashes it. The token.
  static std::string CrashOne(Fleet& fleet, bool* dumped) {
    using Tokens = broker::v1::TokenService;
    const auto stub = Tokens::NewStub(rpc::CreateChannel(fleet.replica(0).address()));
    metrics::Registry registry;
    rpc::Outgoing outgoing(registry);
    broker::v1::GetTokenRequest request;
    request.set_app(Fleet::AppName("wxown0"));
    const auto token =
        outgoing.Call(rpc::MakeBackgroundCall("test", Deadline::After(absl::Seconds(30))),
                      "/datong.broker.v1.TokenService/GetToken", *stub,
                      &Tokens::StubInterface::GetToken, request, {.idempotent = true});
    EXPECT_OK(token);
    fleet.replica(0).Signal(SIGSEGV);
    const auto crashed = fleet.replica(0).AwaitCrash();
    EXPECT_OK(crashed);
    *dumped = crashed.ok() && *crashed;
    return token.ok() ? token->access_token() : "";
  }
  // Whether the system writes core files into the folder where the process stood.
  static bool SystemWritesFiles() {
    std::ifstream file("/proc/sys/kernel/core_pattern");
    std::string pattern;
    std::getline(file, pattern);
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    return !pattern.empty() && pattern[0] != '|' && pattern[0] != '/' && limit.rlim_cur != 0;
  }

  const fs::path before_;
  fs::path folder_;
};

TEST_F(CoreFileTest, ThereIsNone) {
  auto fleet = Fleet::Start({.replicas = 1, .own_apps = 1});
  ASSERT_OK(fleet);
  bool dumped = true;
  EXPECT_NE(CrashOne(**fleet, &dumped), "");
  EXPECT_FALSE(dumped);
  EXPECT_EQ(Left(), "");
}

// The search would find it: with server.core_dumps a core file is there and holds the token.
TEST_F(CoreFileTest, ThereIsOneWhereItIsAskedFor) {
  auto fleet =
      Fleet::Start({.replicas = 1, .own_apps = 1, .settings = {{"server.core_dumps", "true"}}});
  ASSERT_OK(fleet);
  bool dumped = false;
  const std::string token = CrashOne(**fleet, &dumped);
  if (!SystemWritesFiles()) {
    std::cout << "the system keeps core files elsewhere\n";
    return;
  }
  EXPECT_TRUE(dumped);
  EXPECT_TRUE(absl::StrContains(Left(), token));
}

}  // namespace
}  // namespace datong::faults
