#include "services/broker/core/wecom_pushes.h"

#include <gmock/gmock.h>

#include "common/wechat/push_crypto.h"
#include "services/broker/core/wecom_push_receiver.h"
#include "services/broker/core/wecom_rosters.h"
#include "services/broker/testing/wecom_fixture.h"

namespace datong::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kCorpApp[] = "wpCorp-wws1";
constexpr char kEvents[] = "/wecom/demo/suite/wws1/events";

class WecomPushesTest : public WecomFixture {
 protected:
  // What WeCom sends, for that receive id.
  RawPush Push(const std::string& path, const std::string& receive_id,
               const std::string& message) const {
    const auto crypto =
        wechat::PushCrypto::Create(Secret(kCallbackToken), Secret(kAesKey), receive_id);
    const std::string now = absl::StrCat(absl::ToUnixSeconds(clock_.Now()));
    const wechat::SealedPush sealed = crypto->Encrypt(message, now, "n");
    return {path,
            absl::StrCat("msg_signature=", sealed.msg_signature, "&timestamp=", now, "&nonce=n"),
            "POST", wechat::PushXml("ToUserName", receive_id, sealed.encrypt)};
  }
  std::string Instruction(const std::string& fields) const {
    return absl::StrCat("<xml><SuiteId>wws1</SuiteId><TimeStamp>",
                        absl::ToUnixSeconds(clock_.Now()), "</TimeStamp>", fields, "</xml>");
  }
  // Receives it and does what there is to do.
  absl::Status Take(const RawPush& push) {
    const absl::StatusOr<std::string> answer = receiver_.Receive(push, soon());
    if (!answer.ok()) return answer.status();
    const std::vector<Job> jobs = *store_.Claim(JobKind::kWecomPush, 10, absl::Minutes(1), soon());
    for (const Job& job : jobs) {
      const absl::Status status = pushes_.Run(job, soon());
      if (!status.ok()) return status;
      EXPECT_OK(store_.Finish({job}, soon()));
    }
    return absl::OkStatus();
  }
  absl::Status RunContactJobs() {
    const std::vector<Job> jobs =
        *store_.Claim(JobKind::kWecomContact, 10, absl::Minutes(1), soon());
    for (const Job& job : jobs) {
      const absl::Status status = contacts_.OnContactAdded(job, soon());
      if (!status.ok()) return status;
      EXPECT_OK(store_.Finish({job}, soon()));
    }
    return absl::OkStatus();
  }
  std::vector<std::string> EvidenceIds(const std::string& kind) const {
    std::vector<std::string> ids;
    for (const Evidence& one : peers_.evidence) {
      if (one.kind != kind) continue;
      if (!one.openid.empty()) ids.push_back("openid:" + one.appid + ":" + one.openid);
      if (!one.unionid.empty()) ids.push_back("unionid:@" + one.appid + ":" + one.unionid);
      ids.insert(ids.end(), one.other_ids.begin(), one.other_ids.end());
    }
    return ids;
  }

  WecomPushReceiver receiver_{store_, store_, store_, broker_, metrics_, clock_, [] {}};
  WecomPushes pushes_{store_, directory_, store_, store_, installer_, peers_, peers_, clock_};
  WecomRosters rosters_{
      {.pages_per_step = 1}, directory_, store_, broker_, wecom_, contacts_, peers_, clock_};
};

TEST_F(WecomPushesTest, ATicketIsStoredBeforeSuccessWithABlankInItsTypeToo) {
  EXPECT_THAT(
      receiver_.Receive(Push(kEvents, "wws1",
                             Instruction("<InfoType> <![CDATA[suite_ticket]]></InfoType>"
                                         "<SuiteTicket><![CDATA[ticket-1]]></SuiteTicket>")),
                        soon()),
      IsOkAndHolds("success"));
  EXPECT_EQ((*store_.GetTicket("wws1", soon()))->value.Expose(), "ticket-1");
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomPush), 0u);
}

