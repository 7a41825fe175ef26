#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/identifier/identifier.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "identity_migrations.h"
#include "services/identity/rpc/decision_handlers.h"
#include "services/identity/rpc/graph_handlers.h"
#include "services/identity/rpc/integrity_handlers.h"
#include "services/identity/rpc/link_stream_handler.h"
#include "services/identity/rpc/policy_handlers.h"
#include "services/identity/rpc/profile_handlers.h"
#include "services/identity/rpc/relation_handlers.h"
#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/postgres_policy_store.h"
#include "services/identity/store/postgres_profile_store.h"
#include "services/identity/store/postgres_relation_store.h"

namespace datong::identity {
namespace {

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class HandlersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(graph_.RegisterProject(
        call_, Proto<v1::RegisterProjectRequest>(R"(project: "projects/demo" number: 7)")));
  }
  absl::StatusOr<v1::LinkResponse> Link(const std::string& kind, const std::string& ids,
                                        int64_t second = 1'772'000'000) {
    std::string text = absl::StrCat(R"(project: "projects/demo" evidence { kind: ")", kind,
                                    R"(" observed_time { seconds: )", second, " }");
    for (const absl::string_view id : absl::StrSplit(ids, ' '))
      absl::StrAppend(&text, " ids: \"", id, "\"");
    return graph_.Link(call_, Proto<v1::LinkRequest>(text + "}"));
  }
  absl::StatusOr<v1::ResolveResponse> Resolve(const std::string& identifier,
                                              const std::string& rest = "") {
    return graph_.Resolve(
        call_, Proto<v1::ResolveRequest>(absl::StrCat(R"(project: "projects/demo" identifier: ")",
                                                      identifier, "\" ", rest)));
  }

  rpc::CallContext call_;
  TestDatabase db_{{{"identity", Migrations()}}};
  metrics::Registry registry_;
  std::unique_ptr<postgres::Pool> pool_ = db_.MakePool(registry_);
  FakeClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  Metrics metrics_{registry_};
  PostgresGraphStore graph_store_{*pool_, clock_, {}, metrics_};
  PostgresProfileStore profile_store_{*pool_, clock_};
  PostgresDecisionStore decision_store_{*pool_, clock_, {}, metrics_};
  Linker linker_{graph_store_, metrics_, 1000};
  PostgresPolicyStore policy_store_{*pool_, clock_, {}, metrics_};
  PostgresRelationStore relation_store_{*pool_, clock_};
  GraphHandlers graph_{graph_store_, linker_, policy_store_};
  DecisionHandlers decisions_{graph_store_, decision_store_, graph_, clock_, policy_store_};
  PolicyHandlers policies_{graph_store_, policy_store_};
  IntegrityHandlers integrity_{graph_store_, policy_store_};
  RelationHandlers relations_{graph_store_, relation_store_};
  PrivacyMetrics privacy_metrics_{registry_};
  ProfileHandlers profiles_{graph_store_, profile_store_, decision_store_, privacy_metrics_,
                            clock_};
};

