#include "services/identity/core/resolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "services/identity/core/explain.h"
#include "services/identity/testing/scenarios.h"

namespace datong::identity {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'774'000'000);  // late March 2026

TEST(ScenarioTest, EveryStepGivesTheExpectedPersonsAndRefusals) {
  int count = 0;
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    World world(scenario.policy);
    for (const ScenarioStep& step : scenario.steps) {
      world.Apply(step, kNow);
      EXPECT_EQ(world.DrawAll(), step.after) << scenario.name;
    }
    EXPECT_EQ(world.DrawAll(), scenario.expect) << scenario.name;
    ++count;
  }
  EXPECT_EQ(count, 44);
}

TEST(ScenarioTest, NoOrderAndNoRepeatChangesTheResult) {
  std::mt19937 random(7);
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    if (!scenario.permutable) continue;
    std::vector<size_t> order(scenario.steps.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto check = [&] {
      World world(scenario.policy);
      for (const size_t i : order) world.Apply(scenario.steps[i], kNow);
      world.Apply(scenario.steps[random() % order.size()], kNow);
      ASSERT_EQ(world.DrawAll(), scenario.expect) << scenario.name;
    };
    if (order.size() <= 6) {
      do {
        check();
      } while (std::next_permutation(order.begin(), order.end()));
    } else {
      for (int i = 0; i < 500; ++i) {
        std::shuffle(order.begin(), order.end(), random);
        check();
      }
    }
  }
}

TEST(ResolutionTest, RandomHistoriesWithDecisionsAreOrderFree) {
  std::mt19937 random(12);
  const Policy policy{.hub_device_partners = 4, .hub_login_partners = 2, .max_ids = 12};
  for (unsigned seed = 0; seed < 1000; ++seed) {
    std::vector<Evidence> records = RandomHistory(seed, 5 + static_cast<int>(seed % 30));
    std::vector<Decision> decisions = RandomDecisions(seed, 1 + static_cast<int>(seed % 8));
    const Picture expected = Draw(records, policy, decisions);
    for (int i = 0; i < 3; ++i) {
      std::shuffle(records.begin(), records.end(), random);
      std::shuffle(decisions.begin(), decisions.end(), random);
      ASSERT_EQ(Draw(records, policy, decisions), expected) << "seed " << seed;
    }
    for (const Decision& decision : decisions) {
      if (decision.kind != DecisionKind::kCannotLink) continue;
      for (const auto& person : expected.persons) {
        ASSERT_FALSE(std::binary_search(person.begin(), person.end(), decision.a) &&
                     std::binary_search(person.begin(), person.end(), decision.b))
            << "seed " << seed;
      }
    }
  }
}

TEST(ResolutionTest, ARetractedPairCountsAgainFromNewEvidenceOn) {
  Evidence record;
  record.kind = "tenant.login";
  record.ids = {"login:main:1", "openid:wx1:a"};
  record.observed = kNow;
  const Decision retract{DecisionKind::kRetract, "login:main:1", "openid:wx1:a", kNow, "", ""};
  EXPECT_EQ(Draw({record}, {}, {retract}).persons.size(), 2U);
  record.observed += absl::Microseconds(1);
  EXPECT_EQ(Draw({record}, {}, {retract}).persons.size(), 1U);
}

TEST(ResolutionTest, ADeviceKeptApartFromOneOwnerGoesToTheOther) {
  Evidence one, other;
  one.kind = other.kind = "client.claim";
  one.ids = {"device:web:d", "openid:wx1:a"};
  other.ids = {"device:web:d", "openid:wx1:b"};
  one.observed = other.observed = kNow;
  const Decision apart{DecisionKind::kCannotLink, "device:web:d", "openid:wx1:a", kNow, "", ""};
  Picture expected;
  expected.persons = {{"openid:wx1:a"}, {"device:web:d", "openid:wx1:b"}};
  expected.refused = {{{"device:web:d", "openid:wx1:a"}, "cannot_link"}};
  EXPECT_EQ(Draw({one, other}, {}, {apart}), expected);
}

TEST(ExplainTest, GivesThePathOrWhatIsInTheWay) {
  Evidence login, open, conflict;
  login.kind = "tenant.login";
  login.ids = {"login:main:1", "openid:wx1:a"};
  open.kind = "mp.code2session";
  open.ids = {"openid:wx1:a", "unionid:op1:u"};
  conflict.kind = "tenant.login";
  conflict.ids = {"login:main:1", "openid:wx1:b"};
  login.observed = open.observed = kNow;
  conflict.observed = kNow + absl::Hours(1);
  const std::vector<Evidence> records = {login, open, conflict};
  const Explanation joined = Explain(records, {}, {}, "login:main:1", "unionid:op1:u");
  EXPECT_TRUE(joined.same_person);
  ASSERT_EQ(joined.path.size(), 2U);
  EXPECT_EQ(joined.path[0].evidence_kind, "tenant.login");
  EXPECT_EQ(joined.path[1].evidence_kind, "mp.code2session");
  EXPECT_FALSE(joined.path[0].refused.has_value());
  const Explanation parted = Explain(records, {}, {}, "openid:wx1:b", "unionid:op1:u");
  EXPECT_FALSE(parted.same_person);
  ASSERT_EQ(parted.path.size(), 3U);
  EXPECT_EQ(parted.path[0].refused, Reason::kOpenidConflict);
  EXPECT_TRUE(Explain(records, {}, {}, "openid:wx1:b", "unionid:op1:no").path.empty());
}

