#include "services/identity/store/postgres_policy_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "services/identity/core/integrity_checker.h"
#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/testing/graph_store_fixture.h"
#include "services/identity/testing/histories.h"

namespace datong::identity {
namespace {

class PolicyStoreTest : public GraphStoreTest {
 protected:
  void Settle(const Project& project) {
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = policies_.RunRecomputation(&project, Soon());
    ASSERT_OK(more);
  }
  void Apply(GraphStore& graph, DecisionStore& decisions, const Project& project,
             const HistoryStep& step) {
    clock_.Set(step.now);
    if (step.policy.has_value()) {
      ASSERT_OK(policies_.SetPolicy(project, *step.policy, "test", Soon()));
    }
    if (step.bound.has_value()) {
      const auto& [appid, account, from] = *step.bound;
      ASSERT_OK(graph.BindApp(project, appid, account, from, Soon()));
      absl::StatusOr<int> released = 1;
      while (released.ok() && *released > 0) released = graph.ReleaseParked(project, appid, Soon());
      ASSERT_OK(released);
    }
    Settle(project);
    if (!step.step.decisions.empty()) {
      ASSERT_OK(decisions.Decide(project, step.step.decisions, step.step.evidence, Soon()));
    } else if (!step.step.evidence.empty()) {
      ASSERT_OK(graph.Link(project, step.step.evidence, Soon()));
    }
    if (!step.step.erased.empty()) {
      ASSERT_OK(decisions.RequestErasure(
          project, {{step.step.erased}, true, step.step.erased_at, clock_.Now(), "t", "t"},
          Soon()));
    }
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = decisions.RunErasure(Soon());
    ASSERT_OK(more);
  }

  PostgresPolicyStore policies_{*pool_, clock_, {}, metrics_};
  IntegrityChecker checker_{policies_, clock_, metrics_};
};

// A sample of the histories that the engine in memory is held against the function with.
TEST_F(PolicyStoreTest, HistoriesWithEveryOperationGiveWhatTheEngineInMemoryGives) {
  for (const unsigned seed : {1U, 3U, 5U, 2U, 6U, 10U}) {
    const auto store = MakeStore(FirstPolicy(seed));
    PostgresDecisionStore decisions(*pool_, clock_, FirstPolicy(seed), metrics_);
    const Project project = NewProject(*store);
    ASSERT_OK(policies_.SetPolicy(project, FirstPolicy(seed), "test", Soon()));
    MemoryGraph memory(project.number, FirstPolicy(seed));
    int place = 0;
    for (const HistoryStep& step : RandomOperations(seed, 24)) {
      Apply(*store, decisions, project, step);
      identity::Apply(step, memory);
      ASSERT_EQ(WithoutRecordLevel(Read(*store, project)), WithoutRecordLevel(PictureOf(memory)))
          << "seed " << seed << " step " << place;
      ++place;
    }
    ExpectFeedAgrees(*store, project);
    const absl::StatusOr<IntegrityRound> round = checker_.Check(project);
    ASSERT_OK(round);
    EXPECT_EQ(round->differences, 0) << "seed " << seed;
  }
}

TEST_F(PolicyStoreTest, ABlockedValueRepairsThePastAndAFreedOneToo) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  Link(*store, project,
       {Record("tenant.login", {"login:main:shared", "openid:wx1:a"}, 1),
        Record("tenant.login", {"login:main:Shared2", "openid:wx1:b", "unionid:op1:u"}, 2)});
  const Picture before = Read(*store, project);
  Policy blocking;
  blocking.blocked_values = {"shared", "shared2", "a", "u"};
  EXPECT_TRUE(policies_.SetPolicy(project, blocking, "test", Soon())->recomputing);
  Settle(project);
  Picture expected;
  expected.persons = {{"openid:wx1:b"}};
  for (const char* id :
       {"login:main:shared", "openid:wx1:a", "login:main:Shared2", "unionid:op1:u"}) {
    expected.refused.emplace(std::vector<std::string>{id}, "blocked_value");
  }
  EXPECT_EQ(Read(*store, project), expected);
  // Evidence that comes while nothing of it counts hangs on nothing.
  Link(*store, project, {Record("tenant.login", {"login:main:shared", "unionid:op1:u"}, 3)});
  ASSERT_OK(policies_.SetPolicy(project, {}, "test", Soon()));
  Settle(project);
  Picture now = Read(*store, project);
  EXPECT_EQ(now.refused.size(), 1U) << now;  // two openids of one app, by the common login
  EXPECT_EQ(now.persons.size(), before.persons.size()) << now;
  EXPECT_FALSE(policies_.GetPolicy(project, Soon())->recomputing);
  EXPECT_EQ(policies_.GetPolicy(project, Soon())->version, 2);
  ExpectFeedAgrees(*store, project);
  EXPECT_EQ(checker_.Check(project)->differences, 0);
}

TEST_F(PolicyStoreTest, EvidenceWhileAPolicyIsWorkedOutObeysItWhole) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  Policy blocking;
  blocking.blocked_values = {"l"};
  ASSERT_OK(policies_.SetPolicy(project, blocking, "test", Soon()));
  Settle(project);
  Link(*store, project,
       {Record("tenant.login", {"login:main:l", "openid:wx1:a"}, 1),
        Record("tenant.login", {"login:main:l", "openid:wx2:b"}, 2)});
  ASSERT_OK(policies_.SetPolicy(project, {}, "test", Soon()));
  // Before the background came to it.
  Link(*store, project, {Record("oa.user_info", {"openid:wx1:a", "unionid:op1:u"}, 3)});
  Settle(project);
  Picture expected;
  expected.persons = {{"login:main:l", "openid:wx1:a", "openid:wx2:b", "unionid:op1:u"}};
  EXPECT_EQ(Read(*store, project), expected);
}

