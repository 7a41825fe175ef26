#include "common/postgres/private_cluster.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <pqxx/pqxx>
#include <thread>

#include "common/testing/matchers.h"
#include "common/time/deadline.h"

namespace datong::postgres {
namespace {

class PrivateClusterTest : public ::testing::Test {
 protected:
  PrivateClusterTest() {
    char folder[] = "/tmp/dtg-cluster-test-XXXXXX";
    folder_ = ::mkdtemp(folder);
  }
  ~PrivateClusterTest() override { std::filesystem::remove_all(folder_); }
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

// The child starts a cluster, tells its folder and is killed; server and folder must go.
TEST_F(PrivateClusterTest, NothingStaysBehindWhenTheProcessIsKilled) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto cluster = PrivateCluster::Start({.folder = folder_, .fsync = false, .temporary = true});
    const char ok = cluster.ok() ? '1' : '0';
    if (::write(ends[1], &ok, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char ok = '0';
  ASSERT_EQ(::read(ends[0], &ok, 1), 1);
  EXPECT_EQ(ok, '1');
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const Deadline deadline = Deadline::After(absl::Seconds(30));
  while (std::filesystem::exists(folder_) && !deadline.Passed()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace datong::postgres
