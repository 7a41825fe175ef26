#include "services/identity/rpc/policy_handlers.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "identity_migrations.h"
#include "services/identity/rpc/decision_handlers.h"
#include "services/identity/rpc/graph_handlers.h"
#include "services/identity/rpc/integrity_handlers.h"
#include "services/identity/rpc/link_stream_handler.h"
#include "services/identity/rpc/relation_handlers.h"
#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/postgres_policy_store.h"
#include "services/identity/store/postgres_relation_store.h"

namespace datong::identity {
namespace {

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      absl::StrCat(R"(project: "projects/demo" )", text), &message))
      << text;
  return message;
}

class PolicyHandlersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(graph_.RegisterProject(call_, Proto<v1::RegisterProjectRequest>("number: 7")));
  }
  void Link(const std::string& kind, const std::string& ids, int64_t second) {
    std::string text = absl::StrCat(R"(evidence { kind: ")", kind, R"(" observed_time { seconds: )",
                                    1'772'000'000 + second, " }");
    for (const absl::string_view id : absl::StrSplit(ids, ' '))
      absl::StrAppend(&text, " ids: \"", id, "\"");
    ASSERT_OK(graph_.Link(call_, Proto<v1::LinkRequest>(text + "}")));
  }

  rpc::CallContext call_;
  TestDatabase db_{{{"identity", Migrations()}}};
  metrics::Registry registry_;
  std::unique_ptr<postgres::Pool> pool_ = db_.MakePool(registry_);
  FakeClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  Metrics metrics_{registry_};
  PostgresGraphStore graph_store_{*pool_, clock_, {}, metrics_};
  PostgresDecisionStore decision_store_{*pool_, clock_, {}, metrics_};
  PostgresPolicyStore policy_store_{*pool_, clock_, {}, metrics_};
  PostgresRelationStore relation_store_{*pool_, clock_};
  Linker linker_{graph_store_, metrics_, 1000};
  GraphHandlers graph_{graph_store_, linker_, policy_store_};
  DecisionHandlers decisions_{graph_store_, decision_store_, graph_, clock_, policy_store_};
  PolicyHandlers policies_{graph_store_, policy_store_};
  RelationHandlers relations_{graph_store_, relation_store_};
};

TEST_F(PolicyHandlersTest, ADryRunSaysWhatSettingThePolicyThenDoes) {
  Link("client.claim", "device:web:d openid:wx1:a unionid:op1:u", 1);
  Link("tenant.login", "login:main:1 openid:wx1:b", 2);
  Link("tenant.login", "login:main:2 openid:wx1:b", 3);
  const auto request = Proto<v1::DryRunPolicyRequest>(
      "policy { trust_client_claims: true login_max: 2 } page_size: 1");
  int64_t merged = 0;
  int64_t components = 0;
  v1::DryRunPolicyRequest next = request;
  do {
    const absl::StatusOr<v1::DryRunPolicyResponse> page = policies_.DryRunPolicy(call_, next);
    ASSERT_OK(page);
    merged += page->merged_count();
    components += page->component_count();
    EXPECT_EQ(page->split_count(), 0);
    next.set_page_token(page->next_page_token());
  } while (!next.page_token().empty());
  EXPECT_EQ(merged, 2);
  EXPECT_EQ(components, 2);
  const auto stats = Proto<v1::GetGraphStatsRequest>("");
  EXPECT_EQ(graph_.GetGraphStats(call_, stats)->person_count(), 4);

  const absl::StatusOr<v1::SetPolicyResponse> set = policies_.SetPolicy(
      call_,
      Proto<v1::SetPolicyRequest>("policy { trust_client_claims: true login_max: 2 } wait: true"));
  ASSERT_OK(set);
  EXPECT_FALSE(set->recomputing());
  EXPECT_EQ(set->policy().login_max(), 2);
  EXPECT_EQ(set->policy().pending_days(), 90);
  EXPECT_EQ(graph_.GetGraphStats(call_, stats)->person_count(), 2);
  EXPECT_EQ(policies_.DryRunPolicy(call_, request)->merged_count(), 0);
  const auto held = policies_.GetPolicy(call_, Proto<v1::GetPolicyRequest>(""));
  ASSERT_OK(held);
  EXPECT_EQ(held->policy_version(), 1);
  EXPECT_TRUE(held->policy().trust_client_claims());
  EXPECT_THAT(policies_.SetPolicy(call_, Proto<v1::SetPolicyRequest>("policy { login_max: 0 }")),
              IsError(absl::StatusCode::kInvalidArgument, "POLICY_INVALID"));
}

