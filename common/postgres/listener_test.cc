#include "common/postgres/listener.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/testing/test_database.h"

namespace datong::postgres {
namespace {

// What a listener was told.
class Heard {
 public:
  void Notice(const std::string& payload) {
    MutexLock lock(&mutex_);
    payloads_.push_back(payload);
  }
  void Connect() {
    MutexLock lock(&mutex_);
    ++connections_;
  }
  bool AwaitConnections(int count) {
    MutexLock lock(&mutex_);
    const auto reached = [&] { return connections_ >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(30));
  }
  std::vector<std::string> AwaitPayloads(size_t count) {
    MutexLock lock(&mutex_);
    const auto reached = [&] { return payloads_.size() >= count; };
    mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(30));
    return payloads_;
  }

 private:
  Mutex mutex_;
  int connections_ = 0;
  std::vector<std::string> payloads_;
};

class ListenerTest : public ::testing::Test {
 protected:
  Heard heard_;
  TestDatabase database_;
  Listener listener_{database_.dsn(), "some_channel",
                     [this](const std::string& payload) { heard_.Notice(payload); },
                     [this] { heard_.Connect(); }};
};

TEST_F(ListenerTest, BringsWhatOthersNotifyOnItsChannelInOrder) {
  ASSERT_TRUE(heard_.AwaitConnections(1));
  database_.Execute("NOTIFY other_channel, 'x'");
  database_.Execute("NOTIFY some_channel, 'a'");
  database_.Execute("NOTIFY some_channel, 'b'");
  EXPECT_EQ(heard_.AwaitPayloads(2), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(listener_.is_connected());
}

TEST_F(ListenerTest, ComesBackAfterItsConnectionWasCut) {
  ASSERT_TRUE(heard_.AwaitConnections(1));
  database_.Execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  ASSERT_TRUE(heard_.AwaitConnections(2));
  database_.Execute("NOTIFY some_channel, 'again'");
  EXPECT_EQ(heard_.AwaitPayloads(1), (std::vector<std::string>{"again"}));
}

TEST_F(ListenerTest, StopsAtOnceAndMoreThanOnce) {
  ASSERT_TRUE(heard_.AwaitConnections(1));
  listener_.Stop();
  listener_.Stop();
}

TEST(ListenerWithoutDatabase, KeepsTryingAndStopsAtOnce) {
  Listener listener(
      Secret("host=127.0.0.1 port=1 dbname=none"), "c", [](const std::string&) {}, [] {});
  EXPECT_FALSE(listener.is_connected());
}

}  // namespace
}  // namespace datong::postgres
