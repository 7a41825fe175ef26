#include "services/broker/core/wecom_installer.h"

#include "services/broker/core/mend_links.h"
#include "services/broker/testing/fake_estate.h"
#include "services/broker/testing/wecom_fixture.h"

namespace datong::broker {
namespace {

constexpr char kCorpApp[] = "wpCorp-wws1";

class WecomInstallerTest : public WecomFixture {
 protected:
  WecomInstallerTest() {
    GiveSuiteTicket();
    link_ = installer_.CreateLink("demo", "wws1", false, soon())->id;
  }
  std::string link_;
};

TEST_F(WecomInstallerTest, TheButtonMakesACodeAndCarriesTheLinkAsState) {
  absl::StatusOr<Authorizer::Beginning> beginning = installer_.Begin(link_, soon());
  ASSERT_OK(beginning);
  EXPECT_EQ(beginning->url, "https://page/wws1/pre-1?https://datong.example/wecom/install/" +
                                link_ + "/callback&" + link_);
  EXPECT_EQ(wecom_.calls["SetSessionInfo"], 0);
  const std::string test = installer_.CreateLink("demo", "wws1", true, soon())->id;
  ASSERT_OK(installer_.Begin(test, soon()));
  EXPECT_EQ(wecom_.calls["SetSessionInfo"], 1);
  EXPECT_THAT(authorizer_.Begin(link_, false, soon()),
              IsError(absl::StatusCode::kNotFound, "LINK_UNKNOWN"));
  EXPECT_THAT(installer_.CreateLink("demo", "wx-comp", false, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
}

TEST_F(WecomInstallerTest, RedirectAndPushExchangeTheCodeOnceInEitherOrder) {
  ASSERT_OK(installer_.OnAuthCode("wws1", "code-1", link_, soon()));
  EXPECT_EQ(store_.GetLink(link_, soon())->appid, kCorpApp);
  absl::StatusOr<WecomCorp> corp = installer_.Complete(link_, "code-1", soon());
  ASSERT_OK(corp);
  EXPECT_EQ(wecom_.calls["GetPermanentCode"], 1);
  EXPECT_EQ(corp->corpid, "wpCorp");
  EXPECT_EQ(corp->provider, "wwprov");
  EXPECT_EQ(corp->corp_full_name, "Corp Ltd");
  EXPECT_EQ(corp->mode, WecomMode::kThirdParty);
  EXPECT_EQ(store_.GetApp(kCorpApp, soon())->agentid, 1000003);
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomRoster), 1u);
}

TEST_F(WecomInstallerTest, TheCorpsTokenComesOfThePermanentCode) {
  ASSERT_OK(installer_.Complete(link_, "code-1", soon()));
  ASSERT_OK(broker_.Get(kCorpApp, soon()));
  EXPECT_EQ(wecom_.calls["FetchAuthorizedCorpToken"], 1);
  EXPECT_EQ(wecom_.secrets.back(), "permanent-1");
}

TEST_F(WecomInstallerTest, AnAgencyBuiltAppUsesThePermanentCodeAsItsSecretAndANewOneReplacesIt) {
  wecom_.info.is_agency_built = true;
  ASSERT_OK(installer_.OnAuthCode("wws1", "code-1", "", soon()));
  ASSERT_OK(broker_.Get(kCorpApp, soon()));
  EXPECT_EQ(wecom_.secrets.back(), "permanent-1");
  EXPECT_EQ(wecom_.calls["FetchAuthorizedCorpToken"], 0);
  wecom_.grant.permanent_code = Secret("permanent-2");
  ASSERT_OK(installer_.OnAuthCode("wws1", "code-2", "", soon()));  // reset_permanent_code
  ASSERT_OK(broker_.Get(kCorpApp, soon()));
  EXPECT_EQ(wecom_.secrets.back(), "permanent-2");
}

TEST_F(WecomInstallerTest, AnUnknownCodeIsToldAsSuch) {
  wecom_.failures["GetPermanentCode"] = {FakeWecomPlatform::Errcode(40078)};
  EXPECT_THAT(installer_.Complete(link_, "code-1", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "AUTHORIZATION_CODE_INVALID"));
}

TEST_F(WecomInstallerTest, APermanentCodeOutlivesADatabaseThatGoesAwayAfterWecomsAnswer) {
  wecom_.on_permanent_code = [this] { store_.FailNext(3); };
  absl::StatusOr<WecomCorp> corp = installer_.Complete(link_, "code-1", soon());
  ASSERT_OK(corp);
  EXPECT_EQ(wecom_.calls["GetPermanentCode"], 1);
  ASSERT_OK(broker_.Get(kCorpApp, soon()));
  EXPECT_EQ(wecom_.secrets.back(), "permanent-1");
}

TEST_F(WecomInstallerTest, CorpsOfAnotherSystemComeWithTheirPermanentCodesOnceWecomTookThem) {
  const App suite = *store_.GetApp("wws1", soon());
  const auto import = [&](const std::string& code) {
    return installer_.Import(suite, {{"wpCorp", Secret(code)}}, soon())->at(0);
  };
  EXPECT_EQ(GetReason(import("").refusal), "PERMANENT_CODE_MISSING");
  wecom_.failures["GetAuthInfo"] = {FakeWecomPlatform::Errcode(40084)};
  EXPECT_EQ(GetReason(import("dead").refusal), "APP_REVOKED");
  EXPECT_FALSE(store_.GetApp(kCorpApp, soon()).ok()) << "nothing is stored before it works";
  const ImportedAccount imported = import("permanent-9");
  EXPECT_EQ(imported.outcome, ImportOutcome::kImported);
  EXPECT_EQ(imported.appid, kCorpApp);
  ASSERT_OK(broker_.Get(kCorpApp, soon()));
  EXPECT_EQ(wecom_.secrets.back(), "permanent-9");
  EXPECT_TRUE(store_.GetCorp(kCorpApp, soon())->details_known);
  EXPECT_EQ(wecom_.calls["GetPermanentCode"], 0);
  EXPECT_EQ(import("permanent-9").outcome, ImportOutcome::kUnchanged);
  EXPECT_THAT(installer_.Import(*store_.GetApp("ww1", soon()), {}, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
}

TEST_F(WecomInstallerTest, ACorpThatLeftHasALinkToInstallTheSuiteAnew) {
  ASSERT_OK(installer_.Complete(link_, "code-1", soon()));
  FakeEstateStore estates;
  MendLinks links(estates, authorizer_, clock_);
  EXPECT_THAT(links.Url(*store_.GetApp(kCorpApp, soon()), soon()), IsOkAndHolds(""));
  ASSERT_OK(installer_.OnCancelled("wws1", "wpCorp", clock_.Now(), soon()));
  const absl::StatusOr<std::string> url = links.Url(*store_.GetApp(kCorpApp, soon()), soon());
  ASSERT_OK(url);
  const std::string prefix = "https://datong.example/wecom/install/";
  ASSERT_EQ(url->substr(0, prefix.size()), prefix);
  const absl::StatusOr<AuthorizationLink> link =
      installer_.GetLink(url->substr(prefix.size()), soon());
  ASSERT_OK(link);
  EXPECT_EQ(link->biz_appid, kCorpApp);
  estates.links = {*link};
  EXPECT_THAT(links.Url(*store_.GetApp(kCorpApp, soon()), soon()), IsOkAndHolds(*url));
  EXPECT_OK(installer_.Begin(link->id, soon()));
}

TEST_F(WecomInstallerTest, CancelAuthEndsTokenAndCodeAndHasContactsForgotten) {
  ASSERT_OK(installer_.Complete(link_, "code-1", soon()));
  ASSERT_OK(broker_.Get(kCorpApp, soon()));
  const absl::Time before = clock_.Now() - absl::Minutes(1);
  ASSERT_OK(installer_.OnCancelled("wws1", "wpCorp", before, soon()));
  EXPECT_OK(broker_.Get(kCorpApp, soon())) << "of an authorisation before this one";
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK(installer_.OnCancelled("wws1", "wpCorp", clock_.Now(), soon()));
  EXPECT_THAT(broker_.Get(kCorpApp, soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "APP_REVOKED"));
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomForget), 1u);
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomRoster), 0u);
  // Installed anew, it works again.
  wecom_.grant.permanent_code = Secret("permanent-2");
  ASSERT_OK(installer_.OnAuthCode("wws1", "code-2", "", soon()));
  EXPECT_OK(broker_.Get(kCorpApp, soon()));
}