TEST_F(HandlersTest, LinkAnswersThePersonAndResolveFindsIt) {
  const absl::StatusOr<v1::LinkResponse> linked =
      Link("mp.code2session", "openid:wx1:a unionid:op1:u");
  ASSERT_OK(linked);
  ASSERT_EQ(linked->persons_size(), 1);
  EXPECT_EQ(linked->version(), 3);  // a person and two identifiers
  const absl::StatusOr<v1::ResolveResponse> found = Resolve("openid:wx1:a");
  ASSERT_OK(found);
  EXPECT_EQ(found->person().name(), linked->persons(0).name());
  EXPECT_EQ(found->person().person_index(), 1U);
  ASSERT_EQ(found->person().identifiers_size(), 2);
  EXPECT_EQ(found->person().identifiers(0).identifier(), "unionid:op1:u");
  EXPECT_EQ(found->person().identifiers(1).node(), NodeOf(7, "openid:wx1:a"));
  EXPECT_EQ(found->person().identifiers(1).first_observed_time().seconds(), 1'772'000'000);
}

TEST_F(HandlersTest, EachOfManyCallersAtOnceGetsItsOwnAnswer) {
  constexpr int kCallers = 16;
  std::vector<absl::StatusOr<v1::LinkResponse>> answers(kCallers);
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      const std::string id = absl::StrCat("openid:wx1:caller-", i);
      answers[static_cast<size_t>(i)] = Link(i == 7 ? "guess" : "mp.code2session", id);
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (int i = 0; i < kCallers; ++i) {
    const auto& answer = answers[static_cast<size_t>(i)];
    if (i == 7) {
      EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument);
      continue;
    }
    ASSERT_OK(answer);
    EXPECT_EQ(answer->persons(0).identifiers(0).identifier(),
              absl::StrCat("openid:wx1:caller-", i));
  }
  const auto turns =
      graph_.GetGraphStats(call_, Proto<v1::GetGraphStatsRequest>(R"(project: "projects/demo")"));
  ASSERT_OK(turns);
  EXPECT_EQ(turns->evidence_count(), kCallers - 1);
}

TEST_F(HandlersTest, AnUnknownIdentifierIsNotFoundAndNotCreated) {
  EXPECT_THAT(Resolve("openid:wx1:no"), IsError(absl::StatusCode::kNotFound, "IDENTIFIER_UNKNOWN"));
  EXPECT_THAT(Resolve("openid"), IsError(absl::StatusCode::kInvalidArgument, "IDENTIFIER_INVALID"));
  const auto stats =
      graph_.GetGraphStats(call_, Proto<v1::GetGraphStatsRequest>(R"(project: "projects/demo")"));
  ASSERT_OK(stats);
  EXPECT_EQ(stats->identifier_count(), 0);
}

TEST_F(HandlersTest, ClaimsAreIgnoredWhereTheCallerAsksForProof) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u"));
  ASSERT_OK(Link("client.claim", "device:web:d openid:wx1:a"));
  EXPECT_EQ(Resolve("device:web:d")->person().identifiers_size(), 3);
  EXPECT_THAT(Resolve("device:web:d", "weakest_class: EVIDENCE_CLASS_LOGIN"),
              IsError(absl::StatusCode::kNotFound, "IDENTIFIER_UNKNOWN"));
  EXPECT_EQ(
      Resolve("openid:wx1:a", "weakest_class: EVIDENCE_CLASS_LOGIN")->person().identifiers_size(),
      2);
}

