// What the database itself holds against changes of the audit.
#include <gtest/gtest.h>

#include <memory>

#include "broker_migrations.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"

namespace datong::broker {
namespace {

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() : database_({{"broker", Migrations()}}), pool_(database_.MakePool(registry_)) {
    for (const char* age : {"1 day", "4 years"}) {
      EXPECT_OK(Run("INSERT INTO broker.access_log VALUES ('" + std::string(age) +
                    "', now() - interval '" + age + "', 'p', 'a', 1, 'c', 'x', true, '', 1)"));
    }
  }
  absl::Status Run(const std::string& sql) {
    return pool_->Transact("test", Deadline::After(absl::Seconds(30)),
                           [&](pqxx::work& work) -> absl::Status {
                             affected_ = work.exec(sql).affected_rows();
                             return absl::OkStatus();
                           });
  }

  metrics::Registry registry_;
  TestDatabase database_;
  std::unique_ptr<postgres::Pool> pool_;
  size_t affected_ = 0;
};

TEST_F(AccessLogTest, RowsAreNeverChangedAndOnlyOldOnesRemoved) {
  EXPECT_FALSE(Run("UPDATE broker.access_log SET caller = 'nobody'").ok());
  EXPECT_FALSE(Run("DELETE FROM broker.access_log").ok());
  EXPECT_FALSE(Run("TRUNCATE broker.access_log").ok());
  EXPECT_OK(Run("DELETE FROM broker.access_log WHERE second < now() - interval '3 years'"));
  EXPECT_EQ(affected_, 1u);
  EXPECT_OK(Run("SELECT * FROM broker.access_log"));
  EXPECT_EQ(affected_, 1u);
}

}  // namespace
}  // namespace datong::broker
