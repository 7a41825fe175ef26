#include "common/postgres/private_cluster.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <pqxx/pqxx>
#include <thread>

#include "common/testing/matchers.h"
#include "common/time/deadline.h"

namespace datong::postgres {
namespace {

class PrivateClusterTest : public ::testing::Test {
 protected:
  PrivateClusterTest() {
    // The process that gets killed uses its parent's folder.
    if (std::getenv("PRIVATE_CLUSTER_TEST_FOLDER") != nullptr) return;
    char folder[] = "/tmp/dtg-cluster-test-XXXXXX";
    folder_ = ::mkdtemp(folder);
  }
  ~PrivateClusterTest() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  std::string folder_;
};

TEST_F(PrivateClusterTest, ASecondStartFindsWhatTheFirstOneStored) {
  for (int start = 0; start < 2; ++start) {
    auto cluster = PrivateCluster::Start({.folder = folder_, .fsync = false});
    ASSERT_OK(cluster);
    EXPECT_LT((*cluster)->socket_folder().size(), 80u);
    pqxx::connection connection((*cluster)->Dsn().Expose());
    pqxx::nontransaction work(connection);
    if (start == 0) work.exec("CREATE TABLE kept (n int)");
    EXPECT_EQ(work.exec1("SELECT count(*) FROM kept")[0].as<int>(), 0);
    EXPECT_STREQ(work.exec1("SHOW listen_addresses")[0].c_str(), "");
  }
}

TEST_F(PrivateClusterTest, SaysWhyAFolderThatIsClosedToItsUserDoesNotDo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root runs the server as somebody else";
  ::chmod(folder_.c_str(), 0700);
  const auto cluster = PrivateCluster::Start({.folder = folder_ + "/inside", .fsync = false});
  EXPECT_THAT(cluster.status(), IsError(absl::StatusCode::kFailedPrecondition, "CLUSTER_FAILED"));
  EXPECT_THAT(std::string(cluster.status().message()),
              ::testing::HasSubstr("cannot enter " + folder_ + "/inside"));
}

TEST_F(PrivateClusterTest, AServerThatCrashedComesBackUnderTheSameDsnWithItsCommits) {
  auto cluster = PrivateCluster::Start({.folder = folder_});
  ASSERT_OK(cluster);
  const std::string dsn = (*cluster)->Dsn().Expose();
  {
    pqxx::connection connection(dsn);
    pqxx::nontransaction work(connection);
    work.exec("CREATE TABLE kept AS SELECT 1 AS n");
  }
  (*cluster)->Crash();
  EXPECT_THROW(pqxx::connection{dsn}, pqxx::broken_connection);
  ASSERT_OK((*cluster)->Restart());
  pqxx::connection connection(dsn);
  pqxx::nontransaction work(connection);
  EXPECT_EQ(work.exec1("SELECT n FROM kept")[0].as<int>(), 1);
}

TEST_F(PrivateClusterTest, AStandbyHasEveryCommitAndTakesOver) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0711), 0);  // the server's own user passes through it
  auto primary = PrivateCluster::Start({.folder = folder_ + "/primary"});
  ASSERT_OK(primary);
  auto standby =
      PrivateCluster::Start({.folder = folder_ + "/standby", .standby_of = primary->get()});
  ASSERT_OK(standby);
  {
    pqxx::connection connection((*primary)->Dsn().Expose());
    pqxx::nontransaction work(connection);
    work.exec("CREATE TABLE kept AS SELECT 1 AS n");
  }
  (*primary)->Crash();
  ASSERT_OK((*standby)->Promote());
  pqxx::connection connection((*standby)->Dsn().Expose());
  pqxx::nontransaction work(connection);
  EXPECT_EQ(work.exec1("SELECT n FROM kept")[0].as<int>(), 1);
  work.exec("INSERT INTO kept VALUES (2)");
}

// What the test below runs in a process of its own, to kill it.
TEST_F(PrivateClusterTest, DISABLED_StartsAndWaits) {
  const char* folder = std::getenv("PRIVATE_CLUSTER_TEST_FOLDER");
  ASSERT_NE(folder, nullptr);
  auto cluster = PrivateCluster::Start({.folder = folder, .fsync = false, .temporary = true});
  std::cout << (cluster.ok() ? "started" : "failed") << std::endl;
  for (;;) ::pause();
}

TEST_F(PrivateClusterTest, NothingStaysBehindWhenTheProcessIsKilled) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(::setenv("PRIVATE_CLUSTER_TEST_FOLDER", folder_.c_str(), 1), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], 1);
    ::execl("/proc/self/exe", "postgres_test", "--gtest_also_run_disabled_tests",
            "--gtest_filter=PrivateClusterTest.DISABLED_StartsAndWaits", nullptr);
    ::_exit(127);
  }
  ::unsetenv("PRIVATE_CLUSTER_TEST_FOLDER");
  ::close(ends[1]);
  std::string said;
  char bytes[256];
  ssize_t n = 0;
  while (said.find("started") == std::string::npos && (n = ::read(ends[0], bytes, 256)) > 0) {
    said.append(bytes, static_cast<size_t>(n));
  }
  EXPECT_NE(said.find("started"), std::string::npos) << said;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  const Deadline deadline = Deadline::After(absl::Seconds(30));
  while (std::filesystem::exists(folder_) && !deadline.Passed()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

}  // namespace
}  // namespace datong::postgres