TEST(ResolutionTest, RandomHistoriesAreOrderFree) {
  std::mt19937 random(11);
  const Policy policy{.hub_device_partners = 4, .hub_login_partners = 2, .max_ids = 12};
  for (unsigned seed = 0; seed < 1500; ++seed) {
    std::vector<Evidence> records = RandomHistory(seed, 5 + static_cast<int>(seed % 30));
    const Picture expected = Draw(records, policy);
    for (int i = 0; i < 4; ++i) {
      std::shuffle(records.begin(), records.end(), random);
      ASSERT_EQ(Draw(records, policy), expected) << "seed " << seed;
    }
  }
}

TEST(ResolutionTest, NoPersonHoldsTwoValuesOfOneExclusiveScope) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const Resolution resolution = ResolveRaw(RandomHistory(seed, 40), {});
    for (const std::vector<size_t>& part : resolution.parts) {
      std::set<std::string> scopes;
      for (const size_t id : part) {
        const Resolution::Id& held = resolution.ids[id];
        if (!IsAnchor(held.kind)) continue;
        EXPECT_TRUE(scopes.insert(ExclusiveScope(held.kind, held.text)).second) << "seed " << seed;
      }
    }
  }
}

Evidence Record(const char* kind, std::vector<std::string> ids, int minute) {
  Evidence record;
  record.kind = kind;
  record.ids = std::move(ids);
  record.observed = absl::FromUnixSeconds(1'772'000'000) + absl::Minutes(minute);
  return record;
}

TEST(ResolutionTest, ADeviceThatClaimedAnOpenidWaitsWithItsClaimedLogin) {
  std::vector<Evidence> records = {Record("client.claim", {"device:web:d", "openid:wxoa1:a"}, 1),
                                   Record("client.claim", {"device:web:d", "login:main:1"}, 2)};
  Picture expected;
  expected.persons = {{"device:web:d", "openid:wxoa1:a"}, {"login:main:1"}};
  expected.refused = {{{"device:web:d", "login:main:1"}, "client_claim_unverified"}};
  EXPECT_EQ(Draw(records, {}), expected);

  records.push_back(Record("tenant.login", {"login:main:1", "openid:wxoa1:a"}, 3));
  expected.persons = {{"device:web:d", "login:main:1", "openid:wxoa1:a"}};
  expected.refused = {};
  EXPECT_EQ(Draw(records, {}), expected);
}

TEST(ResolutionTest, TrustedClaimsJoinButNeverDisplace) {
  const std::vector<Evidence> records = {
      Record("client.claim", {"device:web:d", "openid:wxoa1:a", "unionid:op1:u"}, 1),
      Record("client.claim", {"device:web:d", "openid:wxoa1:a", "unionid:op1:v"}, 2),
      Record("oa.user_info", {"openid:wxoa1:a", "unionid:op1:v"}, 3)};
  Picture expected;
  expected.persons = {{"device:web:d", "openid:wxoa1:a", "unionid:op1:v"}, {"unionid:op1:u"}};
  expected.refused = {{{"openid:wxoa1:a", "unionid:op1:u"}, "unionid_conflict"}};
  EXPECT_EQ(Draw(records, {.trust_client_claims = true}), expected);
}

TEST(ResolutionTest, ASnapshotAnswerJoinsNobodyEvenWhenItsIdsAreReal) {
  std::vector<Evidence> records = {
      Record("oa.event_subscribe", {"openid:wxoa1:a"}, 1),
      Record("mp.code2session", {"openid:wxmp1:b", "unionid:op1:u"}, 2),
      Record("oauth.userinfo", {"openid:wxoa1:a", "unionid:op1:u"}, 3)};
  records.back().snapshot = true;
  Picture expected;
  expected.persons = {{"openid:wxoa1:a"}, {"openid:wxmp1:b", "unionid:op1:u"}};
  EXPECT_EQ(Draw(records, {}), expected);
}

TEST(ResolutionTest, APendingIdBridgesOnlyToTheViewOfItsAsker) {
  struct Case {
    const char* ext;
    bool joins;
  };
  for (const Case& given : {Case{"ext:ww1/prov-p1:wmA", true}, Case{"ext:ww1/provv1-p1:wmA", true},
                            Case{"ext:ww1/prov-p2:wmA", false}, Case{"ext:ww2/prov-p1:wmA", false},
                            Case{"ext:ww1/self:wmA", true}}) {
    const Picture drawn =
        Draw({Record("wecom.external_to_pending", {given.ext, "pending:p1/ww1:x"}, 1)}, {});
    EXPECT_EQ(drawn.persons.size(), given.joins ? 1U : 2U) << given.ext;
    EXPECT_EQ(drawn.refused.size(), given.joins ? 0U : 1U) << given.ext;
  }
}

TEST(CleanTest, FormChecksAreAChoice) {
  const Evidence record =
      Record("mp.code2session", {"openid:wx1:ab", "unionid:op1:o6_bmasdasd"}, 1);
  std::vector<Refusal> refusals;
  EXPECT_EQ(Clean(record, {}, refusals).ids.size(), 2U);
  EXPECT_TRUE(refusals.empty());
  EXPECT_EQ(Clean(record, {.form_checks = true}, refusals).ids.size(), 1U);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].reason, Reason::kBadFormat);
}

}  // namespace
}  // namespace datong::identity