TEST_F(PolicyStoreTest, ABindingThatIsDatedBackBringsStoredEvidenceUnderIt) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  ASSERT_OK(store->BindApp(project, "wx1", "op1", std::nullopt, Soon()));
  Link(*store, project,
       {Record("mp.code2session", {"openid:wx1:a", "unionid:@wx1:u"}, 1),
        Record("mp.code2session", {"openid:wx1:b", "unionid:@wx1:v"}, 60)});
  const absl::Time moved = absl::FromUnixSeconds(1'772'000'000) + absl::Minutes(30);
  ASSERT_OK(store->BindApp(project, "wx1", "op2", moved, Soon()));
  EXPECT_THAT(policies_.IsRecomputing(project, "wx1", Soon()), IsOkAndHolds(true));
  Settle(project);
  EXPECT_THAT(policies_.IsRecomputing(project, "wx1", Soon()), IsOkAndHolds(false));
  Picture expected;
  expected.persons = {{"openid:wx1:a", "unionid:op1:u"}, {"openid:wx1:b", "unionid:op2:v"}};
  EXPECT_EQ(Read(*store, project), expected);
  ExpectFeedAgrees(*store, project);
  const absl::StatusOr<std::vector<Binding>> bindings = store->ListBindings(project, "wx1", Soon());
  ASSERT_OK(bindings);
  ASSERT_EQ(bindings->size(), 2U);
  EXPECT_EQ((*bindings)[1].account, "op2");
  EXPECT_EQ(checker_.Check(project)->differences, 0);
}

TEST_F(PolicyStoreTest, AnAppThatContradictsItselfHasItsUnionidsWait) {
  const auto store = MakeStore({.incident_conflicts = 3});
  const Project project = NewProject(*store);
  for (int i = 0; i < 4; ++i) {
    const std::string openid = absl::StrCat("openid:wx1:a", i);
    Link(*store, project,
         {Record("mp.code2session", {openid, absl::StrCat("unionid:op1:u", i)}, i),
          Record("mp.code2session", {openid, absl::StrCat("unionid:op1:w", i)}, i + 10)});
  }
  const auto incidents = policies_.ListIncidents(project, false, "", 10, Soon());
  ASSERT_OK(incidents);
  ASSERT_EQ(incidents->items.size(), 1U);
  EXPECT_EQ(incidents->items[0].appid, "wx1");
  EXPECT_EQ(incidents->items[0].reason, "unionid_conflict");
  EXPECT_EQ(
      Link(*store, project, {Record("mp.code2session", {"openid:wx1:new", "unionid:op1:unew"}, 30)})
          .parked,
      1);
  EXPECT_EQ(
      Link(*store, project, {Record("mp.code2session", {"openid:wx2:other", "unionid:op1:x"}, 31)})
          .parked,
      0);
  EXPECT_EQ(policies_.GetIntegrity(project, Soon())->open_incidents, 1);
  EXPECT_THAT(store->ReleaseParked(project, "wx1", Soon()), IsOkAndHolds(0));
  EXPECT_THAT(policies_.CloseIncidents(project, "wx1", "test", Soon()), IsOkAndHolds(1));
  EXPECT_THAT(store->ReleaseParked(project, "wx1", Soon()), IsOkAndHolds(1));
  EXPECT_TRUE(
      Read(*store, project)
          .persons.contains(std::vector<std::string>{"openid:wx1:new", "unionid:op1:unew"}));
}

