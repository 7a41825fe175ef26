#include <gtest/gtest.h>

#include <thread>

#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/store/postgres_privacy_store.h"
#include "services/identity/store/postgres_profile_store.h"
#include "services/identity/store/postgres_relation_store.h"
#include "services/identity/testing/graph_store_fixture.h"

namespace datong::identity {
namespace {

class DecisionStoreTest : public GraphStoreTest {
 protected:
  void Apply(GraphStore& graph, DecisionStore& decisions, const Project& project,
             const ScenarioStep& step) {
    std::vector<Evidence> records = step.evidence;
    for (Evidence& record : records) ASSERT_EQ(Normalise(record), "");
    if (!step.decisions.empty()) {
      ASSERT_OK(decisions.Decide(project, step.decisions, records, Soon()));
    } else if (!records.empty()) {
      ASSERT_OK(graph.Link(project, records, Soon()));
    }
    if (!step.erased.empty()) {
      ASSERT_OK(decisions.RequestErasure(
          project, {{step.erased}, true, step.erased_at, clock_.Now(), "test", "test"}, Soon()));
    }
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = decisions.RunErasure(Soon());
    ASSERT_OK(more);
  }
  // The columns of the schema that hold the text, as "table: row".
  std::vector<std::string> Find(const std::string& text) {
    std::vector<std::string> found;
    const absl::Status status =
        pool_->Transact("scan", Soon(), [&](pqxx::work& work) -> absl::Status {
          const pqxx::result tables = work.exec(
              "SELECT table_name FROM information_schema.tables WHERE table_schema = 'identity'");
          for (const auto& table : tables) {
            const std::string name = table[0].as<std::string>();
            for (const auto& row :
                 work.exec_params(absl::StrCat("SELECT t::text FROM identity.", name,
                                               " AS t WHERE position($1 in t::text) > 0"),
                                  text)) {
              found.push_back(absl::StrCat(name, ": ", row[0].as<std::string>()));
            }
          }
          return absl::OkStatus();
        });
    EXPECT_OK(status);
    return found;
  }
};

TEST_F(DecisionStoreTest, EveryScenarioStepByStepGivesWhatTheFunctionGives) {
  clock_.Set(absl::FromUnixSeconds(1'774'000'000));
  int count = 0;
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    const auto store = MakeStore(scenario.policy);
    PostgresDecisionStore decisions(*pool_, clock_, scenario.policy, metrics_);
    const Project project = NewProject(*store);
    for (const ScenarioStep& step : scenario.steps) {
      Apply(*store, decisions, project, step);
      ASSERT_EQ(Read(*store, project), step.after) << scenario.name;
    }
    ExpectFeedAgrees(*store, project);
    ++count;
  }
  EXPECT_EQ(count, 44);
}

TEST_F(DecisionStoreTest, RandomHistoriesWithDecisionsGiveWhatTheFunctionGives) {
  const Policy policy{.hub_device_partners = 4, .hub_login_partners = 2, .max_ids = 12};
  for (unsigned seed = 200; seed < 220; ++seed) {
    const auto store = MakeStore(policy);
    PostgresDecisionStore decisions(*pool_, clock_, policy, metrics_);
    const Project project = NewProject(*store);
    std::vector<Evidence> records = RandomHistory(seed, 40, 3 + static_cast<int>(seed % 6));
    const std::vector<Decision> said = RandomDecisions(seed, 8, 3 + static_cast<int>(seed % 6));
    for (Evidence& record : records) ASSERT_EQ(Normalise(record), "");
    // Of a fact known already, repeats before a decision are not stored: the ones with a time come
    // first, those for ever in between.
    std::vector<Decision> later;
    for (const Decision& decision : said) {
      if (decision.kind == DecisionKind::kCannotLink) {
        later.push_back(decision);
      } else {
        ASSERT_OK(decisions.Decide(project, {decision}, {}, Soon()));
      }
    }
    for (size_t i = 0; i < records.size(); ++i) {
      ASSERT_OK(store->Link(project, {records[i]}, Soon()));
      if (i % 4 != 3 || i / 4 >= later.size()) continue;
      ASSERT_OK(decisions.Decide(project, {later[i / 4]}, {}, Soon()));
      ASSERT_OK(decisions.Decide(project, {later[i / 4]}, {}, Soon()));
    }
    ASSERT_EQ(Read(*store, project), Draw(records, policy, said)) << "seed " << seed;
    ExpectFeedAgrees(*store, project);
  }
}

TEST_F(DecisionStoreTest, NothingOfAnErasedPersonIsLeftInAnyTable) {
  const auto store = MakeStore();
  PostgresDecisionStore decisions(*pool_, clock_, {}, metrics_);
  const Project project = NewProject(*store);
  ASSERT_OK(store->BindApp(project, "wx1", "op1", std::nullopt, Soon()));
  Link(*store, project,
       {Record("mp.code2session", {"openid:wx1:erasedA", "unionid:@wx1:erasedU"}, 1),
        Record("tenant.login", {"login:main:erasedL", "openid:wx1:erasedA"}, 2),
        Record("mp.phone_number", {"openid:wx1:erasedA", "phone:k1:erasedP"}, 3),
        // Refused ones, whole and in part, and one that waits for a binding.
        Record("tenant.login", {"login:main:erasedL", "openid:wx1:staysB"}, 4),
        Record("client.claim", {"device:web:erasedD", "openid:wx1:erasedA"}, 5),
        Record("tenant.login", {"hint:qr:x", "login:main:null", "openid:wx1:erasedA"}, 6),
        Record("mp.code2session", {"openid:wx1:erasedA", "unionid:@wx9:erasedO"}, 7),
        Record("mp.code2session", {"openid:wx1:staysB", "unionid:op1:staysV"}, 8)});
  Evidence stale = Record("mp.encrypted_userinfo", {"openid:wx1:aaa", "unionid:op1:erasedU"}, 9);
  stale.watermark = Watermark::kStale;
  Link(*store, project, {stale});
  ASSERT_OK(decisions.Decide(project,
                             {{DecisionKind::kCannotLink, "login:main:erasedL", "openid:wx1:staysB",
                               clock_.Now(), "test", "test"}},
                             {}, Soon()));
  const std::vector<uint32_t> before =
      *store->FindPersons(project, {"openid:wx1:erasedA", "openid:wx1:staysB"}, nullptr, Soon());
  EXPECT_FALSE(Find("erased").empty());
  ScenarioStep erase;
  erase.erased = "openid:wx1:erasedA";
  erase.erased_at = clock_.Now();
  Apply(*store, decisions, project, erase);

  // "erased_at" and the like are names of columns, not values.
  for (const char* id : {"erasedA", "erasedU", "erasedL", "erasedP", "erasedD", "erasedO"}) {
    EXPECT_TRUE(Find(id).empty()) << id << " in " << Find(id).front();
  }
  EXPECT_THAT(
      store->FindPersons(project, {"openid:wx1:staysB", "unionid:op1:staysV"}, nullptr, Soon()),
      IsOkAndHolds(std::vector<uint32_t>{before[1], before[1]}));
  // The feed says it, without a gap, and a reader who starts anew never sees the identifiers.
  const absl::StatusOr<ChangePage> feed = store->ListChanges(project, "", 1000, Soon());
  ASSERT_OK(feed);
  EXPECT_TRUE(std::any_of(feed->changes.begin(), feed->changes.end(), [&](const ChangeView& c) {
    return c.kind == ChangeKind::kErased && c.person == before[0];
  }));
  ExpectFeedAgrees(*store, project);

  // What was observed before is kept out, and strong evidence of it takes the rest along (R6.2).
  Link(*store, project, {Record("oa.user_info", {"openid:wx2:lateC"}, 10)});
  Link(*store, project,
       {Record("oa.user_info", {"openid:wx2:lateC", "unionid:op1:erasedU"}, 11),
        Record("tenant.login", {"login:main:erasedL", "openid:wx3:x"}, 12)});
  Apply(*store, decisions, project, {});
  for (const char* id : {"erasedU", "erasedL", "lateC"}) EXPECT_TRUE(Find(id).empty()) << id;
  // Evidence since then needs a new consent (R6.3).
  Evidence fresh = Record("mp.code2session", {"openid:wx1:erasedA"}, 0);
  fresh.observed = clock_.Now() + absl::Hours(1);
  EXPECT_EQ(Link(*store, project, {fresh}).erased.size(), 1U);
  ASSERT_OK(decisions.RenewConsent(project, {"openid:wx1:erasedA"}, clock_.Now() + absl::Minutes(1),
                                   Soon()));
  EXPECT_EQ(Link(*store, project, {fresh}).recorded, 1);
  const std::vector<uint32_t> after =
      *store->FindPersons(project, {"openid:wx1:erasedA"}, nullptr, Soon());
  EXPECT_GT(after[0], before[1]) << "a new person, not the erased one";
}

// R6.3: one identifier's new consent covers what the platform shows with it, and nothing else.
TEST_F(DecisionStoreTest, ANewConsentCoversWhatStrongEvidenceShowsWithIt) {
  const auto store = MakeStore();
  PostgresDecisionStore decisions(*pool_, clock_, {}, metrics_);
  const Project project = NewProject(*store);
  Link(*store, project,
       {Record("mp.code2session", {"openid:wx1:a", "unionid:op1:u"}, 1),
        Record("tenant.login", {"login:main:1", "openid:wx1:a"}, 2)});
  ScenarioStep erase;
  erase.erased = "openid:wx1:a";
  erase.erased_at = clock_.Now();
  Apply(*store, decisions, project, erase);
  ASSERT_OK(
      decisions.RenewConsent(project, {"openid:wx1:a"}, clock_.Now() + absl::Minutes(1), Soon()));
  Evidence proof = Record("mp.code2session", {"openid:wx1:a", "unionid:op1:u"}, 0);
  proof.observed = clock_.Now() + absl::Hours(1);
  Evidence login = Record("tenant.login", {"login:main:1", "openid:wx1:a"}, 0);
  login.observed = clock_.Now() + absl::Hours(2);
  EXPECT_EQ(Link(*store, project, {login, proof}).erased, (std::vector<size_t>{0}));
  EXPECT_EQ(Read(*store, project).persons,
            (std::set<std::vector<std::string>>{{"openid:wx1:a", "unionid:op1:u"}}));
}

// R5.4, R5.3: a part that returns has its name again, with the names that led to it.
TEST_F(DecisionStoreTest, APartThatReturnsGetsItsFormerNameBack) {
  const auto store = MakeStore();
  PostgresDecisionStore decisions(*pool_, clock_, {}, metrics_);
  const Project project = NewProject(*store);
  Link(*store, project, {Record("oa.user_info", {"openid:wx1:a", "unionid:op1:u"}, 1)});
  Link(*store, project, {Record("tenant.login", {"login:main:1"}, 2)});
  Link(*store, project, {Record("tenant.login", {"openid:wx2:b"}, 3)});
  Link(*store, project, {Record("tenant.login", {"login:main:1", "openid:wx2:b"}, 4)});
  Link(*store, project, {Record("tenant.login", {"login:main:1", "openid:wx1:a"}, 5)});
  const auto leads_to = [&](uint32_t person) {
    return store->LoadPersons(project, {person}, Soon())->front().index;
  };
  // 2 went into 3, and 3 into 1.
  EXPECT_EQ(leads_to(2), 1U);
  EXPECT_EQ(leads_to(3), 1U);
  ASSERT_OK(decisions.Decide(
      project,
      {{DecisionKind::kRetract, "login:main:1", "openid:wx1:a", clock_.Now(), "test", "test"}}, {},
      Soon()));
  EXPECT_EQ(leads_to(1), 1U);
  EXPECT_EQ(leads_to(2), 3U);
  EXPECT_EQ(leads_to(3), 3U);
  EXPECT_THAT(store->FindPersons(project, {"login:main:1", "openid:wx2:b", "unionid:op1:u"},
                                 nullptr, Soon()),
              IsOkAndHolds(std::vector<uint32_t>{3, 3, 1}));
  // Not from a person that did not absorb it: 2 was absorbed by 3, which returned meanwhile.
  ASSERT_OK(decisions.Decide(
      project,
      {{DecisionKind::kRetract, "login:main:1", "openid:wx2:b", clock_.Now(), "test", "test"}}, {},
      Soon()));
  EXPECT_EQ(store->Stats(project, Soon())->persons, 3);
  EXPECT_EQ(leads_to(3), 3U);
  ExpectFeedAgrees(*store, project);
}

// What is told of an erased person later on, of the time before, is not kept (R6.2).
TEST_F(DecisionStoreTest, WhatIsToldLateOfAnErasedPersonIsNotKept) {
  const auto store = MakeStore();
  PostgresDecisionStore decisions(*pool_, clock_, {}, metrics_);
  PostgresProfileStore profiles(*pool_, clock_);
  PostgresPrivacyStore privacy(*pool_, clock_);
  PostgresRelationStore relations(*pool_, clock_);
  const Project project = NewProject(*store);
  Link(*store, project, {Record("oa.user_info", {"openid:wx1:erasedA"}, 1)});
  ScenarioStep erase;
  erase.erased = "openid:wx1:erasedA";
  erase.erased_at = clock_.Now();
  Apply(*store, decisions, project, erase);
  const std::string ids[] = {"openid:wx1:erasedA"};
  const absl::Time before = clock_.Now() - absl::Hours(1);
  const absl::Time after = clock_.Now() + absl::Hours(1);
  const auto tell = [&](absl::Time at) {
    ASSERT_OK(profiles.AppendConsent(project, ids, {"marketing", true, "h5", at}, Soon()));
    const AttributeEntry city[] = {{"city", "\"Wuhan\"", "crm", at}};
    ASSERT_OK(profiles.AppendAttributes(project, ids[0], ids, city, Soon()));
    bool created = false;
    ASSERT_OK(privacy.PutRecord(project, ids, {"order", "o1", "shop", "{}", at}, &created, Soon()));
    ASSERT_OK(relations.Record(
        project, {{ids[0], RelationKind::kFollower, "", RelationState::kActive, at}}, Soon()));
  };
  tell(before);
  EXPECT_TRUE(Find("erasedA").empty()) << Find("erasedA").front();
  EXPECT_TRUE(profiles.LatestAttributes(project, ids, Soon())->empty());
  EXPECT_TRUE(privacy.ListRecords(project, ids, "", "", 10, Soon())->items.empty());
  tell(after);
  EXPECT_EQ(Find("erasedA").size(), 2U);  // a consent and a relation name it
  EXPECT_EQ(profiles.LatestAttributes(project, ids, Soon())->size(), 1U);
  EXPECT_EQ(privacy.ListRecords(project, ids, "", "", 10, Soon())->items.size(), 1U);
}

TEST_F(DecisionStoreTest, AnErasureWaitsForItsHoldBack) {
  const auto store = MakeStore();
  PostgresDecisionStore decisions(*pool_, clock_, {}, metrics_);
  const Project project = NewProject(*store);
  Link(*store, project, {Record("oa.user_info", {"openid:wx1:a"}, 1)});
  const absl::Time due = clock_.Now() + absl::Hours(24);
  ASSERT_OK(
      decisions.RequestErasure(project, {{"openid:wx1:a"}, true, due, due, "t", "t"}, Soon()));
  EXPECT_THAT(decisions.RunErasure(Soon()), IsOkAndHolds(false));
  // Late data joins the person before it is erased.
  Link(*store, project, {Record("oa.user_info", {"openid:wx1:a", "unionid:op1:u"}, 2)});
  clock_.Advance(absl::Hours(25));
  EXPECT_THAT(decisions.RunErasure(Soon()), IsOkAndHolds(true));
  EXPECT_THAT(decisions.RunErasure(Soon()), IsOkAndHolds(false));
  EXPECT_EQ(Read(*store, project), Picture{});
}

TEST_F(DecisionStoreTest, NewEvidenceAfterARetractionCountsThoughTheFactWasKnown) {
  const auto store = MakeStore();
  PostgresDecisionStore decisions(*pool_, clock_, {}, metrics_);
  const Project project = NewProject(*store);
  Linker linker(*store, metrics_, 1000);
  const Evidence record = Record("tenant.login", {"login:main:1", "openid:wx1:a"}, 1);
  ASSERT_OK(linker.Link(project, {record}, Soon()));
  ASSERT_OK(decisions.Decide(project,
                             {{DecisionKind::kRetract, "login:main:1", "openid:wx1:a",
                               record.observed + absl::Minutes(1), "test", "test"}},
                             {}, Soon()));
  EXPECT_EQ(linker.Link(project, {record}, Soon())->recorded, 0);
  EXPECT_EQ(Read(*store, project).persons.size(), 2U);
  Evidence later = record;
  later.observed += absl::Minutes(2);
  EXPECT_EQ(linker.Link(project, {later}, Soon())->recorded, 1);
  EXPECT_EQ(Read(*store, project).persons.size(), 1U);
  EXPECT_EQ(linker.Link(project, {later}, Soon())->known, 1);
}

TEST_F(DecisionStoreTest, HistorySaysWhoWasWho) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  const absl::Time start = clock_.Now();
  Link(*store, project, {Record("tenant.login", {"login:main:1"}, 1)});
  Link(*store, project, {Record("oa.user_info", {"openid:wx1:a", "unionid:op1:u"}, 2)});
  clock_.Advance(absl::Hours(1));
  Link(*store, project, {Record("tenant.login", {"login:main:1", "openid:wx1:a"}, 3)});
  const absl::StatusOr<std::vector<HistorySpan>> spans =
      store->History(project, "login:main:1", Soon());
  ASSERT_OK(spans);
  ASSERT_EQ(spans->size(), 2U);
  EXPECT_EQ((*spans)[0].person, 2U);
  EXPECT_EQ((*spans)[1].person, 1U);
  EXPECT_EQ((*spans)[1].until, start + absl::Hours(1));
  const auto past = store->WhoWas(project, "login:main:1", std::nullopt, start, Soon());
  ASSERT_OK(past);
  EXPECT_EQ(past->index, 1U);
  EXPECT_EQ(past->identifiers, (std::vector<std::string>{"login:main:1"}));
  EXPECT_EQ(store->WhoWas(project, "openid:wx1:a", 5, std::nullopt, Soon())->identifiers.size(),
            2U);
  EXPECT_EQ(store->WhoWas(project, "openid:wx1:a", 99, std::nullopt, Soon())->identifiers.size(),
            3U);
  EXPECT_EQ(store->WhoWas(project, "openid:wx1:a", 1, std::nullopt, Soon())->index, 0U);
}

TEST_F(DecisionStoreTest, DecisionsErasuresAndEvidenceAtOnceDoNotDeadlock) {
  const auto store = MakeStore();
  PostgresDecisionStore decisions(*pool_, clock_, {}, metrics_);
  const Project project = NewProject(*store);
  const std::vector<Evidence> records = RandomHistory(77, 120, 6);
  const std::vector<Decision> said = RandomDecisions(77, 20, 6);
  std::vector<std::thread> writers;
  for (size_t writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (size_t i = writer * 3; i < records.size(); i += 6) {
        Link(*store, project, {records[i], records[i + 1], records[i + 2]});
      }
    });
  }
  writers.emplace_back([&] {
    for (const Decision& decision : said) {
      EXPECT_OK(decisions.Decide(project, {decision}, {}, Soon()));
    }
  });
  writers.emplace_back([&] {
    for (const char* id : {"openid:wxmp1:v0", "login:main:v1", "openid:wxoa1:v2"}) {
      EXPECT_OK(decisions.RequestErasure(
          project, {{id}, true, records[0].observed, clock_.Now(), "test", "test"}, Soon()));
      EXPECT_OK(decisions.RunErasure(Soon()));
    }
  });
  for (std::thread& writer : writers) writer.join();
  ExpectFeedAgrees(*store, project);
}

}  // namespace
}  // namespace datong::identity