TEST_F(WecomInstallerTest, ASuiteNeedsATicketOfTheLastHalfHour) {
  clock_.Advance(absl::Minutes(31));
  EXPECT_THAT(broker_.Get("wws1", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "TICKET_MISSING"));
  GiveSuiteTicket();
  broker_.ForgetFailures("wws1");
  EXPECT_OK(broker_.Get("wws1", soon()));
}

TEST_F(WecomInstallerTest, ATokenThatStaysTheSameIsServedToItsEndAndNotAskedForAgainAndAgain) {
  wecom_.same_token = true;
  ASSERT_OK(broker_.Get("ww1", soon()));
  EXPECT_EQ(wecom_.secrets.back(), "secret-of-ww1");
  clock_.Advance(absl::Seconds(7190));
  // Whatever expires_in says, the same token ends when it was to end.
  ASSERT_OK(broker_.Get("ww1", soon()));
  EXPECT_EQ(wecom_.calls["FetchCorpToken"], 1);
  clock_.Advance(absl::Seconds(10));
  wecom_.same_token = false;
  absl::StatusOr<CachedTokenPtr> next = broker_.Get("ww1", soon());
  ASSERT_OK(next);
  EXPECT_EQ((*next)->token.Expose(), "wecom-token-2");
  EXPECT_EQ((*next)->kind, TokenKind::kWecomCorp);
  EXPECT_EQ((*broker_.Get("wwprov", soon()))->kind, TokenKind::kWecomProvider);
}

}  // namespace
}  // namespace datong::broker