TEST_F(WecomPushesTest, TheCheckOfAUrlIsAnsweredWithTheDecryptedEcho) {
  const auto crypto = wechat::PushCrypto::Create(Secret(kCallbackToken), Secret(kAesKey), "wwprov");
  const std::string now = absl::StrCat(absl::ToUnixSeconds(clock_.Now()));
  const wechat::SealedPush sealed = crypto->Encrypt("echo-1", now, "n");
  std::string echo = sealed.encrypt;
  for (size_t at = 0; (at = echo.find('+', at)) != std::string::npos;) echo.replace(at, 1, "%2B");
  const std::string query = absl::StrCat("msg_signature=", sealed.msg_signature, "&timestamp=", now,
                                         "&nonce=n&echostr=", echo);
  for (const char* path : {kEvents, "/wecom/demo/suite/wws1/$CORPID$/messages"}) {
    EXPECT_THAT(receiver_.Receive({path, query, "GET", ""}, soon()), IsOkAndHolds("echo-1"));
  }
  EXPECT_THAT(receiver_.Receive({"/wecom/demo/app/ww1", query, "GET", ""}, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "PUSH_MALFORMED"));
}

TEST_F(WecomPushesTest, WhatIsNotSignedOrForSomebodyElseIsRefused) {
  RawPush push = Push(kEvents, "wws1", Instruction("<InfoType>x</InfoType>"));
  push.query += "0";
  push.query.replace(push.query.find("msg_signature=") + 14, 4, "0000");
  EXPECT_THAT(receiver_.Receive(push, soon()),
              IsError(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID"));
  EXPECT_THAT(receiver_.Receive(Push(kEvents, "wwother", Instruction("")), soon()),
              IsError(absl::StatusCode::kInvalidArgument, "PUSH_MALFORMED"));
  for (const char* path : {"/wecom/demo/suite/ww1/events", "/wecom/other/suite/wws1/events",
                           "/wecom/demo/app/wws1", "/wecom/demo/suite/wws1"}) {
    EXPECT_THAT(receiver_.Receive(Push(path, "wws1", Instruction("")), soon()),
                IsError(absl::StatusCode::kNotFound, "CALLBACK_UNKNOWN"))
        << path;
  }
}

TEST_F(WecomPushesTest, CreateAuthConnectsTheCorpAlsoWhenItCarriesTheProvidersId) {
  GiveSuiteTicket();
  ASSERT_OK(Take(Push(kEvents, "wwprov",
                      Instruction("<InfoType>create_auth</InfoType><AuthCode>c1</AuthCode>"
                                  "<State>anything</State>"))));
  EXPECT_EQ(store_.GetApp(kCorpApp, soon())->state, AppState::kActive);
  // A code that is spent is not tried for ever.
  wecom_.failures["GetPermanentCode"] = {FakeWecomPlatform::Errcode(40078)};
  EXPECT_OK(Take(Push(kEvents, "wws1",
                      Instruction("<InfoType>create_auth</InfoType><AuthCode>c2</AuthCode>"))));
  ASSERT_OK(Take(Push(kEvents, "wws1",
                      Instruction("<InfoType>change_auth</InfoType>"
                                  "<AuthCorpId>wpCorp</AuthCorpId>"))));
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomDetails), 1u);
}

TEST_F(WecomPushesTest, AnAddedContactIsAnEventAndEvidenceInTheSuitesView) {
  Install();
  const std::string push = Instruction(
      "<AuthCorpId>wpCorp</AuthCorpId><InfoType>change_external_contact</InfoType>"
      "<ChangeType>add_external_contact</ChangeType><UserID>zhangsan</UserID>"
      "<ExternalUserID>wm1</ExternalUserID><State>qr</State><WelcomeCode>w</WelcomeCode>");
  ASSERT_OK(Take(Push(kEvents, "wws1", push)));
  ASSERT_OK(Take(Push(kEvents, "wws1", push)));  // the same once more
  ASSERT_EQ(peers_.events.size(), 1u);
  EXPECT_EQ(peers_.events[0].name, "add_external_contact");
  EXPECT_EQ(peers_.events[0].identifier, "ext:wpCorp/prov-wwprov:wm1");
  EXPECT_EQ(peers_.events[0].attributes.at("State"), "qr");
  EXPECT_FALSE(peers_.events[0].attributes.contains("WelcomeCode"));
  EXPECT_THAT(EvidenceIds("wecom.event_add_contact"), ElementsAre("ext:wpCorp/prov-wwprov:wm1"));
  // Nobody waits behind a pending_id: WeCom is not asked.
  ASSERT_OK(RunContactJobs());
  EXPECT_EQ(wecom_.calls["GetPendingIds"], 0);
}

