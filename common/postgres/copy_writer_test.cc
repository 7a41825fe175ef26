#include "common/postgres/copy_writer.h"

#include <gtest/gtest.h>

#include "common/testing/matchers.h"
#include "common/testing/test_database.h"

namespace datong::postgres {
namespace {

Deadline Soon() { return Deadline::After(absl::Seconds(10)); }

class CopyWriterTest : public ::testing::Test {
 protected:
  CopyWriterTest() {
    db_.Execute(
        "CREATE TABLE t (i2 smallint, i4 int, i8 bigint, txt text, bin bytea, at timestamptz, "
        "id uuid, yes bool, x double precision); CREATE TABLE n (n int PRIMARY KEY, s text)");
  }
  TestDatabase db_;
  metrics::Registry registry_;
  std::unique_ptr<Pool> pool_ = db_.MakePool(registry_);
};

TEST_F(CopyWriterTest, EveryTypeAndNullComeBackAsTheyWent) {
  const std::string uuid("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 16);
  ASSERT_OK(pool_->Transact("copy", Soon(), [&](pqxx::work& work) -> absl::Status {
    CopyWriter copy(work, "t (i2, i4, i8, txt, bin, at, id, yes, x)");
    copy.BeginRow(9);
    copy.Int16(-2);
    copy.Int32(-70'000);
    copy.Int64(-5'000'000'000);
    copy.Text("打通");
    copy.Bytes(absl::string_view("a\0b", 3));
    copy.Timestamp(absl::FromUnixMicros(1'700'000'000'123'456));
    copy.Uuid(uuid);
    copy.Bool(true);
    copy.Double(-0.5);
    copy.BeginRow(9);
    for (int i = 0; i < 9; ++i) copy.Null();
    const auto rows = copy.Finish();
    EXPECT_THAT(rows, IsOkAndHolds(2));
    return rows.status();
  }));
  ASSERT_OK(pool_->Transact("read", Soon(), [&](pqxx::work& work) -> absl::Status {
    const pqxx::result rows =
        work.exec("SELECT i2, i4, i8, txt, bin, at, id, yes, x FROM t ORDER BY i2 NULLS LAST");
    EXPECT_EQ(rows[0][0].as<int>(), -2);
    EXPECT_EQ(rows[0][1].as<int>(), -70'000);
    EXPECT_EQ(rows[0][2].as<int64_t>(), -5'000'000'000);
    EXPECT_STREQ(rows[0][3].c_str(), "打通");
    EXPECT_EQ(pqxx::binarystring(rows[0][4]).str(), std::string("a\0b", 3));
    EXPECT_STREQ(rows[0][5].c_str(), "2023-11-14 22:13:20.123456+00");
    EXPECT_STREQ(rows[0][6].c_str(), "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_TRUE(rows[0][7].as<bool>());
    EXPECT_EQ(rows[0][8].as<double>(), -0.5);
    for (const pqxx::field& field : rows[1]) EXPECT_TRUE(field.is_null());
    return absl::OkStatus();
  }));
}

TEST_F(CopyWriterTest, ManyRowsGoInChunks) {
  const std::string text(100, 'x');
  ASSERT_OK(pool_->Transact("copy", Soon(), [&](pqxx::work& work) -> absl::Status {
    CopyWriter copy(work, "n (n, s)");
    for (int i = 0; i < 20'000; ++i) {
      copy.BeginRow(2);
      copy.Int32(i);
      copy.Text(text);
    }
    EXPECT_THAT(copy.Finish(), IsOkAndHolds(20'000));
    // The transaction goes on after it.
    EXPECT_EQ(work.exec1("SELECT count(*) FROM n")[0].as<int>(), 20'000);
    return absl::OkStatus();
  }));
}

TEST_F(CopyWriterTest, WhatTheServerRefusesIsANamedStatus) {
  const auto copy_twice = [&](const std::string& table) {
    return pool_->Transact("copy", Soon(), [&](pqxx::work& work) -> absl::Status {
      CopyWriter copy(work, table);
      for (int i = 0; i < 2; ++i) {
        copy.BeginRow(1);
        copy.Int32(7);
      }
      return copy.Finish().status();
    });
  };
  EXPECT_THAT(copy_twice("n (n)"), IsError(absl::StatusCode::kAlreadyExists, "DATABASE_DUPLICATE"));
  EXPECT_THAT(copy_twice("nothing (n)"), IsError(absl::StatusCode::kInternal, "DATABASE_ERROR"));
  EXPECT_OK(pool_->Transact("check", Soon(), [](pqxx::work& work) -> absl::Status {
    EXPECT_EQ(work.exec1("SELECT count(*) FROM n")[0].as<int>(), 0);
    return absl::OkStatus();
  }));
}

TEST_F(CopyWriterTest, AWriterThatIsGivenUpWritesNothing) {
  const absl::Status status =
      pool_->Transact("copy", Soon(), [&](pqxx::work& work) -> absl::Status {
        CopyWriter copy(work, "n (n)");
        copy.BeginRow(1);
        copy.Int32(7);
        return absl::CancelledError("changed my mind");
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_OK(pool_->Transact("check", Soon(), [](pqxx::work& work) -> absl::Status {
    EXPECT_EQ(work.exec1("SELECT count(*) FROM n")[0].as<int>(), 0);
    return absl::OkStatus();
  }));
}

}  // namespace
}  // namespace datong::postgres