TEST_F(PolicyStoreTest, FrozenComponentsAreSeenUntilThePolicyThawsThem) {
  const Policy small{.hub_device_partners = 100, .max_component_ids = 5};
  const auto store = MakeStore(small);
  const Project project = NewProject(*store);
  for (int i = 0; i < 8; ++i) {
    Link(*store, project,
         {Record("client.claim", {"device:web:d", absl::StrCat("login:main:u", i)}, i)});
  }
  const auto frozen = policies_.ListFrozen(project, "", 10, Soon());
  ASSERT_OK(frozen);
  ASSERT_EQ(frozen->items.size(), 1U);
  EXPECT_EQ(frozen->items[0].ids, 9);
  EXPECT_EQ(frozen->items[0].records, 8);
  ASSERT_FALSE(frozen->items[0].busiest.empty());
  EXPECT_EQ(frozen->items[0].busiest[0], "device:web:d");
  Policy large = small;
  large.max_component_ids = 100;
  ASSERT_OK(policies_.SetPolicy(project, large, "test", Soon()));
  Settle(project);
  EXPECT_TRUE(policies_.ListFrozen(project, "", 10, Soon())->items.empty());
}

TEST_F(PolicyStoreTest, TheCheckCountsWhatIsNotAsTheEvidenceSays) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  Link(*store, project,
       {Record("mp.code2session", {"openid:wx1:a", "unionid:op1:u"}, 1),
        Record("mp.code2session", {"openid:wx1:b", "unionid:op1:v"}, 2)});
  EXPECT_FALSE(policies_.GetIntegrity(project, Soon())->any);
  EXPECT_THAT(policies_.TakeRound(project, absl::Hours(24), Soon()), IsOkAndHolds(true));
  EXPECT_THAT(policies_.TakeRound(project, absl::Hours(24), Soon()), IsOkAndHolds(false));
  EXPECT_EQ(checker_.Check(project)->differences, 0);
  db_.Execute("UPDATE identity.nodes SET person = 2 WHERE identifier = 'unionid:op1:u'");
  EXPECT_GT(checker_.Check(project)->differences, 0);
  const absl::StatusOr<IntegrityView> view = policies_.GetIntegrity(project, Soon());
  ASSERT_OK(view);
  EXPECT_EQ(view->last.components, 2);
  EXPECT_EQ(view->last.identifiers, 4);
  EXPECT_GT(view->last.differences, 0);
}

TEST_F(PolicyStoreTest, MembershipsAndTheTailBehindThemGiveTheWholeGraph) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  const std::vector<Evidence> records = RandomHistory(9, 60, 8);
  std::map<std::string, uint32_t> persons;
  std::string cursor;
  int64_t after = std::numeric_limits<int64_t>::min();
  size_t next = 0;
  const auto link_some = [&] {
    for (int i = 0; i < 12 && next < records.size(); ++i) Link(*store, project, {records[next++]});
  };
  link_some();
  for (bool more = true; more;) {
    const absl::StatusOr<MembershipPage> page = store->ListMemberships(project, after, 5, Soon());
    ASSERT_OK(page);
    if (cursor.empty()) cursor = page->cursor;
    for (const Membership& held : page->memberships) persons[held.identifier] = held.person;
    after = page->last;
    more = page->more;
    link_some();
  }
  link_some();
  for (;;) {
    const absl::StatusOr<ChangePage> page = store->ListChanges(project, cursor, 7, Soon());
    ASSERT_OK(page);
    if (page->changes.empty()) break;
    for (const ChangeView& change : page->changes) {
      if (!change.identifier.empty()) persons[change.identifier] = change.person;
    }
    cursor = page->next_cursor;
  }
  std::erase_if(persons, [](const auto& held) { return held.second == 0; });
  std::map<std::string, uint32_t> followed = FollowFeed(*store, project).persons;
  std::erase_if(followed, [](const auto& held) { return held.second == 0; });
  EXPECT_EQ(persons, followed);
}

}  // namespace
}  // namespace datong::identity