TEST_F(WecomPushesTest, WhoIsAContactOfWhomIsToldAndWhoEndedIt) {
  Install();
  for (const char* change : {"add_half_external_contact", "edit_external_contact",
                             "del_follow_user", "del_external_contact"}) {
    ASSERT_OK(Take(
        Push(kEvents, "wws1",
             Instruction(absl::StrCat(
                 "<AuthCorpId>wpCorp</AuthCorpId><InfoType>change_external_contact</InfoType>"
                 "<ChangeType>",
                 change,
                 "</ChangeType><UserID>zhangsan</UserID><ExternalUserID>wm1</ExternalUserID>")))));
  }
  std::vector<RelationState> states;
  for (const Relation& relation : peers_.relations) {
    EXPECT_EQ(relation.identifier, "ext:wpCorp/prov-wwprov:wm1");
    EXPECT_EQ(relation.kind, RelationKind::kContact);
    EXPECT_EQ(relation.with, "zhangsan");
    EXPECT_EQ(relation.since, clock_.Now());
    states.push_back(relation.state);
  }
  EXPECT_THAT(states, ElementsAre(RelationState::kActive, RelationState::kEndedByPerson,
                                  RelationState::kEndedByCompany));
  EXPECT_THAT(EvidenceIds("wecom.event_add_contact"), ElementsAre("ext:wpCorp/prov-wwprov:wm1"));
}

TEST_F(WecomPushesTest, APendingIdIsJoinedWhenItsUserBecomesACustomer) {
  Install();
  wecom_.converted = {"", "pend-1"};
  absl::StatusOr<WecomFoundContacts> found =
      contacts_.Find("demo", kCorpApp, {.user_app = "wx-mini", .user = {"o1", "u1"}}, soon());
  ASSERT_OK(found);
  EXPECT_EQ(found->pending_id, "pend-1");
  EXPECT_EQ(found->person, "projects/demo/persons/p1");
  EXPECT_THAT(
      EvidenceIds("wecom.unionid_to_pending"),
      ElementsAre("openid:wx-mini:o1", "unionid:@wx-mini:u1", "pending:wwprov/wpCorp:pend-1"));
  wecom_.matches = {{"wm1", "pend-1"}};
  ASSERT_OK(Take(
      Push(kEvents, "wws1",
           Instruction("<AuthCorpId>wpCorp</AuthCorpId><InfoType>change_external_contact</InfoType>"
                       "<ChangeType>add_external_contact</ChangeType>"
                       "<ExternalUserID>wm1</ExternalUserID>"))));
  ASSERT_OK(RunContactJobs());
  EXPECT_THAT(EvidenceIds("wecom.external_to_pending"),
              ElementsAre("ext:wpCorp/prov-wwprov:wm1", "pending:wwprov/wpCorp:pend-1"));
  EXPECT_FALSE(*store_.HasPending(kCorpApp, absl::InfinitePast(), soon()));
}

TEST_F(WecomPushesTest, AGroupThatComesOrChangesIsReadForItsOutsiders) {
  Install();
  const auto push = [&](const std::string& change) {
    return Take(Push(kEvents, "wws1",
                     Instruction(absl::StrCat(
                         "<AuthCorpId>wpCorp</AuthCorpId><InfoType>change_external_chat</InfoType>"
                         "<ChangeType>",
                         change, "</ChangeType><ChatId>wr1</ChatId>"))));
  };
  ASSERT_OK(push("dismiss"));
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomGroup), 0u);
  ASSERT_OK(push("create"));
  ASSERT_OK(push("update"));
  const std::vector<Job> jobs = *store_.Claim(JobKind::kWecomGroup, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  ASSERT_OK(store_.AddPending(kCorpApp, "pend-1", clock_.Now(), soon()));
  wecom_.group.members = {{"zhangsan", false, "", clock_.Now(), 1},
                          {"wm5", true, "", clock_.Now(), 2}};
  wecom_.matches = {{"wm5", "pend-1"}};
  ASSERT_OK(contacts_.OnGroupChanged(jobs[0], soon()));
  EXPECT_THAT(EvidenceIds("wecom.group_detail"), ElementsAre("ext:wpCorp/prov-wwprov:wm5"));
  EXPECT_THAT(EvidenceIds("wecom.external_to_pending"),
              ElementsAre("ext:wpCorp/prov-wwprov:wm5", "pending:wwprov/wpCorp:pend-1"));
}

