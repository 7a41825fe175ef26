#include "services/broker/core/estate.h"

#include "services/broker/core/mend_links.h"
#include "services/broker/core/push_sightings.h"
#include "services/broker/testing/core_fixture.h"
#include "services/broker/testing/fake_estate.h"

namespace datong::broker {
namespace {

class EstateTest : public CoreFixture {
 protected:
  EstateTest() { GiveTicket(); }
  App Component() { return *store_.GetApp("wx-comp", soon()); }
  ImportedAccount ImportOne(const std::string& appid, const std::string& refresh_token) {
    absl::StatusOr<std::vector<ImportedAccount>> results =
        estate_.Import(Component(), {{appid, Secret(refresh_token)}}, soon());
    EXPECT_OK(results);
    return results->at(0);
  }
  ReconcileReport Reconcile(bool take_all = false) {
    absl::StatusOr<ReconcileReport> report = estate_.Reconcile(Component(), take_all, soon());
    EXPECT_OK(report);
    return report.ok() ? *report : ReconcileReport();
  }
  void Listed(const std::string& appid, absl::Time when) {
    lists_.listed.push_back({appid, Secret("refresh-of-" + appid), when});
  }
  AppState StateOf(const std::string& appid) { return store_.GetApp(appid, soon())->state; }

  FakeEstateStore estates_;
  FakeEstatePlatform lists_;
  Estate estate_{{},          store_,    store_, estates_, store_, tokens_,
                 authorizer_, platform_, lists_, metrics_, clock_};
};

TEST_F(EstateTest, AnImportedAccountIsTriedAtWeChatAndThenWorks) {
  const ImportedAccount result = ImportOne("wx-old", "given");
  EXPECT_EQ(result.outcome, ImportOutcome::kImported);
  EXPECT_EQ(platform_.calls("FetchAuthorizerToken"), 1);
  EXPECT_OK(tokens_.Get("wx-old", soon()));
  absl::StatusOr<Authorization> held = store_.GetAuthorization("demo", "wx-old", soon());
  ASSERT_OK(held);
  EXPECT_EQ(held->permission_sets, (std::vector<int32_t>{1, 2}));
  EXPECT_TRUE(held->details_known);
  EXPECT_EQ((*store_.Load("wx-old", soon()))->refresh_token.Expose(), "given");
}

TEST_F(EstateTest, ImportingTwiceChangesNothing) {
  ImportOne("wx-old", "given");
  EXPECT_EQ(ImportOne("wx-old", "given").outcome, ImportOutcome::kUnchanged);
  EXPECT_EQ(ImportOne("wx-old", "another").outcome, ImportOutcome::kUnchanged);
  EXPECT_EQ(platform_.calls("FetchAuthorizerToken"), 1);
}

TEST_F(EstateTest, ADeadOrMissingRefreshTokenIsRecoveredFromWeChat) {
  platform_.FailNext("FetchAuthorizerToken", {Errcode(61023)});
  EXPECT_EQ(ImportOne("wx-old", "dead").outcome, ImportOutcome::kRecovered);
  EXPECT_EQ((*store_.Load("wx-old", soon()))->refresh_token.Expose(), "refresh");
  EXPECT_EQ(ImportOne("wx-other", "").outcome, ImportOutcome::kRecovered);
}

TEST_F(EstateTest, NothingIsStoredOfAnAccountThatWeChatRefuses) {
  platform_.FailNext("GetAuthorizerInfo", {Errcode(61003)});
  const ImportedAccount revoked = ImportOne("wx-old", "given");
  EXPECT_EQ(revoked.outcome, ImportOutcome::kRefused);
  EXPECT_THAT(revoked.refusal, IsError(absl::StatusCode::kFailedPrecondition, "APP_REVOKED"));
  platform_.FailNext("FetchAuthorizerToken", {Errcode(61023), Errcode(61023)});
  EXPECT_THAT(ImportOne("wx-old", "given").refusal,
              IsError(absl::StatusCode::kFailedPrecondition, "APP_NEEDS_REAUTH"));
  EXPECT_THAT(store_.GetApp("wx-old", soon()), IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
  // One that fails does not keep the others.
  platform_.FailNext("GetAuthorizerInfo", {Errcode(61003)});
  absl::StatusOr<std::vector<ImportedAccount>> both =
      estate_.Import(Component(), {{"wx-old", Secret("a")}, {"wx-good", Secret("b")}}, soon());
  ASSERT_OK(both);
  EXPECT_EQ((*both)[1].outcome, ImportOutcome::kImported);
}

TEST_F(EstateTest, OnlyComponentsTakeImports) {
  EXPECT_THAT(estate_.Import(*store_.GetApp("wx-own", soon()), {}, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
}

TEST_F(EstateTest, AMissedAuthorisationIsAdoptedAndAnEarlierOneOnlyTold) {
  clock_.Advance(absl::Hours(1));
  GiveTicket();
  Listed("wx-early", clock_.Now() - absl::Hours(24));
  Listed("wx-missed", clock_.Now() - absl::Minutes(10));
  Listed("wx-missed2", clock_.Now() - absl::Minutes(10));
  const ReconcileReport report = Reconcile();
  EXPECT_EQ(report.listed, 3);
  EXPECT_EQ(report.adopted, (std::vector<std::string>{"wx-missed", "wx-missed2"}));
  ASSERT_EQ(report.not_taken.size(), 1u);
  EXPECT_EQ(report.not_taken[0].reason, "AUTHORIZED_EARLIER");
  EXPECT_EQ(StateOf("wx-missed"), AppState::kActive);
  absl::StatusOr<std::optional<Reconciliation>> kept =
      estates_.GetReconciliation("wx-comp", soon());
  EXPECT_EQ((*kept)->not_taken.size(), 1u);
  EXPECT_EQ(Reconcile(/*take_all=*/true).adopted, (std::vector<std::string>{"wx-early"}));
  // In step now.
  const ReconcileReport again = Reconcile();
  EXPECT_TRUE(again.adopted.empty() && again.mended.empty() && again.not_taken.empty());
}

TEST_F(EstateTest, AnAccountThatWeChatKnowsNoMoreIsTakenBackOnceWeChatSaysSo) {
  Connect();
  // The list may lag behind.
  EXPECT_TRUE(Reconcile().lost.empty());
  EXPECT_EQ(StateOf("wx-account"), AppState::kActive);
  platform_.FailNext("GetAuthorizerInfo", {Errcode(61003)});
  EXPECT_EQ(Reconcile().lost, (std::vector<std::string>{"wx-account"}));
  EXPECT_EQ(StateOf("wx-account"), AppState::kRevoked);
}

TEST_F(EstateTest, ALostRefreshTokenIsFoundAgainInTheList) {
  Connect();
  ASSERT_OK(store_.SetState("wx-account", AppState::kNeedsReauth, "dead", soon()));
  Listed("wx-account", clock_.Now());
  EXPECT_EQ(Reconcile().mended, (std::vector<std::string>{"wx-account"}));
  EXPECT_EQ(StateOf("wx-account"), AppState::kActive);
  EXPECT_EQ((*store_.Load("wx-account", soon()))->refresh_token.Expose(), "refresh-of-wx-account");
}

TEST_F(EstateTest, AnAuthorisationGivenAnewWithoutAPushReplacesBothTokens) {
  Connect();
  clock_.Advance(absl::Hours(1));
  Listed("wx-account", clock_.Now());
  EXPECT_EQ(Reconcile().mended, (std::vector<std::string>{"wx-account"}));
  EXPECT_TRUE(Reconcile().mended.empty());
}

TEST_F(EstateTest, AComponentIsComparedOnceADay) {
  ASSERT_OK(tokens_.Get("wx-comp", soon()));
  ASSERT_OK(estate_.ReconcileDue());
  Listed("wx-missed", clock_.Now());
  ASSERT_OK(estate_.ReconcileDue());
  EXPECT_FALSE(store_.GetApp("wx-missed", soon()).ok());
  clock_.Advance(absl::Hours(25));
  GiveTicket();
  ASSERT_OK(estate_.ReconcileDue());
  EXPECT_OK(store_.GetApp("wx-missed", soon()));
}

TEST_F(EstateTest, AnAccountThatMustAuthoriseAgainHasALinkForIt) {
  Connect();
  MendLinks links(estates_, authorizer_, clock_);
  EXPECT_EQ(*links.Url(*store_.GetApp("wx-account", soon()), soon()), "");
  ASSERT_OK(store_.SetState("wx-account", AppState::kNeedsReauth, "dead", soon()));
  const App app = *store_.GetApp("wx-account", soon());
  absl::StatusOr<std::string> url = links.Url(app, soon());
  ASSERT_OK(url);
  const std::string prefix = "https://datong.example/authorize/";
  ASSERT_EQ(url->substr(0, prefix.size()), prefix);
  absl::StatusOr<AuthorizationLink> link = store_.GetLink(url->substr(prefix.size()), soon());
  ASSERT_OK(link);
  EXPECT_EQ(link->biz_appid, "wx-account");
  // Kept while it can be used, then replaced.
  estates_.links = {*link};
  EXPECT_EQ(*links.Url(app, soon()), *url);
  clock_.Advance(absl::Hours(6 * 24));
  EXPECT_NE(*links.Url(app, soon()), *url);
}

TEST_F(EstateTest, PushSightingsSurviveADatabaseThatIsAway) {
  class Away : public FakeEstateStore {
   public:
    bool is_away = true;
    absl::Status SavePushSightings(const std::vector<PushSighting>& sightings,
                                   Deadline deadline) override {
      if (is_away) return absl::UnavailableError("away");
      return FakeEstateStore::SavePushSightings(sightings, deadline);
    }
  } away;
  PushSightings sightings(away, clock_);
  const absl::Time first = clock_.Now();
  sightings.Accepted("wx-own");
  sightings.Refused("wx-mini", "SIGNATURE_INVALID");
  EXPECT_FALSE(sightings.Flush(soon()).ok());
  clock_.Advance(absl::Minutes(1));
  sightings.Accepted("wx-own");
  away.is_away = false;
  ASSERT_OK(sightings.Flush(soon()));
  const auto held = *away.GetPushSightings({"wx-own", "wx-mini"}, soon());
  EXPECT_EQ(held.at("wx-own").accepted, clock_.Now());
  EXPECT_EQ(held.at("wx-mini").refused, first);
  EXPECT_EQ(held.at("wx-mini").refused_reason, "SIGNATURE_INVALID");
}

}  // namespace
}  // namespace datong::broker
