#include "services/broker/core/worker.h"

#include "absl/strings/str_cat.h"
#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class WorkerTest : public CoreFixture {
 protected:
  void AddPush(const std::string& appid, const std::string& key, const std::string& payload) {
    NewJob job;
    job.project = "demo";
    job.appid = appid;
    job.key = absl::StrCat(appid, ":", key);
    job.payload = payload;
    ASSERT_OK(store_.AddPush(job, soon()));
  }
  static std::string Event(const std::string& event, const std::string& openid) {
    return absl::StrCat("<xml><FromUserName>", openid,
                        "</FromUserName><CreateTime>1700000000</CreateTime><MsgType>event</MsgType>"
                        "<Event>",
                        event, "</Event><EventKey>qrscene_1</EventKey></xml>");
  }
  void RunAll() {
    absl::StatusOr<int> taken;
    do {
      taken = worker_.RunOnce();
      ASSERT_OK(taken);
    } while (*taken > 0);
  }

  Worker worker_{{},        store_, store_, store_,   tokens_, authorizer_,
                 platform_, peers_, peers_, metrics_, clock_};
};

TEST_F(WorkerTest, ProjectsAndAppsAreAnnouncedUntilBothPeersTookThem) {
  peers_.status = absl::UnavailableError("down");
  ASSERT_OK(worker_.RunOnce());
  EXPECT_TRUE(peers_.projects.empty());
  peers_.status = absl::OkStatus();
  clock_.Advance(absl::Minutes(10));
  RunAll();
  EXPECT_EQ(peers_.projects.size(), 2u);  // identity and ingest
  EXPECT_EQ(peers_.bound.size(), 2u);     // the component is no account
  EXPECT_EQ(platform_.calls("StartPushTicket"), 1);
}

TEST_F(WorkerTest, AFollowBecomesAnEventAndEvidenceWithTheUnionid) {
  platform_.unionids["o1"] = "u1";
  AddPush("wx-own", "k1", Event("subscribe", "o1"));
  RunAll();
  ASSERT_EQ(peers_.events.size(), 1u);
  EXPECT_EQ(peers_.events[0].name, "subscribe");
  EXPECT_EQ(peers_.events[0].event_id, "k1");
  EXPECT_EQ(peers_.events[0].identifier, "openid:wx-own:o1");
  EXPECT_EQ(peers_.events[0].event_time, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(peers_.events[0].attributes.at("EventKey"), "qrscene_1");
  ASSERT_EQ(peers_.evidence.size(), 2u);
  EXPECT_EQ(peers_.evidence[0].kind, "oa.event_subscribe");
  EXPECT_EQ(peers_.evidence[0].unionid, "");
  EXPECT_EQ(peers_.evidence[1].kind, "oa.user_info");
  EXPECT_EQ(peers_.evidence[1].unionid, "u1");
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 0u);
}

TEST_F(WorkerTest, ManyFollowsAreAskedForAtOnce) {
  for (int i = 0; i < 100; ++i) {
    AddPush("wx-own", absl::StrCat("k", i), Event("subscribe", absl::StrCat("o", i)));
  }
  RunAll();
  EXPECT_EQ(platform_.calls("GetUsers"), 1);
  EXPECT_EQ(peers_.sources.size(), 1u);
}

TEST_F(WorkerTest, NobodysPushGoesToIngestWhichKeepsItAside) {
  AddPush("wx-own", "k1", Event("subscribe", ""));
  RunAll();
  ASSERT_EQ(peers_.events.size(), 1u);
  EXPECT_EQ(peers_.events[0].identifier, "");
  EXPECT_TRUE(peers_.evidence.empty());
  EXPECT_EQ(platform_.calls("GetUsers"), 0);
}

TEST_F(WorkerTest, JobsThatCouldNotBePutBackComeBackWithTheDatabase) {
  RunAll();
  AddPush("wx-own", "k1", Event("CLICK", "o1"));
  // The database goes away while ingest is asked.
  bool gone = false;
  peers_.on_ingest = [&] {
    gone = true;
    store_.SetReachable(false);
  };
  peers_.status = absl::UnavailableError("down");
  static_cast<void>(worker_.RunOnce());
  EXPECT_TRUE(peers_.events.empty());
  ASSERT_TRUE(gone);
  peers_.on_ingest = nullptr;
  peers_.status = absl::OkStatus();
  store_.SetReachable(true);
  clock_.Advance(absl::Seconds(10));  // far less than the hold of a claim
  static_cast<void>(worker_.RunOnce());
  clock_.Advance(absl::Seconds(10));
  RunAll();
  EXPECT_EQ(peers_.events.size(), 1u);
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 0u);
}