TEST_F(WecomPushesTest, IdsFromBeforeTheUpgradeAreInViewsOfTheirOwn) {
  EXPECT_EQ((WecomView{"wpCorp", "p"}).name(), "prov-p");
  EXPECT_EQ((WecomView{"wpCorp", "p", /*is_agency=*/true}).name(), "prov-p");
  EXPECT_EQ((WecomView{"ww1234", "p"}).name(), "provv1-p");
  EXPECT_EQ((WecomView{"WX1234", "p", /*is_agency=*/true}).name(), "self");
  EXPECT_EQ((WecomView{"ww1234", ""}).name(), "self");
}

TEST_F(WecomPushesTest, APendingIdOlderThanNinetyDaysIsNotAskedForAnyMore) {
  Install();
  ASSERT_OK(store_.AddPending(kCorpApp, "pend-1", clock_.Now(), soon()));
  clock_.Advance(absl::Hours(24 * 91));
  ASSERT_OK(contacts_.OnContactAdded(JobOf(JobKind::kWecomContact, kCorpApp, "wm1"), soon()));
  EXPECT_EQ(wecom_.calls["GetPendingIds"], 0);
}

TEST_F(WecomPushesTest, TheCorpsOwnAppReadsTheContactForItsUnionidOnceWecomShowsIt) {
  const std::string push = absl::StrCat(
      "<xml><ToUserName>ww1</ToUserName><FromUserName>sys</FromUserName><CreateTime>",
      absl::ToUnixSeconds(clock_.Now()),
      "</CreateTime><MsgType>event</MsgType><Event>change_external_contact</Event>"
      "<ChangeType>add_external_contact</ChangeType><ExternalUserID>wm9</ExternalUserID></xml>");
  ASSERT_OK(Take(Push("/wecom/demo/app/ww1", "ww1", push)));
  EXPECT_THAT(RunContactJobs(), IsError(absl::StatusCode::kNotFound, "CONTACT_UNKNOWN"));
  wecom_.contacts["wm9"] = {"wm9", "王", true, "u9", {}};
  ASSERT_OK(contacts_.OnContactAdded(JobOf(JobKind::kWecomContact, "ww1", "wm9"), soon()));
  EXPECT_THAT(EvidenceIds("wecom.contact_detail"),
              ElementsAre("unionid:@ww1:u9", "ext:ww1/self:wm9"));
}

