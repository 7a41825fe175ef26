#include "common/postgres/migrator.h"

#include <gtest/gtest.h>

#include <thread>

#include "common/testing/matchers.h"
#include "common/testing/test_database.h"

namespace datong::postgres {
namespace {

const std::vector<Migration> kTwo = {
    {1, "create_apples", "CREATE TABLE fruit.apples (n int)"},
    {2, "create_pears", "-- no-transaction\nCREATE TABLE fruit.pears (n int)"},
};

class MigratorTest : public ::testing::Test {
 protected:
  std::string Ask(const std::string& sql) {
    pqxx::connection connection(db_.dsn().Expose());
    pqxx::work work(connection);
    return work.exec1(sql)[0].c_str();
  }
  TestDatabase db_;
  metrics::Registry registry_;
};

TEST_F(MigratorTest, TheSecondRunFindsNothingToDo) {
  const auto first = Migrate(db_.dsn(), {{"fruit", kTwo}});
  ASSERT_OK(first);
  ASSERT_EQ(first->applied.size(), 2u);
  EXPECT_EQ(first->applied[1].title, "create_pears");
  const auto second = Migrate(db_.dsn(), {{"fruit", kTwo}});
  ASSERT_OK(second);
  EXPECT_TRUE(second->applied.empty());
}

TEST_F(MigratorTest, SeveralAtOnceApplyEachStepOnce) {
  std::vector<std::thread> threads;
  std::vector<size_t> applied(3);
  for (size_t i = 0; i < applied.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto report = Migrate(db_.dsn(), {{"fruit", kTwo}});
      applied[i] = report.ok() ? report->applied.size() : 100;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(applied[0] + applied[1] + applied[2], 2u);
}

TEST_F(MigratorTest, AFailingStepIsUndoneAndTheOnesBeforeItStay) {
  const auto report = Migrate(
      db_.dsn(),
      {{"fruit",
        {kTwo[0], {2, "break_things", "CREATE TABLE fruit.figs (n int); SELECT nonsense"}}}});
  EXPECT_THAT(report, IsError(absl::StatusCode::kFailedPrecondition, "MIGRATION_FAILED"));
  EXPECT_EQ(GetErrorInfo(report.status())->metadata["file"], "0002_break_things.sql");
  EXPECT_EQ(Ask("SELECT to_regclass('fruit.apples') IS NOT NULL"), "t");
  EXPECT_EQ(Ask("SELECT to_regclass('fruit.figs') IS NULL"), "t");
}

TEST_F(MigratorTest, AStepGivesWayToWhoeverHoldsItsTable) {
  ASSERT_OK(Migrate(db_.dsn(), {{"fruit", kTwo}}));
  pqxx::connection holder(db_.dsn().Expose());
  pqxx::work work(holder);
  work.exec("LOCK TABLE fruit.apples IN ACCESS SHARE MODE");
  const std::vector<Migration> three = {
      kTwo[0], kTwo[1], {3, "widen_apples", "ALTER TABLE fruit.apples ADD COLUMN m int"}};
  const auto report = Migrate(db_.dsn(), {{"fruit", three}}, absl::Milliseconds(50));
  EXPECT_THAT(report, IsError(absl::StatusCode::kFailedPrecondition, "MIGRATION_FAILED"));
  work.abort();
  EXPECT_OK(Migrate(db_.dsn(), {{"fruit", three}}, absl::Milliseconds(50)));
}

TEST_F(MigratorTest, AnEditedStepIsRefused) {
  ASSERT_OK(Migrate(db_.dsn(), {{"fruit", kTwo}}));
  EXPECT_THAT(Migrate(db_.dsn(), {{"fruit", {{1, "create_apples", "SELECT 1"}, kTwo[1]}}}),
              IsError(absl::StatusCode::kFailedPrecondition, "MIGRATION_FAILED"));
}

TEST_F(MigratorTest, ReadinessTakesTheNewestSchemaAndTheOneBefore) {
  const auto pool = db_.MakePool(registry_);
  EXPECT_THAT(CheckSchemaVersion(*pool, "fruit", 2),
              IsError(absl::StatusCode::kFailedPrecondition, "SCHEMA_MISSING"));
  ASSERT_OK(Migrate(db_.dsn(), {{"fruit", kTwo}}));
  EXPECT_OK(CheckSchemaVersion(*pool, {"fruit", kTwo}));
  EXPECT_OK(CheckSchemaVersion(*pool, "fruit", 3));
  EXPECT_THAT(CheckSchemaVersion(*pool, "fruit", 4),
              IsError(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_OLD"));
  EXPECT_THAT(CheckSchemaVersion(*pool, "fruit", 1),
              IsError(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW"));
  EXPECT_THAT(Migrate(db_.dsn(), {{"fruit", {kTwo[0]}}}),
              IsError(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW"));
}

TEST_F(MigratorTest, NoServerIsUnavailable) {
  EXPECT_THAT(Migrate(Secret("host=/nonexistent"), {}),
              IsError(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
}

}  // namespace
}  // namespace datong::postgres