TEST_F(PolicyHandlersTest, ADryRunForeseesWhatAFreedValueJoins) {
  ASSERT_OK(policies_.SetPolicy(
      call_, Proto<v1::SetPolicyRequest>(R"(policy { blocked_values { values: "7" } })")));
  Link("tenant.login", "login:main:7 openid:wx1:a", 1);
  Link("tenant.login", "login:main:7 unionid:op1:u", 2);
  Link("tenant.login", "login:main:8 openid:wx2:b", 3);
  const auto stats = Proto<v1::GetGraphStatsRequest>("");
  EXPECT_EQ(graph_.GetGraphStats(call_, stats)->person_count(), 3);
  int64_t merged = 0;
  std::map<std::string, int64_t> closed;
  auto next = Proto<v1::DryRunPolicyRequest>("policy { blocked_values {} } page_size: 1");
  do {
    const absl::StatusOr<v1::DryRunPolicyResponse> page = policies_.DryRunPolicy(call_, next);
    ASSERT_OK(page);
    merged += page->merged_count();
    for (const auto& [reason, count] : page->refusals_closed()) closed[reason] += count;
    next.set_page_token(page->next_page_token());
  } while (!next.page_token().empty());
  EXPECT_EQ(merged, 1);
  EXPECT_EQ(closed["blocked_value"], 1);
  ASSERT_OK(policies_.SetPolicy(
      call_, Proto<v1::SetPolicyRequest>("policy { blocked_values {} } wait: true")));
  EXPECT_EQ(graph_.GetGraphStats(call_, stats)->person_count(), 2);
}

