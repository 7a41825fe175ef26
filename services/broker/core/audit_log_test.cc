#include "services/broker/core/audit_log.h"

#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

// A spool in memory that may be full.
class FakeSpool : public AuditSpool {
 public:
  bool full = false;
  std::vector<AccessRow> rows;
  absl::Status Append(const std::vector<AccessRow>& some) override {
    if (full) return absl::ResourceExhaustedError("full");
    rows.insert(rows.end(), some.begin(), some.end());
    return absl::OkStatus();
  }
  absl::Status MoveTo(AuditStore& store, Deadline deadline) override {
    const absl::Status status = store.Append(rows, deadline);
    if (status.ok()) rows.clear();
    return status;
  }
};

class AuditLogTest : public CoreFixture {
 protected:
  bool Read(AuditLog& log) {
    return log.Count({.caller = "team-a",
                      .project = "demo",
                      .appid = "wx-own",
                      .kind = AppKind::kOfficialAccount,
                      .action = "read_token"});
  }
  std::vector<AccessRow> Rows() {
    AccessFilter filter;
    filter.project = "demo";
    return *store_.List(filter, 100, soon());
  }
  FakeSpool spool_;
};

TEST_F(AuditLogTest, ReadsOfOneSecondAreOneRowWithACount) {
  AuditLog log(store_, nullptr, false, metrics_, clock_);
  EXPECT_TRUE(Read(log));
  EXPECT_TRUE(Read(log));
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Read(log));
  log.Flush(soon());
  ASSERT_EQ(Rows().size(), 2u);
  EXPECT_EQ(Rows()[0].count, 1);
  EXPECT_EQ(Rows()[1].count, 2);
}

TEST_F(AuditLogTest, SecretsAndRefusalsOfKnownCallersStandOneByOne) {
  AuditLog log(store_, nullptr, false, metrics_, clock_);
  const auto count = [&log](const char* caller, const char* action, bool allowed) {
    EXPECT_TRUE(
        log.Count({.caller = caller, .project = "demo", .action = action, .allowed = allowed}));
    EXPECT_TRUE(
        log.Count({.caller = caller, .project = "demo", .action = action, .allowed = allowed}));
    log.Flush(Deadline::After(absl::Seconds(5)));
  };
  count("team-a", "login", true);
  EXPECT_EQ(Rows().size(), 2u);
  count("team-a", "tokens.read", false);
  EXPECT_EQ(Rows().size(), 4u);
  // Anybody may be refused as often as he likes.
  count("anonymous", "tokens.read", false);
  EXPECT_EQ(Rows().size(), 5u);
}

TEST_F(AuditLogTest, ARowOfItsOwnNamesItsCall) {
  AuditLog log(store_, nullptr, false, metrics_, clock_);
  EXPECT_TRUE(log.Count({.caller = "team-a",
                         .project = "demo",
                         .action = "login",
                         .request_id = "r1",
                         .trace_id = "t1",
                         .peer = "ipv4:10.0.0.1:1"}));
  log.Flush(soon());
  ASSERT_EQ(Rows().size(), 1u);
  EXPECT_EQ(Rows()[0].request_id, "r1");
  EXPECT_EQ(Rows()[0].trace_id, "t1");
  EXPECT_EQ(Rows()[0].peer, "ipv4:10.0.0.1:1");
}

TEST_F(AuditLogTest, WhatIsRecordedIsDurableAtOnceOrRefused) {
  AuditLog log(store_, &spool_, false, metrics_, clock_);
  const Access access{.caller = "team-a", .project = "demo", .action = "read_js_ticket"};
  EXPECT_TRUE(log.Record(access, soon()));
  EXPECT_EQ(Rows().size(), 1u);
  store_.SetReachable(false);
  EXPECT_TRUE(log.Record(access, soon()));
  EXPECT_EQ(spool_.rows.size(), 1u);
  spool_.full = true;
  EXPECT_FALSE(log.Record(access, soon()));
  AuditLog open(store_, nullptr, true, metrics_, clock_);
  EXPECT_TRUE(open.Record(access, soon()));
  store_.SetReachable(true);
  log.Flush(soon());
  EXPECT_EQ(Rows().size(), 2u);
}

TEST_F(AuditLogTest, WithoutDatabaseAndSpoolReadsAreRefusedUntilItIsBack) {
  AuditLog log(store_, nullptr, false, metrics_, clock_);
  store_.SetReachable(false);
  EXPECT_TRUE(Read(log));
  log.Flush(soon());
  EXPECT_FALSE(Read(log));
  store_.SetReachable(true);
  log.Flush(soon());
  EXPECT_TRUE(Read(log));
  log.Flush(soon());
  EXPECT_EQ(Rows().size(), 2u);  // what was read before the outage was noticed is there too
}

TEST_F(AuditLogTest, TheSpoolCarriesReadsThroughAnOutage) {
  AuditLog log(store_, &spool_, false, metrics_, clock_);
  store_.SetReachable(false);
  EXPECT_TRUE(Read(log));
  log.Flush(soon());
  EXPECT_TRUE(Read(log));
  EXPECT_EQ(spool_.rows.size(), 1u);
  store_.SetReachable(true);
  log.Flush(soon());
  EXPECT_TRUE(spool_.rows.empty());
  EXPECT_EQ(Rows().size(), 2u);
}

TEST_F(AuditLogTest, AFullSpoolFailsClosed) {
  AuditLog log(store_, &spool_, false, metrics_, clock_);
  store_.SetReachable(false);
  spool_.full = true;
  EXPECT_TRUE(Read(log));
  log.Flush(soon());
  EXPECT_FALSE(Read(log));
}

}  // namespace
}  // namespace datong::broker