TEST_F(WorkerTest, JobsAreHeldForAsLongAsTheyTakeAndNoLonger) {
  peers_.on_ingest = [&] { worker_.HoldOn(); };  // while an app is announced
  RunAll();
  const size_t times = store_.extended().size();
  EXPECT_GT(times, 0u);
  worker_.HoldOn();
  EXPECT_EQ(store_.extended().size(), times);
}

TEST_F(WorkerTest, OneOpenidThatSpoilsTheCallIsLeftOut) {
  platform_.unionids = {{"o1", "u1"}, {"o2", "u2"}, {"o3", "u3"}};
  for (const char* openid : {"o1", "o2", "spoils", "o3"}) {
    AddPush("wx-own", openid, Event("subscribe", openid));
  }
  RunAll();
  EXPECT_EQ(peers_.events.size(), 4u);
  EXPECT_EQ(peers_.evidence.size(), 7u);  // four follows, three unionids
}

TEST_F(WorkerTest, AnAccountWithoutThePermissionYieldsTheOpenidAlone) {
  platform_.FailNext("GetUsers", {Errcode(48001)});
  AddPush("wx-own", "k1", Event("subscribe", "o1"));
  RunAll();
  EXPECT_EQ(peers_.evidence.size(), 1u);
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 0u);
}

TEST_F(WorkerTest, OtherEventsAndMessagesAreEventsWithoutEvidence) {
  AddPush("wx-own", "k1", Event("SCAN", "o1"));
  AddPush("wx-mini", "k2",
          R"({"FromUserName":"o2","CreateTime":1700000000,"MsgType":"text","Content":"private",)"
          R"("MsgId":12345678901234567})");
  RunAll();
  ASSERT_EQ(peers_.events.size(), 2u);
  EXPECT_TRUE(peers_.evidence.empty());
  EXPECT_EQ(peers_.events[0].name, "text");
  EXPECT_FALSE(peers_.events[0].attributes.contains("Content"));
  EXPECT_EQ(peers_.events[1].name, "SCAN");
}

