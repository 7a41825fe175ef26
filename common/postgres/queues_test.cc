#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/postgres/job_queue.h"
#include "common/postgres/lease.h"
#include "common/postgres/outbox.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"

namespace datong::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Deadline Soon() { return Deadline::After(absl::Seconds(10)); }
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

constexpr char kTables[] = R"sql(
  CREATE TABLE t.leases (name text PRIMARY KEY, holder text NOT NULL, epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL);
  CREATE TABLE t.jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL,
    key text NOT NULL, payload text NOT NULL DEFAULT '', due_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1, claim bigint NOT NULL DEFAULT 0,
    claimed_until timestamptz, attempts int NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '', created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, key));
  CREATE INDEX jobs_due ON t.jobs (kind, due_at);
  CREATE TABLE t.outbox (id bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), text text NOT NULL);
  CREATE INDEX ON t.outbox (xid, id))sql";

class QueuesTest : public ::testing::Test {
 protected:
  TestDatabase db_{{{"t", {{1, "create_tables", kTables}}}}};
  metrics::Registry registry_;
  std::unique_ptr<Pool> pool_ = db_.MakePool(registry_);
};

using LeaseTest = QueuesTest;

TEST_F(LeaseTest, OnlyOneHoldsItUntilItIsReleased) {
  LeaseTable a(*pool_, "t.leases", "a", registry_, "test");
  LeaseTable b(*pool_, "t.leases", "b", registry_, "test");
  const auto held = a.Acquire("x", absl::Seconds(30), Soon());
  ASSERT_OK(held);
  ASSERT_TRUE(held->has_value());
  EXPECT_THAT(b.Acquire("x", absl::Seconds(30), Soon()), IsOkAndHolds(std::nullopt));
  ASSERT_OK(a.Release(**held, Soon()));
  const auto next = b.Acquire("x", absl::Seconds(30), Soon());
  ASSERT_OK(next);
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->epoch, (*held)->epoch + 1);
}

TEST_F(LeaseTest, SeveralAreRenewedAtOnceAndTheLostOnesAreLeftOut) {
  LeaseTable a(*pool_, "t.leases", "a", registry_, "test");
  const Lease kept = **a.Acquire("kept", absl::Seconds(30), Soon());
  const Lease lost = **a.Acquire("lost", absl::Milliseconds(1), Soon());
  LeaseTable b(*pool_, "t.leases", "b", registry_, "test");
  std::optional<Lease> taken;
  while (!taken.has_value()) taken = *b.Acquire("lost", absl::Seconds(30), Soon());
  EXPECT_THAT(a.RenewAll({kept, lost}, absl::Seconds(30), Soon()),
              IsOkAndHolds(std::vector<std::string>{"kept"}));
  EXPECT_OK(b.Renew(*taken, absl::Seconds(30), Soon()));
}

