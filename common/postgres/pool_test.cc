#include "common/postgres/pool.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"

namespace datong::postgres {
namespace {

Deadline Soon() { return Deadline::After(absl::Seconds(10)); }

class PoolTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Ask(Pool& pool, const std::string& sql, Deadline deadline = Soon(),
                                  TransactOptions options = {}) {
    return pool.Query<std::string>(
        "ask", deadline,
        [&](pqxx::work& work) -> absl::StatusOr<std::string> {
          return work.exec1(sql)[0].as<std::string>();
        },
        options);
  }
  absl::Status Do(Pool& pool, const std::string& sql, Deadline deadline = Soon()) {
    return pool.Transact("do", deadline, [&](pqxx::work& work) -> absl::Status {
      work.exec(sql);
      return absl::OkStatus();
    });
  }
  bool Exposes(const std::string& line) { return absl::StrContains(registry_.Serialize(), line); }

  TestDatabase db_;
  metrics::Registry registry_;
  std::unique_ptr<Pool> pool_ = db_.MakePool(registry_, 2);
};

TEST_F(PoolTest, CommitsWhenTheBodyIsOkAndRollsBackWhenNot) {
  ASSERT_OK(Do(*pool_, "CREATE TABLE t (n int)"));
  const absl::Status refused = pool_->Transact("do", Soon(), [](pqxx::work& work) -> absl::Status {
    work.exec("INSERT INTO t VALUES (1)");
    return absl::NotFoundError("no");
  });
  EXPECT_EQ(refused.code(), absl::StatusCode::kNotFound);
  ASSERT_OK(Do(*pool_, "INSERT INTO t VALUES (2)"));
  EXPECT_THAT(Ask(*pool_, "SELECT sum(n) FROM t"), IsOkAndHolds("2"));
  EXPECT_TRUE(pool_->healthy());
}

TEST_F(PoolTest, ErrorsOfTheServerBecomeNamedStatuses) {
  ASSERT_OK(Do(*pool_, "CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1)"));
  EXPECT_THAT(Do(*pool_, "INSERT INTO t VALUES (1)"),
              IsError(absl::StatusCode::kAlreadyExists, "DATABASE_DUPLICATE"));
  EXPECT_THAT(Do(*pool_, "SELECT 'x'::int"),
              IsError(absl::StatusCode::kInvalidArgument, "DATABASE_VALUE_REFUSED"));
  EXPECT_THAT(Do(*pool_, "SELECT nonsense"),
              IsError(absl::StatusCode::kInternal, "DATABASE_ERROR"));
  EXPECT_TRUE(Exposes("datong_db_errors_total{class=\"23\",op=\"do\"} 1"));
}

TEST_F(PoolTest, ATransactionThatFailedIsNotCommittedThoughItsBodySaysOk) {
  ASSERT_OK(Do(*pool_, "CREATE TABLE t (n int PRIMARY KEY)"));
  const absl::Status status = pool_->Transact("do", Soon(), [](pqxx::work& work) -> absl::Status {
    work.exec("INSERT INTO t VALUES (1)");
    PQclear(PQexec(RawConnection(work.conn()), "SELECT nonsense"));
    return absl::OkStatus();
  });
  EXPECT_THAT(status, IsError(absl::StatusCode::kInternal, "DATABASE_ERROR"));
  EXPECT_THAT(Ask(*pool_, "SELECT count(*) FROM t"), IsOkAndHolds("0"));
}

TEST_F(PoolTest, AnAnswerThatCannotBeReadIsInternal) {
  EXPECT_THAT(pool_->Transact("do", Soon(),
                              [](pqxx::work& work) -> absl::Status {
                                work.exec1("SELECT 'x'")[0].as<int>();
                                return absl::OkStatus();
                              }),
              IsError(absl::StatusCode::kInternal, "DATABASE_ERROR"));
}

TEST_F(PoolTest, StatementsEndAtTheDeadlineAndTheConnectionStaysUsable) {
  ASSERT_OK(Do(*pool_, "SELECT 1"));
  const Deadline watch = Deadline::After(absl::Seconds(5));
  EXPECT_THAT(Do(*pool_, "SELECT pg_sleep(60)", Deadline::After(absl::Milliseconds(200))),
              IsError(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"));
  EXPECT_FALSE(watch.Passed());
  EXPECT_TRUE(Exposes("datong_db_pool_connections{state=\"idle\"} 1"));
  EXPECT_THAT(Ask(*pool_, "SELECT 7"), IsOkAndHolds("7"));
}

TEST_F(PoolTest, WritingTransactionsAreCappedAndReadingOnesAreNot) {
  Pool pool({.dsn = db_.dsn(), .longest_transaction = absl::Milliseconds(100)}, registry_);
  EXPECT_THAT(Do(pool, "SELECT pg_sleep(0.5)"),
              IsError(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"));
  EXPECT_THAT(Ask(pool, "SELECT 'x' FROM pg_sleep(0.5)", Soon(), {.read_only = true}),
              IsOkAndHolds("x"));
}

TEST_F(PoolTest, ReadOnlyTransactionsCannotWrite) {
  EXPECT_THAT(Ask(*pool_, "CREATE TABLE t (n int)", Soon(), {.read_only = true}).status().code(),
              absl::StatusCode::kUnavailable);
  EXPECT_THAT(Ask(*pool_, "SELECT current_setting('transaction_isolation')", Soon(),
                  {.read_only = true, .one_snapshot = true}),
              IsOkAndHolds("repeatable read"));
}

TEST_F(PoolTest, ABusyPoolIsUnavailableAtTheDeadline) {
  Pool pool({.dsn = db_.dsn(), .max_connections = 1}, registry_);
  const absl::Status status = pool.Transact("outer", Soon(), [&](pqxx::work&) -> absl::Status {
    return Do(pool, "SELECT 1", Deadline::After(absl::Milliseconds(30)));
  });
  EXPECT_THAT(status, IsError(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
}

// libpqxx 6 would reconnect in silence, and the settings of the session would be gone.
TEST_F(PoolTest, AConnectionThatBrokeIsDiscardedNotRevived) {
  ASSERT_OK(Do(*pool_, "SELECT 1"));
  const absl::Status lost = pool_->Transact("do", Soon(), [&](pqxx::work& work) -> absl::Status {
    const int pid = work.exec1("SELECT pg_backend_pid()")[0].as<int>();
    db_.Execute(absl::StrCat("SELECT pg_terminate_backend(", pid, ", 5000)"));
    work.exec("SELECT 1");
    return absl::OkStatus();
  });
  EXPECT_THAT(lost, IsError(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_FALSE(pool_->healthy());
  EXPECT_TRUE(Exposes("datong_db_pool_connections{state=\"idle\"} 0"));
  EXPECT_THAT(Ask(*pool_, "SELECT current_setting('TimeZone')"), IsOkAndHolds("UTC"));
  EXPECT_THAT(Ask(*pool_, "SELECT current_setting('statement_timeout')"),
              ::testing::Not(IsOkAndHolds("0")));
  EXPECT_TRUE(pool_->healthy());
}

TEST_F(PoolTest, AConnectionLostWhileIdleIsReplacedUnnoticed) {
  const absl::StatusOr<std::string> pid = Ask(*pool_, "SELECT pg_backend_pid()");
  ASSERT_OK(pid);
  db_.Execute(absl::StrCat("SELECT pg_terminate_backend(", *pid, ", 5000)"));
  const absl::StatusOr<std::string> next = Ask(*pool_, "SELECT pg_backend_pid()");
  ASSERT_OK(next);
  EXPECT_NE(*next, *pid);
}

// libpqxx 6 cuts a std::string at its first NUL when it is bound as bytea.
TEST_F(PoolTest, BinaryStringsKeepTheirNulBytes) {
  const std::string bytes("a\0b\xff", 4);
  const auto kept = pool_->Query<std::string>(
      "ask", Soon(), [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const pqxx::row row =
            work.exec_params1("SELECT $1::bytea", pqxx::binarystring(bytes.data(), bytes.size()));
        return pqxx::binarystring(row[0]).str();
      });
  EXPECT_THAT(kept, IsOkAndHolds(bytes));
}

TEST_F(PoolTest, NoServerIsUnavailable) {
  Pool pool({.dsn = Secret("host=/nonexistent user=datong dbname=none")}, registry_);
  EXPECT_THAT(Do(pool, "SELECT 1"),
              IsError(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_FALSE(pool.healthy());
}

TEST_F(PoolTest, PoolsOfOneRegistryAddUp) {
  Pool other({.dsn = db_.dsn(), .max_connections = 5}, registry_);
  EXPECT_TRUE(Exposes("datong_db_pool_max_connections 7"));
  ASSERT_OK(Do(other, "SELECT 1"));
  ASSERT_OK(Do(*pool_, "SELECT 1"));
  EXPECT_TRUE(Exposes("datong_db_pool_connections{state=\"idle\"} 2"));
}

TEST_F(PoolTest, ConflictsAreRetriedOnlyWhenAsked) {
  int runs = 0;
  const auto conflict_once = [&](pqxx::work& work) -> absl::Status {
    if (++runs == 1) work.exec("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$");
    return absl::OkStatus();
  };
  EXPECT_THAT(pool_->Transact("do", Soon(), conflict_once),
              IsError(absl::StatusCode::kAborted, "DATABASE_CONFLICT"));
  runs = 0;
  EXPECT_OK(pool_->Transact("do", Soon(), conflict_once, {.retry_conflicts = true}));
  EXPECT_EQ(runs, 2);
}

// A network that swallows everything: forwards a Unix socket until it is told to stop.
class BlackHole {
 public:
  explicit BlackHole(const std::string& target) : target_(target) {
    char folder[] = "/tmp/dtg-hole-XXXXXX";
    folder_ = ::mkdtemp(folder);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = Address(folder_ + "/.s.PGSQL.5432");
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this] { Forward(); });
  }
  ~BlackHole() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
    for (const auto& [a, b] : pairs_) {
      ::close(a);
      ::close(b);
    }
    std::filesystem::remove_all(folder_);
  }
  const std::string& folder() const { return folder_; }
  void Swallow() { swallowing_ = true; }

 private:
  static sockaddr_un Address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  void Forward() {
    while (!stopping_) {
      std::vector<pollfd> polls{{listener_, POLLIN, 0}};
      for (const auto& [a, b] : pairs_) {
        if (swallowing_) continue;
        polls.push_back({a, POLLIN, 0});
        polls.push_back({b, POLLIN, 0});
      }
      if (::poll(polls.data(), polls.size(), 5) <= 0) continue;
      for (size_t i = 1; i + 1 < polls.size(); i += 2) {
        if (polls[i].revents != 0) Pump(polls[i].fd, polls[i + 1].fd);
        if (polls[i + 1].revents != 0) Pump(polls[i + 1].fd, polls[i].fd);
      }
      if (polls[0].revents != 0) {
        const int client = ::accept(listener_, nullptr, nullptr);
        const int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const sockaddr_un address = Address(target_ + "/.s.PGSQL.5432");
        EXPECT_EQ(::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  0);
        pairs_.emplace_back(client, server);
      }
    }
  }
  void Pump(int from, int to) {
    if (swallowing_) return;
    char bytes[4096];
    const ssize_t n = ::recv(from, bytes, sizeof bytes, 0);
    if (n > 0) {
      EXPECT_EQ(::send(to, bytes, static_cast<size_t>(n), MSG_NOSIGNAL), n);
    } else {
      ::shutdown(to, SHUT_RDWR);
    }
  }

  std::string target_;
  std::string folder_;
  int listener_;
  std::atomic<bool> swallowing_{false};
  std::atomic<bool> stopping_{false};
  std::vector<std::pair<int, int>> pairs_;
  std::thread thread_;
};

std::string Part(const std::string& dsn, const std::string& key) {
  std::string found;
  for (absl::string_view part : absl::StrSplit(dsn, ' ')) {
    if (absl::StartsWith(part, key + "=")) found = std::string(part.substr(key.size() + 1));
  }
  return found;
}

// libpqxx would wait for ever.
TEST_F(PoolTest, ADeadNetworkIsBoundedByTheDeadline) {
  const std::string dsn = db_.dsn().Expose();
  BlackHole hole(Part(dsn, "host"));
  Pool pool({.dsn = Secret(absl::StrCat("host=", hole.folder(), " user=", Part(dsn, "user"),
                                        " dbname=", Part(dsn, "dbname")))},
            registry_);
  ASSERT_OK(Do(pool, "SELECT 1"));
  hole.Swallow();
  const Deadline watch = Deadline::After(absl::Seconds(5));
  EXPECT_THAT(Do(pool, "SELECT 1", Deadline::After(absl::Milliseconds(100))),
              IsError(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"));
  // The next call connects anew, into the same hole.
  EXPECT_THAT(Do(pool, "SELECT 1", Deadline::After(absl::Milliseconds(100))),
              IsError(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_FALSE(watch.Passed());
  EXPECT_FALSE(pool.healthy());
}

}  // namespace
}  // namespace datong::postgres
