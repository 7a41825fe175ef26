#include "services/broker/store/file_audit_spool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {
namespace {

class FileAuditSpoolTest : public ::testing::Test {
 protected:
  ~FileAuditSpoolTest() override { unlink(path_.c_str()); }
  static AccessRow Row(const std::string& id) {
    AccessRow row;
    row.id = id;
    row.second = absl::FromUnixSeconds(1'700'000'000);
    row.project = "demo";
    row.caller = "团队\n\"a\"";
    row.allowed = false;
    row.reason = "APP_REVOKED";
    row.count = 7;
    row.fingerprint = "0123456789ab";
    row.request_id = "request-1";
    row.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    row.peer = "ipv4:127.0.0.1:1";
    return row;
  }
  const std::string path_ = ::testing::TempDir() + "/audit_spool." + std::to_string(getpid());
  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  FakeStore store_{clock_};
  const Deadline soon_ = Deadline::After(absl::Seconds(5));
};

TEST_F(FileAuditSpoolTest, RowsSurviveTheProcessAndAreMovedOnce) {
  ASSERT_OK(FileAuditSpool(path_, 1 << 20).Append({Row("a"), Row("b")}));
  FileAuditSpool spool(path_, 1 << 20);
  store_.SetReachable(false);
  EXPECT_FALSE(spool.MoveTo(store_, soon_).ok());
  store_.SetReachable(true);
  ASSERT_OK(spool.MoveTo(store_, soon_));
  ASSERT_OK(spool.MoveTo(store_, soon_));
  AccessFilter filter;
  filter.project = "demo";
  const std::vector<AccessRow> rows = *store_.List(filter, 10, soon_);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].caller, "团队\n\"a\"");
  EXPECT_FALSE(rows[0].allowed);
  EXPECT_EQ(rows[0].count, 7);
  EXPECT_EQ(rows[0].fingerprint, Row("a").fingerprint);
  EXPECT_EQ(rows[0].request_id, Row("a").request_id);
  EXPECT_EQ(rows[0].trace_id, Row("a").trace_id);
  EXPECT_EQ(rows[0].peer, Row("a").peer);
}

TEST_F(FileAuditSpoolTest, AFullSpoolTakesNothing) {
  FileAuditSpool spool(path_, 400);
  ASSERT_OK(spool.Append({Row("a")}));
  EXPECT_FALSE(spool.Append({Row("b")}).ok());
}

}  // namespace
}  // namespace datong::broker