TEST_F(PolicyHandlersTest, ThePastAnswersAsItWasKnown) {
  Link("tenant.login", "login:main:1", 1);
  Link("oa.user_info", "openid:wx1:a unionid:op1:u", 2);
  clock_.Advance(absl::Hours(1));
  Link("tenant.login", "login:main:1 openid:wx1:a", 3);
  const auto past = graph_.Resolve(
      call_, Proto<v1::ResolveRequest>(R"(identifier: "login:main:1" at_version: 5)"));
  ASSERT_OK(past);
  EXPECT_EQ(past->person().person_index(), 1U);
  EXPECT_EQ(past->person().identifiers_size(), 1);
  const auto many = graph_.ResolveBatch(
      call_,
      Proto<v1::ResolveBatchRequest>(
          R"(identifiers: "login:main:1" identifiers: "openid:wx1:a" identifiers: "openid:wx1:z"
                    at_time { seconds: 1790000000 })"));
  ASSERT_OK(many);
  EXPECT_EQ(many->results(0).person_index(), 1U);
  EXPECT_EQ(many->results(1).person_index(), 2U);
  EXPECT_EQ(many->results(2).person_index(), 0U);
  for (const char* wrong : {R"(identifier: "login:main:1" at_version: 99)",
                            R"(identifier: "login:main:1" at_version: 3
                               weakest_class: EVIDENCE_CLASS_LOGIN)"}) {
    EXPECT_THAT(graph_.Resolve(call_, Proto<v1::ResolveRequest>(wrong)),
                IsError(absl::StatusCode::kInvalidArgument, "RESOLVE_INVALID"));
  }
}

TEST_F(PolicyHandlersTest, ABatchLeavesOutWhoIsJoinedByClaimsAlone) {
  Link("oa.user_info", "openid:wx1:a unionid:op1:u", 1);
  Link("client.claim", "device:web:d openid:wx1:a", 2);
  const auto strong =
      graph_.ResolveBatch(call_, Proto<v1::ResolveBatchRequest>(R"(identifiers: "device:web:d"
               identifiers: "openid:wx1:a" weakest_class: EVIDENCE_CLASS_LOGIN)"));
  ASSERT_OK(strong);
  EXPECT_EQ(strong->results(0).person_index(), 0U);
  EXPECT_EQ(strong->results(1).person_index(), 1U);
}

TEST_F(PolicyHandlersTest, BatchesThatWaitTogetherAreLinkedTogetherAndAnsweredInOrder) {
  LinkStreamHandler stream(graph_store_, linker_);
  std::deque<v1::LinkStreamResponse> acks;
  const auto message = [](const std::string& ids) {
    return Proto<v1::LinkStreamRequest>(absl::StrCat(
        R"(evidence { kind: "oa.user_info" observed_time { seconds: 1772000000 } ids: ")", ids,
        R"(" })"));
  };
  ASSERT_OK(stream.OnMessage(call_, message("openid:wx1:a"), true, &acks));
  EXPECT_TRUE(acks.empty());
  ASSERT_OK(stream.OnMessage(call_, message("nonsense"), true, &acks));
  v1::LinkStreamRequest last = message("openid:wx1:c");
  last.clear_project();
  ASSERT_OK(stream.OnMessage(call_, last, false, &acks));
  ASSERT_EQ(acks.size(), 3U);
  EXPECT_EQ(acks[2].acknowledged(), 3);
  EXPECT_EQ(acks[2].version(), 4);
  EXPECT_EQ(acks[0].rejected_size(), 0);
  ASSERT_EQ(acks[1].rejected_size(), 1);
  EXPECT_EQ(acks[1].rejected(0).index(), 0);
  EXPECT_THAT(LinkStreamHandler(graph_store_, linker_)
                  .OnMessage(call_, v1::LinkStreamRequest(), false, &acks),
              IsError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE"));
}

TEST_F(PolicyHandlersTest, ARelationThatEndsPartsNobody) {
  Link("oa.user_info", "openid:wx1:a unionid:op1:u", 1);
  const auto record = [&](const char* state, int64_t second) {
    return relations_
        .RecordRelation(call_,
                        Proto<v1::RecordRelationRequest>(absl::StrCat(
                            R"(relation { identifier: "openid:wx1:a" kind: RELATION_KIND_FOLLOWER
                                      state: )",
                            state, " since_time { seconds: ", second, " } }")))
        ->applied();
  };
  EXPECT_TRUE(record("RELATION_STATE_ENDED_BY_PERSON", 20));
  EXPECT_FALSE(record("RELATION_STATE_ACTIVE", 10));
  const auto list = relations_.ListRelations(
      call_, Proto<v1::ListRelationsRequest>(R"(identifier: "unionid:op1:u")"));
  ASSERT_OK(list);
  ASSERT_EQ(list->relations_size(), 1);
  EXPECT_EQ(list->relations(0).state(), v1::RELATION_STATE_ENDED_BY_PERSON);
  EXPECT_EQ(graph_.GetGraphStats(call_, Proto<v1::GetGraphStatsRequest>(""))->person_count(), 1);
  ASSERT_OK(decisions_.Erase(
      call_, Proto<v1::EraseRequest>(R"(identifier: "openid:wx1:a" basis: "t" hold_back {})")));
  EXPECT_THAT(relations_.ListRelations(
                  call_, Proto<v1::ListRelationsRequest>(R"(identifier: "openid:wx1:a")")),
              IsError(absl::StatusCode::kNotFound, "IDENTIFIER_UNKNOWN"));
  EXPECT_FALSE(record("RELATION_STATE_ACTIVE", 1'772'000'000));
}

TEST_F(PolicyHandlersTest, OneBadRelationDoesNotHoldUpTheOthersOfItsBatch) {
  const auto batch = Proto<v1::RecordRelationsRequest>(R"(
      relations { identifier: "openid:wx1:a" kind: RELATION_KIND_FOLLOWER
                  state: RELATION_STATE_ACTIVE since_time { seconds: 20 } }
      relations { identifier: "nonsense" kind: RELATION_KIND_FOLLOWER
                  state: RELATION_STATE_ACTIVE since_time { seconds: 20 } }
      relations { identifier: "ext:c1/self:wm1" kind: RELATION_KIND_FOLLOWER
                  state: RELATION_STATE_ACTIVE since_time { seconds: 20 } }
      relations { identifier: "ext:c1/self:wm1" kind: RELATION_KIND_CONTACT with: "li"
                  state: RELATION_STATE_ENDED_BY_COMPANY since_time { seconds: 20 } })");
  auto answer = relations_.RecordRelations(call_, batch);
  ASSERT_OK(answer);
  EXPECT_EQ(answer->applied_count(), 2);
  ASSERT_EQ(answer->rejected_size(), 2);
  EXPECT_EQ(answer->rejected(0).index(), 1);
  EXPECT_EQ(answer->rejected(0).reason(), "IDENTIFIER_INVALID");
  EXPECT_EQ(answer->rejected(1).reason(), "RELATION_INVALID");
  EXPECT_EQ(relations_.RecordRelations(call_, batch)->applied_count(), 0) << "the same once more";
  const auto list = relations_.ListRelations(
      call_, Proto<v1::ListRelationsRequest>(R"(identifier: "ext:c1/self:wm1")"));
  ASSERT_OK(list);
  EXPECT_EQ(list->relations(0).with(), "li");
  EXPECT_THAT(relations_.RecordRelations(call_, Proto<v1::RecordRelationsRequest>("")),
              IsError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE"));
}

TEST_F(PolicyHandlersTest, ACompanyThatLeavesAProviderTakesAllIdentifiersAlong) {
  Link("wecom.contact_detail", "ext:corp1/prov-p1:wmA unionid:op1:u", 1);
  Link("wecom.external_to_pending", "ext:corp1/prov-p1:wmB pending:p1/corp1:x", 2);
  Link("wecom.contact_detail", "ext:corp1/self:wmA", 3);
  Link("wecom.contact_detail", "ext:corp2/prov-p1:wmA", 4);
  const auto cancelled = decisions_.CancelCorpAuthorization(
      call_, Proto<v1::CancelCorpAuthorizationRequest>(R"(provider: "p1" corp: "corp1")"));
  ASSERT_OK(cancelled);
  EXPECT_EQ(cancelled->identifier_count(), 3);
  const auto stats = graph_.GetGraphStats(call_, Proto<v1::GetGraphStatsRequest>(""));
  ASSERT_OK(stats);
  EXPECT_EQ(stats->identifiers_by_kind().at("ext"), 2);
  EXPECT_FALSE(stats->identifiers_by_kind().contains("pending"));
  EXPECT_THAT(decisions_.CancelCorpAuthorization(
                  call_, Proto<v1::CancelCorpAuthorizationRequest>(R"(provider: "" corp: "c")")),
              IsError(absl::StatusCode::kInvalidArgument, "DECISION_INVALID"));
}

}  // namespace
}  // namespace datong::identity