TEST_F(WorkerTest, WhoFollowsAndWhoLeftIsTold) {
  AddPush("wx-own", "k1", Event("subscribe", "o1"));
  AddPush("wx-own", "k2", Event("unsubscribe", "o2"));
  RunAll();
  ASSERT_EQ(peers_.relations.size(), 2u);
  for (const Relation& relation : peers_.relations) {
    const bool follows = relation.identifier == "openid:wx-own:o1";
    EXPECT_EQ(relation.state, follows ? RelationState::kActive : RelationState::kEndedByPerson);
    EXPECT_EQ(relation.kind, RelationKind::kFollower);
    EXPECT_EQ(relation.since, absl::FromUnixSeconds(1'700'000'000));
  }
  EXPECT_EQ(peers_.evidence.size(), 1u) << "who left is no evidence";
}

TEST_F(WorkerTest, RelationsThatIdentityCouldNotTakeAreToldAgain) {
  RunAll();
  AddPush("wx-own", "k1", Event("unsubscribe", "o2"));
  peers_.on_relations = [this] { peers_.status = absl::UnavailableError("down"); };
  ASSERT_OK(worker_.RunOnce());
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 1u);
  peers_.on_relations = nullptr;
  peers_.status = absl::OkStatus();
  clock_.Advance(absl::Minutes(10));
  RunAll();
  EXPECT_EQ(peers_.relations.size(), 1u);
}

TEST_F(WorkerTest, WhatAUserTakesBackIsObeyedAfterEverythingElse) {
  AddPush("wx-mini", "k1",
          R"({"FromUserName":"service","OpenID":"o9","CreateTime":1700000000,"MsgType":"event",)"
          R"("Event":"user_authorization_revoke","RevokeInfo":"6, 8"})");
  AddPush("wx-mini", "k2",
          R"({"FromUserName":"service","OpenID":"o8","CreateTime":1700000900,"MsgType":"event",)"
          R"("Event":"user_authorization_cancellation","UnionID":"u8"})");
  // As it was seen without the user: it is about nobody, least of all about the service.
  AddPush("wx-mini", "k3",
          R"({"FromUserName":"service","CreateTime":1700000000,"MsgType":"event",)"
          R"("Event":"user_authorization_cancellation"})");
  peers_.on_ingest = [this] { EXPECT_TRUE(peers_.withdrawals.empty()); };
  RunAll();
  ASSERT_EQ(peers_.evidence.size(), 1u);
  EXPECT_EQ(peers_.evidence[0].kind, "oa.push_unionid");
  EXPECT_EQ(peers_.evidence[0].unionid, "u8");
  ASSERT_EQ(peers_.withdrawals.size(), 2u);
  EXPECT_EQ(peers_.withdrawals[0].identifier, "openid:wx-mini:o9");
  EXPECT_EQ(peers_.withdrawals[0].infos, (std::vector<std::string>{"6", "8"}));
  EXPECT_FALSE(peers_.withdrawals[0].deregistered);
  EXPECT_EQ(peers_.withdrawals[0].when, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(peers_.withdrawals[1].identifier, "openid:wx-mini:o8");
  EXPECT_TRUE(peers_.withdrawals[1].deregistered);
  EXPECT_EQ(peers_.withdrawals[1].when, clock_.Now()) << "no decision is of the future";
  ASSERT_EQ(peers_.events.size(), 3u);
  EXPECT_EQ(peers_.events[2].identifier, "");
}

TEST_F(WorkerTest, AWithdrawalDoesNotWaitForAQuotaThatOthersUsedUp) {
  RunAll();
  AddPush("wx-own", "k1", Event("subscribe", "o1"));
  AddPush("wx-own", "k2",
          R"({"FromUserName":"service","OpenID":"o9","CreateTime":1700000000,"MsgType":"event",)"
          R"("Event":"user_authorization_revoke","RevokeInfo":"205"})");
  platform_.FailNext("GetUsers", {Errcode(45009)});
  ASSERT_OK(worker_.RunOnce());
  EXPECT_EQ(peers_.withdrawals.size(), 1u);
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 1u) << "the follow is tried again";
}

TEST_F(WorkerTest, ACertificationThatChangesHasTheAccountsDetailsReadAnew) {
  Connect();
  RunAll();
  const int before = platform_.calls("GetAuthorizerInfo");
  AddPush("wx-account", "k1", Event("annual_renew", "system"));
  AddPush("wx-own", "k2", Event("annual_renew", "system"));
  RunAll();
  EXPECT_EQ(platform_.calls("GetAuthorizerInfo"), before + 1) << "of the authorised one alone";
}

TEST_F(WorkerTest, APrivacyEventBelongsToTheUserItNames) {
  AddPush("wx-mini", "k1",
          R"({"FromUserName":"service","OpenID":"o9","CreateTime":1700000000,"MsgType":"event",)"
          R"("Event":"user_authorization_revoke","RevokeInfo":"1"})");
  RunAll();
  ASSERT_EQ(peers_.events.size(), 1u);
  EXPECT_EQ(peers_.events[0].identifier, "openid:wx-mini:o9");
}

TEST_F(WorkerTest, AFailedPushIsTriedAgainAndNothingIsLost) {
  RunAll();
  AddPush("wx-own", "k1", Event("CLICK", "o1"));
  peers_.status = absl::UnavailableError("ingest is down");
  ASSERT_OK(worker_.RunOnce());
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 1u);
  peers_.status = absl::OkStatus();
  clock_.Advance(absl::Minutes(10));
  RunAll();
  EXPECT_EQ(peers_.events.size(), 1u);
}

TEST_F(WorkerTest, AuthorizedAndUnauthorizedPushesAreWorkedOut) {
  GiveTicket();
  AddPush("wx-comp", "k1",
          "<xml><InfoType>authorized</InfoType><CreateTime>1700000000</CreateTime>"
          "<AuthorizerAppid>wx-account</AuthorizerAppid><AuthorizationCode>c</AuthorizationCode>"
          "<PreAuthCode>p</PreAuthCode></xml>");
  RunAll();
  EXPECT_EQ(store_.GetApp("wx-account", soon())->state, AppState::kActive);
  AddPush("wx-comp", "k2",
          "<xml><InfoType>unauthorized</InfoType><CreateTime>1700000001</CreateTime>"
          "<AuthorizerAppid>wx-account</AuthorizerAppid></xml>");
  RunAll();
  EXPECT_EQ(store_.GetApp("wx-account", soon())->state, AppState::kRevoked);
}

TEST_F(WorkerTest, SilentTicketsAreAskedForOnceAnHour) {
  RunAll();
  ASSERT_OK(worker_.Maintain());
  ASSERT_OK(worker_.Maintain());
  RunAll();
  EXPECT_EQ(platform_.calls("StartPushTicket"), 2);  // at its creation, and now
  clock_.Advance(absl::Hours(1));
  ASSERT_OK(worker_.Maintain());
  RunAll();
  EXPECT_EQ(platform_.calls("StartPushTicket"), 3);
  GiveTicket();
  clock_.Advance(absl::Minutes(59));
  ASSERT_OK(worker_.Maintain());
  RunAll();
  EXPECT_EQ(platform_.calls("StartPushTicket"), 3);
}

}  // namespace
}  // namespace datong::broker
