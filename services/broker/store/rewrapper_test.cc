#include "services/broker/store/rewrapper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "broker_migrations.h"
#include "common/status/macros.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "services/broker/store/job_writer.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Deadline Soon() { return Deadline::After(absl::Seconds(60)); }

crypto::KeyRing Keys(const std::string& active, const std::string& ids) {
  std::map<std::string, Secret> keys;
  for (const char id : ids) keys[std::string(1, id)] = Secret(std::string(32, id));
  return crypto::KeyRing(active, std::move(keys));
}

class RewrapperTest : public ::testing::Test {
 protected:
  RewrapperTest() : database_({{"broker", Migrations()}}), pool_(database_.MakePool(registry_)) {}

  // A value in every sealed column, under the active key.
  void Fill(int sessions) {
    ASSERT_OK(pool_->Transact("fill", Soon(), [&](pqxx::work& work) -> absl::Status {
      const Sealer sealer(envelope_);
      const auto seal = [&](const char* column, const std::string& record) {
        return pqxx::binarystring(*sealer.Seal(Secret("v-" + record), column, record));
      };
      work.exec(
          "INSERT INTO broker.projects (id, display_name, created_at) "
          "VALUES ('p', 'P', now())");
      work.exec_params(
          "INSERT INTO broker.apps (appid, project, kind, display_name, open_platform_account, "
          "component, state, credentials, created_at) VALUES ('a','p',1,'','','',1,$1,now())",
          seal("apps.credentials", "a"));
      work.exec_params("INSERT INTO broker.tokens VALUES ('a', $1, $2, $3, now(), now(), 1)",
                       seal("tokens.access_token", "a"), seal("tokens.refresh_token", "a"),
                       seal("tokens.refresh_token", "a"));
      work.exec_params("INSERT INTO broker.tickets VALUES ('a', $1, now(), now())",
                       seal("tickets.ticket", "a"));
      for (int i = 0; i < sessions; ++i) {
        const std::string openid = absl::StrCat("o", i);
        work.exec_params("INSERT INTO broker.sessions VALUES ('a', $1, $2, now())", openid,
                         seal("sessions.session_key", "a:" + openid));
      }
      for (const JobKind kind : {JobKind::kPush, JobKind::kEvidence}) {
        NewJob job;
        job.kind = kind;
        job.key = "same";
        job.project = "p";
        job.appid = "a";
        job.payload = "v-same";
        DATONG_RETURN_IF_ERROR(jobs_.Write(work, job, absl::ZeroDuration()));
      }
      return absl::OkStatus();
    }));
  }
  std::map<std::string, int64_t> Count() {
    auto counts = Rewrapper(*pool_, envelope_).CountByKey(Soon());
    EXPECT_OK(counts);
    return *counts;
  }
  absl::StatusOr<Rewrapper::Progress> Rewrap() {
    return Rewrapper(*pool_, envelope_).Run([](const Rewrapper::Progress&) { return true; });
  }
  Secret Session(const std::string& openid) {
    absl::StatusOr<Secret> value =
        pool_->Query<Secret>("read", Soon(), [&](pqxx::work& work) -> absl::StatusOr<Secret> {
          const pqxx::result rows =
              work.exec_params("SELECT session_key FROM broker.sessions WHERE openid = $1", openid);
          return Sealer(envelope_).Open(rows[0][0], "sessions.session_key", "a:" + openid);
        });
    EXPECT_OK(value);
    return value.ok() ? *value : Secret();
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  metrics::Registry registry_;
  TestDatabase database_;
  std::unique_ptr<postgres::Pool> pool_;
  crypto::Envelope envelope_{Keys("1", "1")};
  JobWriter jobs_{*pool_, envelope_, clock_};
};

TEST_F(RewrapperTest, EverySealedColumnMovesToTheActiveKeyAndTheOldOneMayGo) {
  Fill(3);
  EXPECT_THAT(Count(), ElementsAre(Pair("1", 10)));
  envelope_.SetKeys(Keys("2", "12"));
  const absl::StatusOr<Rewrapper::Progress> progress = Rewrap();
  ASSERT_OK(progress);
  EXPECT_EQ(progress->rewrapped, 10);
  EXPECT_EQ(progress->unreadable, 0);
  EXPECT_THAT(Count(), ElementsAre(Pair("2", 10)));
  EXPECT_EQ(Rewrap()->rewrapped, 0);

  envelope_.SetKeys(Keys("2", "2"));
  EXPECT_TRUE(Session("o1") == Secret("v-a:o1"));
  const auto jobs = jobs_.queue().Claim("push", clock_.Now(), 10, absl::Minutes(1), Soon());
  ASSERT_OK(jobs);
  ASSERT_EQ(jobs->size(), 1U);
  EXPECT_EQ(jobs_.Read(JobKind::kPush, (*jobs)[0])->payload, "v-same");
}

TEST_F(RewrapperTest, ARunThatWasCutOffIsTakenUpAgain) {
  Fill(500);
  envelope_.SetKeys(Keys("2", "12"));
  const auto cut = Rewrapper(*pool_, envelope_).Run([](const Rewrapper::Progress& progress) {
    return progress.rewrapped < 100;
  });
  ASSERT_OK(cut);
  EXPECT_LT(cut->rewrapped, 507);
  EXPECT_EQ(Count().size(), 2U);
  EXPECT_EQ(Rewrap()->rewrapped, 507 - cut->rewrapped);
  EXPECT_THAT(Count(), ElementsAre(Pair("2", 507)));
}

TEST_F(RewrapperTest, WhatNoKeyOpensIsLeftAndTold) {
  Fill(2);
  envelope_.SetKeys(Keys("2", "2"));
  const absl::StatusOr<Rewrapper::Progress> progress = Rewrap();
  ASSERT_OK(progress);
  EXPECT_EQ(progress->rewrapped, 0);
  EXPECT_EQ(progress->unreadable, 9);
  EXPECT_THAT(Count(), ElementsAre(Pair("1", 9)));
}

// Keys change again and again while sessions are read and written; no call fails, and no write is
// overwritten by an older value.
TEST_F(RewrapperTest, KeysRotateUnderLoadWithoutAFailedCall) {
  Fill(20);
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0};
  std::atomic<int> failures{0};
  std::thread load([&] {
    const Sealer sealer(envelope_);
    for (int64_t written = 0; !stop; ++written) {
      const std::string openid = absl::StrCat("o", written % 20);
      const std::string value = absl::StrCat("w", written);
      const absl::Status wrote =
          pool_->Transact("write", Soon(), [&](pqxx::work& work) -> absl::Status {
            DATONG_ASSIGN_OR_RETURN(
                const std::string sealed,
                sealer.Seal(Secret(value), "sessions.session_key", "a:" + openid));
            work.exec_params("UPDATE broker.sessions SET session_key = $2 WHERE openid = $1",
                             openid, pqxx::binarystring(sealed));
            return absl::OkStatus();
          });
      if (!wrote.ok() || !(Session(openid) == Secret(value))) ++failures;
      ++calls;
    }
  });
  const std::string ids = "123456";
  for (size_t i = 1; i < ids.size(); ++i) {
    envelope_.SetKeys(Keys(std::string(1, ids[i]), ids.substr(0, i + 1)));
    for (const int before = calls; calls < before + 5;) std::this_thread::yield();
    ASSERT_OK(Rewrap());
  }
  stop = true;
  load.join();
  EXPECT_EQ(failures, 0);
  ASSERT_OK(Rewrap());
  EXPECT_THAT(Count(), ElementsAre(Pair("6", 27)));
  envelope_.SetKeys(Keys("6", "6"));
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(Session(absl::StrCat("o", i)).empty());
}

// A sealed column that is missing in the list would keep its old key for ever.
TEST_F(RewrapperTest, EveryBinaryColumnOfTheSchemaIsInTheList) {
  std::set<std::string> listed = {};
  for (const auto& [column, binding] : Rewrapper::Columns()) listed.insert(column);
  const absl::Status status =
      pool_->Transact("columns", Soon(), [&](pqxx::work& work) -> absl::Status {
        for (const pqxx::row& row :
             work.exec("SELECT table_name || '.' || column_name FROM information_schema.columns "
                       "WHERE table_schema = 'broker' AND data_type = 'bytea'")) {
          EXPECT_EQ(listed.count(row[0].as<std::string>()), 1U) << row[0].as<std::string>();
        }
        return absl::OkStatus();
      });
  EXPECT_OK(status);
}

}  // namespace
}  // namespace datong::broker