TEST_F(WecomPushesTest, ACorpThatLeftIsForgottenUnlessAnotherSuiteOfTheProviderStays) {
  Install();
  ASSERT_OK(Take(Push(kEvents, "wws1",
                      Instruction("<InfoType>cancel_auth</InfoType>"
                                  "<AuthCorpId>wpCorp</AuthCorpId>"))));
  std::vector<Job> jobs = *store_.Claim(JobKind::kWecomForget, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  CreateWecom("wws2", AppKind::kWecomSuite, "wwprov");
  ASSERT_OK(store_.SaveTicket("wws2", {Secret("t"), clock_.Now(), clock_.Now()}, soon()));
  ASSERT_OK(installer_.OnAuthCode("wws2", "code-9", "", soon()));
  ASSERT_OK(pushes_.Forget(jobs[0], soon()));
  EXPECT_THAT(peers_.erased_corps, IsEmpty());
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK(installer_.OnCancelled("wws2", "wpCorp", clock_.Now(), soon()));
  ASSERT_OK(pushes_.Forget(jobs[0], soon()));
  EXPECT_THAT(peers_.erased_corps, ElementsAre("wpCorp/wwprov"));
}

TEST_F(WecomPushesTest, IdsOfTwoViewsAreToldAsOneContact) {
  Install();
  const absl::StatusOr<WecomPairs> converted =
      contacts_.Convert("demo", "ww1",
                        {.conversion = WecomConversion::kProviderToCorp,
                         .external_userids = {"a"},
                         .other_app = kCorpApp},
                        soon());
  ASSERT_OK(converted);
  EXPECT_EQ(converted->pairs[0].to, "wmOwn-a");
  EXPECT_EQ(converted->to.Ext("wmOwn-a"), "ext:ww1/self:wmOwn-a");
  EXPECT_THAT(contacts_.PersonsOf("demo", {"ext:ww1/self:wmOwn-a"}, soon()),
              ElementsAre("projects/demo/persons/of-wmOwn-a"));
  wecom_.pairs = {{"old", "new"}, {"same", "same"}};
  ASSERT_OK(contacts_.Convert(
      "demo", kCorpApp,
      {.conversion = WecomConversion::kUpgrade, .external_userids = {"old", "same"}}, soon()));
  EXPECT_THAT(EvidenceIds("wecom.id_convert"),
              ElementsAre("ext:wpCorp/prov-wwprov:a", "ext:ww1/self:wmOwn-a",
                          "ext:wpCorp/provv1-wwprov:old", "ext:wpCorp/prov-wwprov:new"));
  EXPECT_THAT(contacts_.Convert("demo", "ww1", {.external_userids = {"a"}}, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "CONVERSION_INVALID"));
}

TEST_F(WecomPushesTest, WhatWasTranslatedBeforeWecomStoppedIsTold) {
  Install();
  wecom_.failures["FromServiceExternalUserid"] = {absl::OkStatus(),
                                                  FakeWecomPlatform::Errcode(45009)};
  EXPECT_THAT(contacts_.Convert("demo", "ww1",
                                {.conversion = WecomConversion::kProviderToCorp,
                                 .external_userids = {"a", "b"},
                                 .other_app = kCorpApp},
                                soon()),
              IsError(absl::StatusCode::kResourceExhausted, "API_RATE_LIMITED"));
  EXPECT_THAT(EvidenceIds("wecom.id_convert"),
              ElementsAre("ext:wpCorp/prov-wwprov:a", "ext:ww1/self:wmOwn-a"));
}

TEST_F(WecomPushesTest, APassReadsEveryPageInStepsAndEndsOnce) {
  wecom_.members = {"b", "a"};
  wecom_.pages = {{{{"wm1", "x", true, "u1", {}}, {"wm2", "y", true, "", {}}}, "next"},
                  {{{"wm1", "x", true, "u1", {}}}, ""}};
  ASSERT_OK(rosters_.Maintain(store_, soon()));
  for (int steps = 0; steps < 5; ++steps) {
    clock_.Advance(absl::Seconds(2));
    const std::vector<Job> jobs =
        *store_.Claim(JobKind::kWecomRoster, 10, absl::Minutes(1), soon());
    for (const Job& job : jobs) {
      ASSERT_OK(rosters_.Run(job, soon()));
      ASSERT_OK(rosters_.Run(job, soon())) << "the same step once more";
      ASSERT_OK(store_.Finish({job}, soon()));
    }
  }
  absl::StatusOr<WecomRoster> roster = rosters_.Get("demo", "ww1", soon());
  ASSERT_OK(roster);
  EXPECT_EQ(roster->state, WecomRoster::State::kDone);
  EXPECT_EQ(roster->contacts, 3);
  EXPECT_EQ(roster->unionids, 2);
  EXPECT_EQ(wecom_.calls["ListContacts"], 2);
  // Tonight it begins again, and not before.
  ASSERT_OK(rosters_.Maintain(store_, soon()));
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomRoster), 0u);
  clock_.Advance(absl::Hours(24));
  ASSERT_OK(rosters_.Maintain(store_, soon()));
  EXPECT_EQ(store_.pending_jobs(JobKind::kWecomRoster), 1u);
}

TEST_F(WecomPushesTest, APassThatMayNotReadFailsWithItsReason) {
  wecom_.members = {"a"};
  wecom_.failures["ListContacts"] = {FakeWecomPlatform::Errcode(84074)};
  ASSERT_OK(rosters_.Start("demo", "ww1", soon()));
  const std::vector<Job> jobs = *store_.Claim(JobKind::kWecomRoster, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  ASSERT_OK(rosters_.Run(jobs[0], soon()));
  EXPECT_EQ(rosters_.Get("demo", "ww1", soon())->error, "CONTACT_PERMISSION_MISSING");
}

}  // namespace
}  // namespace datong::broker