TEST_F(LeaseTest, TheEpochFencesOffAFormerHolder) {
  LeaseTable a(*pool_, "t.leases", "a", registry_, "test");
  LeaseTable b(*pool_, "t.leases", "b", registry_, "test");
  auto old_lease = a.Acquire("x", absl::ZeroDuration(), Soon());
  ASSERT_OK(old_lease);
  auto new_lease = b.Acquire("x", absl::Seconds(30), Soon());
  ASSERT_OK(new_lease);
  ASSERT_TRUE(new_lease->has_value());
  EXPECT_THAT(a.Renew(**old_lease, absl::Seconds(30), Soon()),
              IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
  const auto write = [&](LeaseTable& table, const Lease& lease) {
    return pool_->Transact("write", Soon(), [&](pqxx::work& work) -> absl::Status {
      return table.Fence(work, lease);
    });
  };
  EXPECT_THAT(write(a, **old_lease), IsError(absl::StatusCode::kAborted, "LEASE_LOST"));
  EXPECT_OK(write(b, **new_lease));
  EXPECT_OK(b.Renew(**new_lease, absl::Seconds(30), Soon()));
}

TEST_F(LeaseTest, NobodyTakesItWhileAFencedWriteRuns) {
  LeaseTable a(*pool_, "t.leases", "a", registry_, "test");
  LeaseTable b(*pool_, "t.leases", "b", registry_, "test");
  const auto held = a.Acquire("x", absl::ZeroDuration(), Soon());
  ASSERT_OK(held);
  ASSERT_OK(pool_->Transact("write", Soon(), [&](pqxx::work& work) -> absl::Status {
    EXPECT_OK(a.Fence(work, **held));
    EXPECT_THAT(b.Acquire("x", absl::Seconds(30), Deadline::After(absl::Milliseconds(200))),
                IsError(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"));
    return absl::OkStatus();
  }));
}

using JobQueueTest = QueuesTest;

TEST_F(JobQueueTest, TwoWorkersNeverGetTheSameJob) {
  JobQueue queue(*pool_, "t.jobs");
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK(queue.Enqueue("mail", absl::StrCat(i), "", kNow, Soon()));
  }
  std::vector<std::vector<int64_t>> claimed(2);
  std::vector<std::thread> workers;
  for (auto& mine : claimed) {
    workers.emplace_back([&] {
      for (;;) {
        const auto jobs = queue.Claim("mail", kNow, 7, absl::Minutes(1), Soon());
        ASSERT_OK(jobs);
        if (jobs->empty()) return;
        for (const Job& job : *jobs) mine.push_back(job.id);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::set<int64_t> all(claimed[0].begin(), claimed[0].end());
  all.insert(claimed[1].begin(), claimed[1].end());
  EXPECT_EQ(claimed[0].size() + claimed[1].size(), 100u);
  EXPECT_EQ(all.size(), 100u);
}

TEST_F(JobQueueTest, AJobIsClaimedWhenDueAndGoneWhenComplete) {
  JobQueue queue(*pool_, "t.jobs");
  ASSERT_OK(queue.Enqueue("mail", "k", "hello", kNow + absl::Hours(1), Soon()));
  EXPECT_THAT(queue.Claim("mail", kNow, 9, absl::Minutes(1), Soon()), IsOkAndHolds(IsEmpty()));
  const auto jobs = queue.Claim("mail", kNow + absl::Hours(1), 9, absl::Minutes(1), Soon());
  ASSERT_OK(jobs);
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_EQ(jobs->front().payload, "hello");
  EXPECT_EQ(jobs->front().due_time, kNow + absl::Hours(1));
  EXPECT_OK(queue.Complete(jobs->front(), Soon()));
  const auto backlog = queue.Count("mail", Soon());
  ASSERT_OK(backlog);
  EXPECT_EQ(backlog->jobs, 0);
}

TEST_F(JobQueueTest, AClaimThatRanOutGoesToAnotherAndTheFirstIsFencedOff) {
  JobQueue queue(*pool_, "t.jobs");
  ASSERT_OK(queue.Enqueue("mail", "k", "", kNow, Soon()));
  const auto first = queue.Claim("mail", kNow, 1, absl::ZeroDuration(), Soon());
  ASSERT_OK(first);
  const auto second = queue.Claim("mail", kNow, 1, absl::Minutes(1), Soon());
  ASSERT_OK(second);
  ASSERT_THAT(*second, SizeIs(1));
  EXPECT_EQ(second->front().attempts, 2);
  EXPECT_THAT(queue.Complete(first->front(), Soon()),
              IsError(absl::StatusCode::kAborted, "CLAIM_LOST"));
  EXPECT_THAT(queue.Extend(first->front(), absl::Minutes(1), Soon()),
              IsError(absl::StatusCode::kAborted, "CLAIM_LOST"));
  EXPECT_OK(queue.Extend(second->front(), absl::Minutes(1), Soon()));
  EXPECT_OK(queue.Complete(second->front(), Soon()));
}

TEST_F(JobQueueTest, AFailedJobComesBackAtItsRetryTime) {
  JobQueue queue(*pool_, "t.jobs");
  ASSERT_OK(queue.Enqueue("mail", "k", "", kNow, Soon()));
  const auto jobs = queue.Claim("mail", kNow, 1, absl::Minutes(1), Soon());
  ASSERT_OK(jobs);
  ASSERT_OK(queue.Fail(jobs->front(), kNow + absl::Minutes(5), "no answer", Soon()));
  EXPECT_THAT(queue.Claim("mail", kNow, 1, absl::Minutes(1), Soon()), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(queue.Claim("mail", kNow + absl::Minutes(5), 1, absl::Minutes(1), Soon()),
              IsOkAndHolds(SizeIs(1)));
}

TEST_F(JobQueueTest, AJobEnqueuedAgainWhileItRunsRunsOnceMore) {
  JobQueue queue(*pool_, "t.jobs");
  ASSERT_OK(queue.Enqueue("mail", "k", "old", kNow, Soon()));
  const auto jobs = queue.Claim("mail", kNow, 1, absl::Minutes(1), Soon());
  ASSERT_OK(jobs);
  ASSERT_OK(queue.Enqueue("mail", "k", "new", kNow, Soon()));
  ASSERT_OK(queue.Complete(jobs->front(), Soon()));
  const auto again = queue.Claim("mail", kNow, 1, absl::Minutes(1), Soon());
  ASSERT_OK(again);
  ASSERT_THAT(*again, SizeIs(1));
  EXPECT_EQ(again->front().payload, "new");
}

class OutboxTest : public QueuesTest {
 protected:
  // The texts after `cursor`, which moves on.
  std::vector<std::string> Read(std::string& cursor, int limit = 10) {
    std::vector<std::string> texts;
    const OutboxReader reader("t.outbox", "text");
    EXPECT_OK(pool_->Transact("read", Soon(), [&](pqxx::work& work) -> absl::Status {
      const auto page = reader.Read(work, cursor, limit);
      if (!page.ok()) return page.status();
      for (const pqxx::row& row : page->rows) texts.push_back(row["text"].c_str());
      cursor = page->next_cursor;
      return absl::OkStatus();
    }));
    return texts;
  }
  void Write(pqxx::work& work, const std::string& text) {
    work.exec_params("INSERT INTO t.outbox (text) VALUES ($1)", text);
  }
};

TEST_F(OutboxTest, ARowCommittedLateIsNotSkipped) {
  std::string cursor;
  ASSERT_OK(pool_->Transact("first", Soon(), [&](pqxx::work& earlier) -> absl::Status {
    Write(earlier, "earlier");
    EXPECT_OK(pool_->Transact("second", Soon(), [&](pqxx::work& later) -> absl::Status {
      Write(later, "later");
      return absl::OkStatus();
    }));
    // The later one is committed, but to show it would skip the earlier one for ever.
    EXPECT_THAT(Read(cursor), IsEmpty());
    return absl::OkStatus();
  }));
  EXPECT_THAT(Read(cursor), ElementsAre("earlier", "later"));
  EXPECT_THAT(Read(cursor), IsEmpty());
}

TEST_F(OutboxTest, PagesFollowEachOther) {
  for (const char* text : {"a", "b", "c"}) {
    ASSERT_OK(pool_->Transact("write", Soon(), [&](pqxx::work& work) -> absl::Status {
      Write(work, text);
      return absl::OkStatus();
    }));
  }
  std::string cursor;
  EXPECT_THAT(Read(cursor, 2), ElementsAre("a", "b"));
  EXPECT_THAT(Read(cursor, 2), ElementsAre("c"));
}

TEST_F(OutboxTest, CursorsOfAnotherDatabaseAndRubbishAreRefused) {
  std::string cursor;
  Read(cursor);
  TestDatabase other({{"t", {{1, "create_tables", kTables}}}});
  const auto other_pool = other.MakePool(registry_);
  const auto read = [&](const std::string& from) {
    return other_pool->Transact("read", Soon(), [&](pqxx::work& work) -> absl::Status {
      return OutboxReader("t.outbox", "text").Read(work, from, 1).status();
    });
  };
  EXPECT_THAT(read(cursor), IsError(absl::StatusCode::kFailedPrecondition, "CURSOR_STALE"));
  EXPECT_THAT(read("rubbish"), IsError(absl::StatusCode::kInvalidArgument, "CURSOR_INVALID"));
}

}  // namespace
}  // namespace datong::postgres
