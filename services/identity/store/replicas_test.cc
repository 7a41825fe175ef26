// Two replicas over one database: what one of them remembers of facts is never wrong because of
// what was asked of the other.

#include <gtest/gtest.h>

#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/store/postgres_policy_store.h"
#include "services/identity/testing/graph_store_fixture.h"

namespace datong::identity {
namespace {

class ReplicasTest : public GraphStoreTest {
 protected:
  // By the replica that is not asked for anything else.
  Linker::Result Link(const Evidence& record) {
    const absl::StatusOr<Linker::Result> result = linker_.Link(project_, {record}, Soon());
    EXPECT_OK(result);
    return result.ok() ? *result : Linker::Result{};
  }
  void Know(const Evidence& record) {
    EXPECT_EQ(Link(record).recorded, 1);
    EXPECT_EQ(Link(record).known, 1);
    EXPECT_EQ(Link(record).remembered, 1);
  }
  void Decide(Decision decision) {
    decision.actor = decision.reason = "test";
    ASSERT_OK(decisions_.Decide(project_, {decision}, {}, Soon()));
  }
  void RunErasures() {
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = decisions_.RunErasure(Soon());
    ASSERT_OK(more);
  }
  std::set<std::vector<std::string>> Persons() { return Read(*mine_, project_).persons; }

  const std::unique_ptr<PostgresGraphStore> mine_ = MakeStore();
  const std::unique_ptr<PostgresGraphStore> others_ = MakeStore();
  PostgresDecisionStore decisions_{*pool_, clock_, {}, metrics_};
  PostgresPolicyStore policies_{*pool_, clock_, {}, metrics_};
  Linker linker_{*mine_, metrics_, 1000};
  const Project project_ = NewProject(*mine_);
  const Evidence fact_ = Record("tenant.login", {"login:main:1", "openid:wx1:a"}, 1);
};

TEST_F(ReplicasTest, AFactOfAnErasedPersonIsKnownNoMore) {
  Know(fact_);
  ASSERT_OK(decisions_.RequestErasure(
      project_, {{"openid:wx1:a"}, true, clock_.Now(), clock_.Now(), "t", "t"}, Soon()));
  RunErasures();
  EXPECT_EQ(Link(fact_).erased, 1);
  EXPECT_EQ(Link(fact_).erased, 1) << "not remembered as known";
  ASSERT_OK(decisions_.RenewConsent(project_, fact_.ids, clock_.Now() + absl::Seconds(1), Soon()));
  Evidence anew = fact_;
  anew.observed = clock_.Now() + absl::Seconds(2);
  EXPECT_EQ(Link(anew).recorded, 1);
  EXPECT_EQ(Persons().size(), 1U);
}

TEST_F(ReplicasTest, AFactIsNewAgainAfterARetractionOrARebinding) {
  Know(fact_);
  Evidence later = fact_;
  later.observed += absl::Hours(1);
  Decide({DecisionKind::kRetract, "login:main:1", "openid:wx1:a", later.observed, "", ""});
  EXPECT_EQ(Persons().size(), 2U);
  EXPECT_EQ(Link(later).recorded, 0) << "still before the decision";
  later.observed += absl::Seconds(1);
  EXPECT_EQ(Link(later).recorded, 1);
  EXPECT_EQ(Persons().size(), 1U);
  later.observed += absl::Hours(1);
  Decide({DecisionKind::kRebind, "login:main:1", "", later.observed, "", ""});
  EXPECT_EQ(Persons().size(), 2U);
  EXPECT_EQ(Link(later).recorded, 1);
  EXPECT_EQ(Persons().size(), 1U);
}

TEST_F(ReplicasTest, AFactIsNewAgainAfterTheAppChangedItsAccount) {
  ASSERT_OK(others_->BindApp(project_, "wx1", "op1", std::nullopt, Soon()));
  const Evidence session = Record("mp.code2session", {"openid:wx1:a", "unionid:@wx1:u"}, 1);
  Know(session);
  ASSERT_OK(others_->BindApp(project_, "wx1", "op2", session.observed + absl::Hours(1), Soon()));
  Evidence later = session;
  later.observed += absl::Hours(2);
  EXPECT_EQ(Link(later).recorded, 1);
  EXPECT_EQ(
      Persons(),
      (std::set<std::vector<std::string>>{{"openid:wx1:a", "unionid:op1:u", "unionid:op2:u"}}));
}

TEST_F(ReplicasTest, APhoneThatWasWithdrawnIsToldAnew) {
  const Evidence phone = Record("mp.phone_number", {"openid:wx1:a", "phone:k1:p"}, 1);
  Know(phone);
  Decide({DecisionKind::kRevokePhone, "openid:wx1:a", "", phone.observed + absl::Hours(1), "", ""});
  Link(phone);
  EXPECT_EQ(Persons(), (std::set<std::vector<std::string>>{{"openid:wx1:a"}}));
  Evidence anew = phone;
  anew.observed += absl::Hours(2);
  Link(anew);
  EXPECT_EQ(Persons(), (std::set<std::vector<std::string>>{{"openid:wx1:a", "phone:k1:p"}}));
}

TEST_F(ReplicasTest, AFactObeysThePolicyThatTheOtherSet) {
  Know(fact_);
  Policy policy;
  policy.blocked_values = {"a"};
  ASSERT_OK(policies_.SetPolicy(project_, policy, "test", Soon()));
  while (*policies_.RunRecomputation(&project_, Soon())) {
  }
  Link(fact_);
  EXPECT_EQ(Persons(), (std::set<std::vector<std::string>>{{"login:main:1"}}));
  ASSERT_OK(policies_.SetPolicy(project_, {}, "test", Soon()));
  while (*policies_.RunRecomputation(&project_, Soon())) {
  }
  Link(fact_);
  EXPECT_EQ(Persons().size(), 1U);
  EXPECT_EQ(Persons().begin()->size(), 2U);
}

}  // namespace
}  // namespace datong::identity