TEST_F(HandlersTest, RefusalsAreAnsweredListedAndCounted) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u"));
  const auto refused = Link("mp.code2session", "openid:wx1:a unionid:op1:v", 1'772'000'060);
  ASSERT_OK(refused);
  ASSERT_EQ(refused->refusals_size(), 1);
  EXPECT_EQ(refused->refusals(0).reason(), "unionid_conflict");
  EXPECT_EQ(refused->refusals(0).rule(), "R4.1");
  EXPECT_EQ(refused->refusals(0).evidence_class(), v1::EVIDENCE_CLASS_PLATFORM);
  EXPECT_EQ(refused->persons_size(), 2);
  // R4.4: who competes.
  ASSERT_EQ(refused->refusals(0).persons_size(), 2);
  EXPECT_EQ(refused->refusals(0).ids(0), "openid:wx1:a");
  EXPECT_EQ(refused->refusals(0).persons(0), Resolve("openid:wx1:a")->person().name());
  EXPECT_EQ(refused->refusals(0).persons(1), Resolve("unionid:op1:v")->person().name());
  ASSERT_OK(Link("tenant.login", "login:main:null openid:wx1:a"));
  const auto page = graph_.ListRefusals(
      call_, Proto<v1::ListRefusalsRequest>(R"(project: "projects/demo" page_size: 1)"));
  ASSERT_OK(page);
  EXPECT_EQ(page->refusals_size(), 1);
  v1::ListRefusalsRequest next =
      Proto<v1::ListRefusalsRequest>(R"(project: "projects/demo" page_size: 1)");
  next.set_page_token(page->next_page_token());
  EXPECT_EQ(graph_.ListRefusals(call_, next)->next_page_token(), "");
  next.set_reason("blocked_value");
  EXPECT_THAT(graph_.ListRefusals(call_, next),
              IsError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID"));
  const auto stats =
      graph_.GetGraphStats(call_, Proto<v1::GetGraphStatsRequest>(R"(project: "projects/demo")"));
  ASSERT_OK(stats);
  EXPECT_EQ(stats->refusals_by_reason().at("blocked_value"), 1);
  EXPECT_EQ(stats->refusals_by_reason().at("unionid_conflict"), 1);
  EXPECT_EQ(stats->identifiers_by_kind().at("unionid"), 2);
  EXPECT_TRUE(
      absl::StrContains(registry_.Serialize(), "datong_identity_conflicts_total{rule=\"R4.1\"} 1"));
}

TEST_F(HandlersTest, ABadRecordDoesNotHoldUpItsBatch) {
  const auto batch = Proto<v1::LinkBatchRequest>(R"(project: "projects/demo"
      evidence { kind: "guess" ids: "openid:wx1:a" observed_time { seconds: 1772000000 } }
      evidence { kind: "oauth.base" ids: "openid:wx1:a" observed_time { seconds: 1772000000 } }
      evidence { kind: "oauth.base" ids: "openid:wx1:b" })");
  const auto first = graph_.LinkBatch(call_, batch);
  ASSERT_OK(first);
  EXPECT_EQ(first->recorded_count(), 1);
  ASSERT_EQ(first->rejected_size(), 2);
  EXPECT_EQ(first->rejected(0).reason(), "EVIDENCE_KIND_UNKNOWN");
  EXPECT_EQ(first->rejected(1).index(), 2);
  EXPECT_EQ(first->rejected(1).reason(), "OBSERVED_TIME_MISSING");
  const auto again = graph_.LinkBatch(call_, batch);
  ASSERT_OK(again);
  EXPECT_EQ(again->recorded_count(), 0);
  EXPECT_EQ(again->known_count(), 1);
  EXPECT_EQ(again->version(), first->version());
  EXPECT_THAT(Link("guess", "openid:wx1:a"),
              IsError(absl::StatusCode::kInvalidArgument, "EVIDENCE_INVALID"));
  EXPECT_THAT(graph_.LinkBatch(call_, Proto<v1::LinkBatchRequest>(R"(project: "projects/demo")")),
              IsError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE"));
}

TEST_F(HandlersTest, ABindingReleasesWhatWaited) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:@wx1:u"));
  const auto bound = graph_.BindApp(
      call_, Proto<v1::BindAppRequest>(
                 R"(project: "projects/demo" appid: "wx1" open_platform_account: "op1")"));
  ASSERT_OK(bound);
  EXPECT_EQ(bound->released_count(), 1);
  EXPECT_OK(Resolve("unionid:op1:u"));
}

TEST_F(HandlersTest, ResolveBatchAnswersEveryIdentifierInOrder) {
  ASSERT_OK(Link("oauth.base", "openid:wx1:a"));
  const auto found = graph_.ResolveBatch(
      call_,
      Proto<v1::ResolveBatchRequest>(
          R"(project: "projects/demo" identifiers: "openid:wx1:no" identifiers: "openid:wx1:a")"));
  ASSERT_OK(found);
  ASSERT_EQ(found->results_size(), 2);
  EXPECT_EQ(found->results(0).person(), "");
  EXPECT_EQ(found->results(1).person_index(), 1U);
}

TEST_F(HandlersTest, TheNameOfAMergedPersonLeadsToTheSurvivor) {
  const std::string old_name = Link("client.claim", "device:web:d")->persons(0).name();
  ASSERT_OK(Link("oauth.base", "openid:wx1:a"));
  ASSERT_OK(Link("client.claim", "device:web:d openid:wx1:a"));
  v1::GetPersonRequest request;
  request.set_name(old_name);
  const auto person = graph_.GetPerson(call_, request);
  ASSERT_OK(person);
  EXPECT_EQ(person->person().person_index(), 2U);
  request.set_name("projects/demo/persons/p-00000000");
  EXPECT_THAT(graph_.GetPerson(call_, request),
              IsError(absl::StatusCode::kNotFound, "PERSON_UNKNOWN"));
}

TEST_F(HandlersTest, TheFeedNamesIdentifiersPersonsAndNodes) {
  ASSERT_OK(Link("client.claim", "device:web:d"));
  ASSERT_OK(Link("oauth.base", "openid:wx1:a"));
  ASSERT_OK(Link("client.claim", "device:web:d openid:wx1:a"));
  const auto page = graph_.ListChanges(
      call_, Proto<v1::ListChangesRequest>(R"(project: "projects/demo" page_size: 5)"));
  ASSERT_OK(page);
  EXPECT_EQ(page->project_number(), 7);
  EXPECT_EQ(page->version(), 6);
  ASSERT_EQ(page->changes_size(), 5);
  EXPECT_EQ(page->changes(0).kind(), v1::CHANGE_KIND_PERSON_CREATED);
  EXPECT_EQ(page->changes(0).person_index(), 1U);
  EXPECT_EQ(page->changes(1).kind(), v1::CHANGE_KIND_IDENTIFIER_LINKED);
  EXPECT_EQ(page->changes(1).node(), NodeOf(7, "device:web:d"));
  EXPECT_EQ(page->changes(1).person(), page->changes(0).person());
  EXPECT_EQ(page->changes(4).kind(), v1::CHANGE_KIND_PERSON_MERGED);
  EXPECT_EQ(page->changes(4).previous_person_index(), 1U);
  EXPECT_EQ(page->changes(4).person_index(), 2U);
  v1::ListChangesRequest next = Proto<v1::ListChangesRequest>(R"(project: "projects/demo")");
  next.set_cursor(page->next_cursor());
  const auto rest = graph_.ListChanges(call_, next);
  ASSERT_OK(rest);
  ASSERT_EQ(rest->changes_size(), 1);
  EXPECT_EQ(rest->changes(0).kind(), v1::CHANGE_KIND_IDENTIFIER_MOVED);
  EXPECT_EQ(rest->changes(0).identifier(), "device:web:d");
}

// R5.13, R4.4: refusals begin and end in the feed, and an erasure leaves no identifier in it.
TEST_F(HandlersTest, TheFeedTellsOfRefusals) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u"));
  ASSERT_OK(Link("client.claim", "device:web:d login:main:1"));
  ASSERT_OK(Link("client.claim", "device:web:d openid:wx1:a"));
  ASSERT_OK(Link("client.claim", "device:web:d openid:wx1:a", 1'772'000'060));
  const auto told = [&] {
    std::vector<v1::Change> changes;
    const auto page =
        graph_.ListChanges(call_, Proto<v1::ListChangesRequest>(R"(project: "projects/demo")"));
    EXPECT_OK(page);
    for (const v1::Change& change : page->changes()) {
      if (change.has_refusal()) changes.push_back(change);
    }
    return changes;
  };
  ASSERT_EQ(told().size(), 1U);
  const v1::Refusal refusal = told()[0].refusal();
  EXPECT_EQ(told()[0].kind(), v1::CHANGE_KIND_REFUSAL_OPENED);
  EXPECT_EQ(refusal.reason(), "client_claim_unverified");
  EXPECT_EQ(refusal.rule(), "R2.6");
  EXPECT_TRUE(refusal.open());
  EXPECT_EQ(refusal.ids_size(), 2);
  const auto listed =
      graph_.ListRefusals(call_, Proto<v1::ListRefusalsRequest>(R"(project: "projects/demo")"));
  EXPECT_EQ(listed->refusals(0).number(), refusal.number());

  // A proof closes it.
  ASSERT_OK(Link("tenant.login", "login:main:1 openid:wx1:a"));
  ASSERT_EQ(told().size(), 2U);
  EXPECT_EQ(told()[1].kind(), v1::CHANGE_KIND_REFUSAL_CLOSED);
  EXPECT_EQ(told()[1].refusal().number(), refusal.number());

  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:v", 1'772'000'120));
  ASSERT_OK(decisions_.Erase(call_, Proto<v1::EraseRequest>(R"(
    project: "projects/demo" identifier: "openid:wx1:a" basis: "PIPL 47" hold_back {})")));
  const std::vector<v1::Change> after = told();
  ASSERT_EQ(after.size(), 4U);
  EXPECT_EQ(after[3].kind(), v1::CHANGE_KIND_REFUSAL_CLOSED);
  EXPECT_EQ(after[3].refusal().number(), after[2].refusal().number());
  for (const v1::Change& change : after) EXPECT_EQ(change.refusal().ids_size(), 0);
}

TEST_F(HandlersTest, AnAttributeNeedsTheConsentOfItsClass) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a"));
  const auto set = [&](const char* value) {
    v1::SetAttributesRequest request = Proto<v1::SetAttributesRequest>(R"(
      project: "projects/demo" subject { identifier: "openid:wx1:a" }
      attributes { name: "size" source: "mp" consent_class: "marketing" })");
    request.mutable_attributes(0)->mutable_value()->set_string_value(value);
    return profiles_.SetAttributes(call_, request).status();
  };
  const auto say = [&](const char* state) {
    clock_.Advance(absl::Minutes(1));
    v1::RecordConsentRequest request = Proto<v1::RecordConsentRequest>(absl::StrCat(
        R"(project: "projects/demo" subject { identifier: "openid:wx1:a" } consent {
        purpose: "marketing" source: "mp" state: CONSENT_STATE_)",
        state, "}"));
    ASSERT_OK(profiles_.RecordConsent(call_, request));
  };
  const auto shown = [&] {
    return profiles_.GetProfile(call_, Proto<v1::GetProfileRequest>(R"(
      project: "projects/demo" subject { identifier: "openid:wx1:a" })"));
  };
  ASSERT_OK(set("41"));
  EXPECT_EQ(shown()->attributes(0).consent_class(), "marketing");
  say("WITHDRAWN");
  EXPECT_EQ(shown()->attributes_size(), 0);
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(set("42"), IsError(absl::StatusCode::kFailedPrecondition, "CONSENT_WITHDRAWN"));
  say("GRANTED");
  EXPECT_EQ(shown()->attributes_size(), 0);
  ASSERT_OK(set("43"));
  EXPECT_EQ(shown()->attributes(0).value().string_value(), "43");
}

TEST_F(HandlersTest, AnUnknownProjectIsNamedAsSuch) {
  EXPECT_THAT(
      graph_.GetGraphStats(call_, Proto<v1::GetGraphStatsRequest>(R"(project: "projects/no")")),
      IsError(absl::StatusCode::kNotFound, "PROJECT_UNKNOWN"));
}

TEST_F(HandlersTest, AConsentHoldsForThePersonAndFollowsMerges) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a"));
  const auto recorded = profiles_.RecordConsent(
      call_, Proto<v1::RecordConsentRequest>(
                 R"(project: "projects/demo" subject { identifier: "openid:wx1:a" }
         consent { purpose: "analytics" state: CONSENT_STATE_WITHDRAWN source: "mp" })"));
  ASSERT_OK(recorded);
  EXPECT_EQ(recorded->identifier_count(), 1);
  ASSERT_OK(Link("tenant.login", "login:main:1 openid:wx1:a"));
  const auto held = profiles_.GetConsent(
      call_, Proto<v1::GetConsentRequest>(
                 R"(project: "projects/demo" subject { identifier: "login:main:1" })"));
  ASSERT_OK(held);
  ASSERT_EQ(held->consents_size(), 1);
  EXPECT_EQ(held->consents(0).state(), v1::CONSENT_STATE_WITHDRAWN);
  EXPECT_EQ(held->consents(0).consent_time().seconds(), 1'790'000'000);
  const auto feed = profiles_.ListConsentChanges(
      call_, Proto<v1::ListConsentChangesRequest>(R"(project: "projects/demo")"));
  ASSERT_OK(feed);
  ASSERT_EQ(feed->changes_size(), 2);
  EXPECT_EQ(feed->changes(1).identifier(), "login:main:1");
  EXPECT_EQ(feed->changes(1).version(), 2);
  EXPECT_THAT(profiles_.RecordConsent(
                  call_, Proto<v1::RecordConsentRequest>(
                             R"(project: "projects/demo" subject { identifier: "openid:wx1:a" }
                     consent { purpose: "Ads!" state: CONSENT_STATE_GRANTED source: "mp" })")),
              IsError(absl::StatusCode::kInvalidArgument, "CONSENT_INVALID"));
}

TEST_F(HandlersTest, AnAttributeSetOnOneSurfaceIsReadOnAnother) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u"));
  ASSERT_OK(Link("oa.user_info", "openid:wx2:b unionid:op1:u"));
  ASSERT_OK(profiles_.SetAttributes(
      call_, Proto<v1::SetAttributesRequest>(
                 R"(project: "projects/demo" subject { identifier: "openid:wx1:a" }
         attributes { name: "tags" value { list_value { values { string_value: "老客" } } } source: "mp" })")));
  const auto profile = profiles_.GetProfile(
      call_, Proto<v1::GetProfileRequest>(
                 R"(project: "projects/demo" subject { identifier: "openid:wx2:b" })"));
  ASSERT_OK(profile);
  ASSERT_EQ(profile->attributes_size(), 1);
  EXPECT_EQ(profile->attributes(0).value().list_value().values(0).string_value(), "老客");
  EXPECT_THAT(profiles_.SetAttributes(
                  call_, Proto<v1::SetAttributesRequest>(
                             R"(project: "projects/demo" subject { identifier: "openid:wx1:a" }
                     attributes { name: "x" source: "mp" })")),
              IsError(absl::StatusCode::kInvalidArgument, "ATTRIBUTE_INVALID"));
  EXPECT_THAT(profiles_.GetProfile(
                  call_, Proto<v1::GetProfileRequest>(
                             R"(project: "projects/demo" subject { identifier: "openid:wx9:z" })")),
              IsError(absl::StatusCode::kNotFound, "PERSON_UNKNOWN"));
}

TEST_F(HandlersTest, UnlinkRebindAndExplainTellOneStory) {
  ASSERT_OK(Link("tenant.login", "login:main:1 openid:wx1:a"));
  ASSERT_OK(decisions_.Unlink(call_, Proto<v1::UnlinkRequest>(R"(
    project: "projects/demo" identifier: "openid:wx1:a" other_identifier: "login:main:1"
    mode: UNLINK_MODE_CANNOT_LINK reason: "ticket 7")")));
  EXPECT_EQ(Resolve("openid:wx1:a")->person().identifiers_size(), 1);
  const auto explained = decisions_.Explain(call_, Proto<v1::ExplainRequest>(R"(
    project: "projects/demo" identifier: "openid:wx1:a" other_identifier: "login:main:1")"));
  ASSERT_OK(explained);
  EXPECT_FALSE(explained->same_person());
  ASSERT_EQ(explained->path_size(), 1);
  EXPECT_EQ(explained->path(0).refused_rule(), "R4.3");
  ASSERT_EQ(explained->decisions_size(), 1);
  EXPECT_EQ(explained->decisions(0).reason(), "ticket 7");
  EXPECT_EQ(explained->refusals_size(), 1);

  ASSERT_OK(decisions_.Rebind(call_, Proto<v1::RebindRequest>(R"(
    project: "projects/demo" identifier: "login:main:1" to: "openid:wx1:b" reason: "sold")")));
  EXPECT_EQ(Resolve("login:main:1")->person().identifiers_size(), 2);
  EXPECT_EQ(Resolve("openid:wx1:b")->person().name(), Resolve("login:main:1")->person().name());
  EXPECT_THAT(decisions_.Rebind(call_, Proto<v1::RebindRequest>(R"(
    project: "projects/demo" identifier: "openid:wx1:a" reason: "x")")),
              IsError(absl::StatusCode::kInvalidArgument, "DECISION_INVALID"));
}

TEST_F(HandlersTest, AMigratedOpenidStaysAndIsRetired) {
  ASSERT_OK(Link("oa.user_info", "openid:wx1:a unionid:op1:u"));
  ASSERT_OK(decisions_.MigrateOpenid(call_, Proto<v1::MigrateOpenidRequest>(R"(
    project: "projects/demo" pairs { old_openid: "openid:wx1:a" new_openid: "openid:wx2:a" })")));
  const auto found = Resolve("openid:wx2:a");
  ASSERT_OK(found);
  ASSERT_EQ(found->person().identifiers_size(), 3);
  EXPECT_EQ(found->person().identifiers(1).identifier(), "openid:wx1:a");
  EXPECT_TRUE(found->person().identifiers(1).has_retired_time());
  EXPECT_FALSE(found->person().identifiers(2).has_retired_time());
}

TEST_F(HandlersTest, AWithdrawnPhoneIsForgottenAndADeregisteredUserErased) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u"));
  ASSERT_OK(Link("mp.phone_number", "openid:wx1:a phone:k1:p"));
  ASSERT_OK(profiles_.SetAttributes(call_, Proto<v1::SetAttributesRequest>(R"(
    project: "projects/demo" subject { identifier: "openid:wx1:a" } attributes { name: "nickname"
    value { string_value: "N" } source: "mp" attribute_time { seconds: 1772000000 } })")));
  ASSERT_OK(decisions_.RevokeAuthorization(call_, Proto<v1::RevokeAuthorizationRequest>(R"(
    project: "projects/demo" identifier: "openid:wx1:a" infos: "8" infos: "6")")));
  EXPECT_THAT(Resolve("phone:k1:p"), IsError(absl::StatusCode::kNotFound, "IDENTIFIER_UNKNOWN"));
  EXPECT_EQ(profiles_
                .GetProfile(call_, Proto<v1::GetProfileRequest>(R"(
    project: "projects/demo" subject { identifier: "openid:wx1:a" })"))
                ->attributes_size(),
            0);
  ASSERT_OK(decisions_.RevokeAuthorization(call_, Proto<v1::RevokeAuthorizationRequest>(R"(
    project: "projects/demo" identifier: "openid:wx1:a" deregistered: true)")));
  EXPECT_THAT(Resolve("unionid:op1:u"), IsError(absl::StatusCode::kNotFound, "IDENTIFIER_UNKNOWN"));
}

TEST_F(HandlersTest, AnErasedPersonComesBackWithANewConsentOnly) {
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u"));
  const auto erased = decisions_.Erase(call_, Proto<v1::EraseRequest>(R"(
    project: "projects/demo" identifier: "openid:wx1:a" basis: "PIPL 47" hold_back {})"));
  ASSERT_OK(erased);
  EXPECT_THAT(Resolve("unionid:op1:u"), IsError(absl::StatusCode::kNotFound, "IDENTIFIER_UNKNOWN"));
  clock_.Advance(absl::Hours(2));
  const int64_t later = 1'790'003'600;
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u", later));
  EXPECT_FALSE(Resolve("unionid:op1:u").ok());
  ASSERT_OK(profiles_.RecordConsent(call_, Proto<v1::RecordConsentRequest>(R"(
    project: "projects/demo" subject { identifier: "openid:wx1:a" } consent { purpose: "analytics"
    state: CONSENT_STATE_GRANTED source: "mp" consent_time { seconds: 1790001800 } })")));
  ASSERT_OK(Link("mp.code2session", "openid:wx1:a unionid:op1:u", later));
  EXPECT_OK(Resolve("unionid:op1:u"));
}

}  // namespace
}  // namespace datong::identity
