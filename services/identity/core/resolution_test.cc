#include "services/identity/core/resolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "services/identity/testing/scenarios.h"

namespace datong::identity {
namespace {

std::vector<Evidence> Gather(const std::vector<ScenarioStep>& steps) {
  std::vector<Evidence> records;
  for (const ScenarioStep& step : steps) {
    records.insert(records.end(), step.evidence.begin(), step.evidence.end());
  }
  return records;
}

// What this version does not offer: Unlink, Rebind, Erase and the withdrawal of an authorisation.
TEST(ScenarioTest, AllButTheOperationsNotOfferedAreSupported) {
  std::vector<std::string> skipped;
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    if (!scenario.not_offered.empty()) skipped.push_back(scenario.not_offered);
  }
  EXPECT_EQ(skipped, (std::vector<std::string>{"rebind", "revoke", "unlink", "erase"}));
}

TEST(ScenarioTest, EveryStepGivesTheExpectedPersonsAndRefusals) {
  int count = 0;
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    if (!scenario.not_offered.empty()) continue;
    std::vector<Evidence> records;
    for (const ScenarioStep& step : scenario.steps) {
      records.insert(records.end(), step.evidence.begin(), step.evidence.end());
      EXPECT_EQ(Draw(records, scenario.policy), step.after) << scenario.name;
    }
    EXPECT_EQ(Draw(records, scenario.policy), scenario.expect) << scenario.name;
    ++count;
  }
  EXPECT_EQ(count, 40);
}

TEST(ScenarioTest, NoOrderAndNoRepeatChangesTheResult) {
  std::mt19937 random(7);
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    if (!scenario.not_offered.empty() || !scenario.permutable) continue;
    std::vector<Evidence> records = Gather(scenario.steps);
    std::vector<size_t> order(records.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto check = [&] {
      std::vector<Evidence> shuffled;
      for (const size_t i : order) shuffled.push_back(records[i]);
      shuffled.push_back(records[random() % records.size()]);
      ASSERT_EQ(Draw(shuffled, scenario.policy), scenario.expect) << scenario.name;
    };
    if (records.size() <= 6) {
      do {
        check();
      } while (std::next_permutation(order.begin(), order.end()));
    } else {
      for (int i = 0; i < 400; ++i) {
        std::shuffle(order.begin(), order.end(), random);
        check();
      }
    }
  }
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
