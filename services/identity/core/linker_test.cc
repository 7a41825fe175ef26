#include "services/identity/core/linker.h"

#include <gtest/gtest.h>

#include "services/identity/core/scoping.h"

namespace datong::identity {
namespace {

Evidence Record(std::vector<std::string> ids) {
  Evidence record;
  record.kind = "mp.code2session";
  record.ids = std::move(ids);
  record.observed = absl::FromUnixSeconds(1'772'000'000) + absl::Nanoseconds(1500);
  return record;
}

TEST(NormaliseTest, TrimsSortsAndDropsRepeats) {
  Evidence record = Record({"unionid:op1: u ", "openid:wx1:a", "unionid:op1:u", "txn:42"});
  EXPECT_EQ(Normalise(record), "");
  EXPECT_EQ(record.ids, (std::vector<std::string>{"openid:wx1:a", "txn:42", "unionid:op1:u"}));
  EXPECT_EQ(record.observed, absl::FromUnixSeconds(1'772'000'000) + absl::Microseconds(1));
}

TEST(NormaliseTest, SaysWhatCanNeverBeStored) {
  struct Case {
    const char* reason;
    Evidence record;
  };
  Evidence unknown_kind = Record({"openid:wx1:a"});
  unknown_kind.kind = "guess";
  Evidence timeless = Record({"openid:wx1:a"});
  timeless.observed = absl::InfinitePast();
  const Case cases[] = {
      {"EVIDENCE_KIND_UNKNOWN", unknown_kind},
      {"OBSERVED_TIME_MISSING", timeless},
      {"IDENTIFIERS_MISSING", Record({})},
      {"TOO_MANY_IDENTIFIERS", Record(std::vector<std::string>(21, "openid:wx1:a"))},
      {"IDENTIFIER_INVALID", Record({"openid:wx1"})},
      {"IDENTIFIER_INVALID", Record({"openid::a"})},
      {"IDENTIFIER_INVALID", Record({"cookie:wx1:a"})},
      {"IDENTIFIER_INVALID", Record({"openid:wx1:a\xFF"})},
      {"IDENTIFIER_INVALID", Record({"openid:wx1:a\nb"})},
      {"IDENTIFIER_INVALID", Record({"hint:a\nb"})},
      {"IDENTIFIER_INVALID", Record({"openid:wx1:" + std::string(256, 'x')})},
  };
  for (Case given : cases) EXPECT_EQ(Normalise(given.record), given.reason);
}

TEST(KnownKeyTest, ForgetsTheTimeWithinThirtyDaysButNotOfPendingIds) {
  Evidence a = Record({"openid:wx1:a"});
  Evidence b = a;
  b.observed += absl::Minutes(1);
  EXPECT_EQ(KnownKey(1, a), KnownKey(1, b));
  EXPECT_NE(EvidenceId(1, a), EvidenceId(1, b));
  EXPECT_NE(KnownKey(1, a), KnownKey(2, a));
  b.observed += absl::Hours(30 * 24);
  EXPECT_NE(KnownKey(1, a), KnownKey(1, b));
  Evidence pending = Record({"openid:wx1:a", "pending:p/c:x"});
  Evidence later = pending;
  later.observed += absl::Minutes(1);
  EXPECT_NE(KnownKey(1, pending), KnownKey(1, later));
}

TEST(KnownEvidenceTest, KnowsLaterRepeatsAndForgetsTheOldestWhenFull) {
  KnownEvidence known(16 * 8);  // 16 parts, and all of these keys go into one
  const absl::Time noon = absl::FromUnixSeconds(1'772'000'000);
  const FactKey first{0, 100};
  known.Add(first, 1, noon);
  EXPECT_TRUE(known.Contains(first, 1, noon + absl::Hours(1)));
  EXPECT_FALSE(known.Contains(first, 1, noon - absl::Hours(1)));
  for (uint64_t i = 0; i < 8; ++i) known.Add({0, i}, 1, noon);
  EXPECT_FALSE(known.Contains(first, 1, noon));
  EXPECT_TRUE(known.Contains({0, 7}, 1, noon));
}

TEST(KnownEvidenceTest, ADecisionMakesItDoubtWhatItKnew) {
  KnownEvidence known(1000);
  const FactKey fact{3, 4};
  const absl::Time noon = absl::FromUnixSeconds(1'772'000'000);
  known.Add(fact, 1, noon);
  EXPECT_FALSE(known.Contains(fact, 2, noon));
  known.Add(fact, 2, noon + absl::Hours(1));
  EXPECT_TRUE(known.Contains(fact, 2, noon + absl::Hours(1)));
  EXPECT_FALSE(known.Contains(fact, 2, noon));
}

TEST(ScopingTest, TheAccountIsTheOneAtTheTimeOfObservation) {
  const Evidence record = Record({"openid:wx1:a", "unionid:@wx1:u"});
  Bindings bindings;
  bindings["wx1"] = {{record.observed + absl::Hours(1), "late"}};
  EXPECT_EQ(ScopeUnionids(record, bindings).unknown, (std::vector<std::string>{"unionid:@wx1:u"}));
  EXPECT_EQ(ScopeUnionids(record, bindings).record.ids, (std::vector<std::string>{"openid:wx1:a"}));
  bindings["wx1"].insert(bindings["wx1"].begin(), {absl::UnixEpoch(), "early"});
  EXPECT_EQ(ScopeUnionids(record, bindings).record.ids,
            (std::vector<std::string>{"openid:wx1:a", "unionid:early:u"}));
}

}  // namespace
}  // namespace datong::identity
