// Syncs from connection to storage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "services/datacube/testing/service_fixture.h"

namespace datong::datacube {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(ServiceTest, AConnectedAccountIsSyncedWhollyAtOnce) {
  ConnectAndSync();

  const auto changes = Rows(v1::METRIC_FOLLOWER_CHANGE, kToday - 400, kToday);
  ASSERT_THAT(changes, SizeIs(90 * 2));
  EXPECT_EQ(changes[0].day(), FormatDay(kToday - 90));
  EXPECT_EQ(changes[0].app(), "projects/demo/apps/wx1");
  EXPECT_EQ(changes.back().user_source(), 30);
  EXPECT_EQ(changes.back().new_user(), (kToday - 1).day());
  EXPECT_THAT(Rows(v1::METRIC_FOLLOWER_TOTAL, kToday - 400, kToday), SizeIs(90));
  EXPECT_EQ(estate_.CallsOf(kSummary), 13);
  EXPECT_EQ(estate_.CallsOf(kCumulate), 13);
  EXPECT_THAT(estate_.evidence(), ElementsAre("openid:wx1:o1 unionid:@wx1:u1", "openid:wx1:o2",
                                              "openid:wx1:o3 unionid:@wx1:u3"));

  const std::vector<v1::SyncRun> runs = Runs();
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
  EXPECT_EQ(runs[0].trigger(), v1::SYNC_TRIGGER_CONNECTED);
  EXPECT_EQ(StepOf(runs[0], "getusersummary").pieces_done(), 13);
  EXPECT_EQ(StepOf(runs[0], "getusersummary").rows(), 180);
  const v1::SyncStep roster = StepOf(runs[0], "roster");
  EXPECT_EQ(roster.pieces(), 3);  // a page, a batch, its evidence
  EXPECT_EQ(roster.rows(), 3);
  EXPECT_EQ(roster.rows_expected(), 3);
  EXPECT_EQ(roster.evidence_sent(), 3);
  for (const char* api : {"getusersummary", "getusercumulate", "roster"}) {
    EXPECT_EQ(FreshnessOf(api).state(), v1::FRESHNESS_STATE_COMPLETE) << api;
  }
  EXPECT_EQ(FreshnessOf("roster").followers(), 3);
}

TEST_F(ServiceTest, TheFeedReadAgainStartsNothing) {
  ConnectAndSync();
  estate_.TellAccount("wx1", broker::v1::APP_KIND_OFFICIAL_ACCOUNT, broker::v1::APP_STATE_ACTIVE);
  ASSERT_OK(worker_.syncer.FollowAccounts());
  EXPECT_THAT(worker_.syncer.Work(), IsOkAndHolds(0));
  EXPECT_THAT(Runs(), SizeIs(1));
}

TEST_F(ServiceTest, AMorningThatIsNotReadyIsAskedAgainUntilTheDataIsThere) {
  ConnectAndSync();
  estate_.AnswerNext(kSummary, kNotReady, 3);
  BeginNextNight();
  estate_.PublishUpTo(kToday);
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_NOT_READY);
  EXPECT_EQ(FreshnessOf("getusersummary").days_missing(), 1);
  EXPECT_THAT(FreshnessOf("getusersummary").reason(), HasSubstr("61503"));
  EXPECT_EQ(FreshnessOf("getusercumulate").state(), v1::FRESHNESS_STATE_COMPLETE);
  EXPECT_THAT(worker_.syncer.Work(), IsOkAndHolds(0));

  clock_.Advance(absl::Minutes(21));
  ASSERT_OK(worker_.syncer.Work());
  clock_.Advance(absl::Minutes(21));
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_COMPLETE);
  EXPECT_EQ(FreshnessOf("getusersummary").newest_day(), FormatDay(kToday));
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
  EXPECT_THAT(
      worker_.registry.Serialize(),
      HasSubstr("datong_datacube_fetch_total{api=\"getusersummary\",result=\"not_ready\"}"));
}

TEST_F(ServiceTest, AnEmptyYesterdayIsAskedAgainUntilItHasRows) {
  ConnectAndSync();
  BeginNextNight();
  ASSERT_OK(worker_.syncer.Work());  // yesterday is left out of the answers
  EXPECT_EQ(FreshnessOf("getusercumulate").state(), v1::FRESHNESS_STATE_NOT_READY);
  estate_.PublishUpTo(kToday);
  clock_.Advance(absl::Minutes(21));
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(FreshnessOf("getusercumulate").state(), v1::FRESHNESS_STATE_COMPLETE);
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
}

TEST_F(ServiceTest, ADayMissedForAWholeNightIsMadeUpForByALaterOne) {
  ConnectAndSync();
  for (int night = 0; night < 9; ++night) {
    BeginNextNight();
    ASSERT_OK(worker_.syncer.Work());
    // The last day of the empty span waits; all that came before was given up.
    EXPECT_NE(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_COMPLETE);
  }
  EXPECT_EQ(Runs().back().state(), v1::SYNC_RUN_STATE_SUCCEEDED);
  EXPECT_EQ(Runs()[1].state(), v1::SYNC_RUN_STATE_FAILED);
  estate_.PublishUpTo(ShanghaiDay(clock_.Now()));
  BeginNextNight();
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_COMPLETE);
}

TEST_F(ServiceTest, RestatedFiguresReplaceTheEarlierOnes) {
  ConnectAndSync();
  BeginNextNight();
  const std::string day = FormatDay(kToday - 3);
  estate_.AnswerNext(kSummary, absl::StrCat(R"({"list":[{"ref_date":")", day,
                                            R"(","user_source":30,"new_user":"77"}]})"));
  estate_.PublishUpTo(kToday);
  ASSERT_OK(worker_.syncer.Work());
  const auto rows = Rows(v1::METRIC_FOLLOWER_CHANGE, kToday - 3, kToday - 3);
  // The row of source 0 is gone with the answer that lacks it.
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].new_user(), 77);
  EXPECT_FALSE(rows[0].has_cancel_user());
}

TEST_F(ServiceTest, OneSpoiledOpenidCostsNobodyElse) {
  std::map<std::string, std::string> followers;
  for (int i = 0; i < 250; ++i) followers[absl::StrCat("o", 1000 + i)] = absl::StrCat("u", i);
  estate_.SetFollowers(followers, 60);
  estate_.Spoil("o1037");
  ConnectAndSync();
  EXPECT_THAT(estate_.evidence(), SizeIs(249));
  EXPECT_THAT(estate_.evidence(), Contains("openid:wx1:o1036 unionid:@wx1:u36"));
  const v1::SyncStep roster = StepOf(Runs()[0], "roster");
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
  EXPECT_EQ(roster.rows(), 250);
  EXPECT_EQ(roster.rows_refused(), 1);
  EXPECT_EQ(roster.pieces(), roster.pieces_done());
  EXPECT_EQ(estate_.CallsOf("/cgi-bin/user/get"), 5);
}

TEST_F(ServiceTest, TheNextNightDescribesOnlyNewFollowersAndMarksLeavers) {
  ConnectAndSync();
  estate_.SetFollowers({{"o2", ""}, {"o3", "u3"}, {"o4", "u4"}});
  BeginNextNight();
  estate_.PublishUpTo(kToday);
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_THAT(estate_.BodiesOf(kBatch).back(), HasSubstr("o4"));
  EXPECT_THAT(estate_.BodiesOf(kBatch).back(), ::testing::Not(HasSubstr("o2")));
  EXPECT_EQ(FreshnessOf("roster").followers(), 3);
  EXPECT_THAT(estate_.evidence(), SizeIs(4));
}

TEST_F(ServiceTest, AUsedUpQuotaWaitsForMidnightInShanghai) {
  estate_.AnswerNext(kSummary, R"({"errcode":45009,"errmsg":"reach max api daily quota limit"})");
  ConnectAndSync();
  EXPECT_EQ(estate_.CallsOf(kSummary), 1);
  EXPECT_EQ(estate_.CallsOf(kCumulate), 13);
  EXPECT_EQ(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_QUOTA_USED_UP);
  clock_.Set(ShanghaiMidnight(kToday + 1) - absl::Seconds(1));
  EXPECT_THAT(worker_.syncer.Work(), IsOkAndHolds(0));
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(estate_.CallsOf(kSummary), 1 + 13);
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
}

TEST_F(ServiceTest, AProcessThatDiesInTheMiddleLosesNothing) {
  Connect();
  // A process takes two pieces and is never seen again.
  for (int i = 0; i < 2; ++i) {
    const auto taken =
        worker_.store.Claim(clock_.Now(), QuickLease(), Deadline::After(absl::Seconds(5)));
    ASSERT_OK(taken);
    ASSERT_TRUE(taken->has_value());
  }
  Worker second(database_, estate_, clock_);
  ASSERT_OK(second.syncer.Work());
  EXPECT_THAT(Rows(v1::METRIC_FOLLOWER_CHANGE, kToday - 400, kToday), SizeIs(180));
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
}

TEST_F(ServiceTest, APieceTakenOverIsCompletedOnceOnly) {
  Connect();
  const ClaimLimits limits = QuickLease();
  const auto first = worker_.store.Claim(clock_.Now(), limits, Deadline::After(absl::Seconds(5)));
  ASSERT_OK(first);
  const auto again = worker_.store.Claim(clock_.Now(), limits, Deadline::After(absl::Seconds(5)));
  ASSERT_OK(again);
  ASSERT_EQ((*again)->id, (*first)->id);
  EXPECT_THAT(worker_.store.Complete(**first, Outcome(), {}, clock_.Now(),
                                     Deadline::After(absl::Seconds(5))),
              IsError(absl::StatusCode::kAborted, "CLAIM_LOST"));
  EXPECT_OK(worker_.store.Complete(**again, Outcome(), {}, clock_.Now(),
                                   Deadline::After(absl::Seconds(5))));
}

TEST_F(ServiceTest, SeveralProcessesShareTheWorkAndDoItOnce) {
  Worker second(database_, estate_, clock_);
  Connect();
  ASSERT_OK(second.syncer.FollowAccounts());
  std::thread other([&] { EXPECT_OK(second.syncer.Work()); });
  ASSERT_OK(worker_.syncer.Work());
  other.join();
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(estate_.CallsOf(kSummary), 13);
  EXPECT_THAT(Runs(), SizeIs(1));
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
  clock_.Set(ShanghaiMidnight(kToday + 1) + absl::Hours(9));
  ASSERT_OK(worker_.syncer.StartNights());
  ASSERT_OK(second.syncer.StartNights());
  EXPECT_THAT(Runs(), SizeIs(2));
}

TEST_F(ServiceTest, EvidenceWaitsForIdentity) {
  estate_.FailIdentity(grpc::Status(grpc::StatusCode::NOT_FOUND, "project unknown"));
  ConnectAndSync();
  EXPECT_THAT(estate_.evidence(), IsEmpty());
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_RUNNING);
  const int calls = estate_.CallsOf(kBatch);
  estate_.FailIdentity(grpc::Status::OK);
  clock_.Advance(absl::Minutes(10));
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_THAT(estate_.evidence(), SizeIs(3));
  EXPECT_EQ(estate_.CallsOf(kBatch), calls);
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
}

TEST_F(ServiceTest, APlatformThatIsGoneAndBackDelaysTheWorkOnly) {
  estate_.FailCalls(kSummary, grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no answer"));
  ConnectAndSync();
  EXPECT_EQ(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_UNREACHABLE);
  estate_.FailCalls(kSummary, grpc::Status::OK);
  clock_.Advance(absl::Minutes(10));
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_SUCCEEDED);
}

TEST_F(ServiceTest, ARefusedInterfaceIsAskedOnceANight) {
  estate_.AnswerNext(kSummary, R"({"errcode":61007,"errmsg":"api is unauthorized to component"})",
                     2);
  ConnectAndSync();
  EXPECT_EQ(estate_.CallsOf(kSummary), 1);
  EXPECT_EQ(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_REFUSED);
  EXPECT_EQ(FreshnessOf("getusercumulate").state(), v1::FRESHNESS_STATE_COMPLETE);
  EXPECT_EQ(Runs()[0].state(), v1::SYNC_RUN_STATE_FAILED);
  EXPECT_EQ(StepOf(Runs()[0], "getusersummary").pieces_failed(), 13);
  estate_.PublishUpTo(kToday);
  BeginNextNight();
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(estate_.CallsOf(kSummary), 2);
  estate_.PublishUpTo(kToday + 1);
  BeginNextNight();
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(FreshnessOf("getusersummary").state(), v1::FRESHNESS_STATE_COMPLETE);
}

class ErasureTest : public ServiceTest {
 protected:
  // How many rows of the schema hold the text.
  int64_t Count(const std::string& text) {
    const auto count = worker_.pool->Query<int64_t>(
        "scan", Deadline::After(absl::Seconds(10)),
        [&](pqxx::work& work) -> absl::StatusOr<int64_t> {
          int64_t rows = 0;
          for (const auto& table : work.exec("SELECT table_name FROM information_schema.tables "
                                             "WHERE table_schema = 'datacube'")) {
            rows +=
                work.exec_params1(absl::StrCat("SELECT count(*) FROM datacube.", table[0].c_str(),
                                               " AS t WHERE position($1 in t::text) > 0"),
                                  text)[0]
                    .as<int64_t>();
          }
          return rows;
        });
    EXPECT_OK(count);
    return count.ok() ? *count : -1;
  }
  void Erase(const std::string& openid) {
    estate_.Erase("openid:wx1:" + openid, clock_.Now());
    ASSERT_OK(worker_.erasures.Follow());
  }
  void Night() {
    BeginNextNight();
    ASSERT_OK(worker_.syncer.Work());
  }
};

TEST_F(ErasureTest, AnErasedFollowerIsInNoTableAndStaysOutUntilThePersonIsKnownAgain) {
  estate_.SetFollowers({{"oStays", "uStays"}, {"oErased", "uErased"}}, 1);
  ConnectAndSync();
  EXPECT_EQ(Count("oErased"), 1);
  EXPECT_EQ(estate_.evidence().size(), 2U);
  Erase("oErased");
  EXPECT_EQ(Count("oErased"), 0);
  EXPECT_EQ(Count("uErased"), 0);
  EXPECT_EQ(Count("oStays"), 1);
  // The platform goes on to list the follower.
  Night();
  EXPECT_EQ(Count("oErased"), 0);
  EXPECT_EQ(Count("oStays"), 1);
  EXPECT_EQ(estate_.evidence().size(), 2U);
  estate_.SetKnown({"openid:wx1:oErased"});
  Night();
  EXPECT_EQ(Count("oErased"), 1);
  EXPECT_EQ(estate_.evidence().count("openid:wx1:oErased unionid:@wx1:uErased"), 2U);
}

TEST_F(ErasureTest, WorkThatIsUnderWayForgetsTheFollowerToo) {
  estate_.FailIdentity(grpc::Status(grpc::StatusCode::UNAVAILABLE, "down"));
  estate_.FailCalls(kBatch, grpc::Status(grpc::StatusCode::UNAVAILABLE, "down"));
  estate_.SetFollowers({{"oErased", "uErased"}, {"oStays", ""}});
  ConnectAndSync();
  EXPECT_EQ(Count("oErased"), 2) << "a follower and a batch that waits";
  Erase("oErased");
  EXPECT_EQ(Count("oErased"), 0);
  estate_.FailCalls(kBatch, grpc::Status::OK);
  clock_.Advance(absl::Hours(2));
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_EQ(Count("Erased"), 0);
  // Evidence that waits for identity.
  Erase("oStays");
  EXPECT_EQ(Count("oStays"), 0);
  estate_.FailIdentity(grpc::Status::OK);
  clock_.Advance(absl::Hours(2));
  ASSERT_OK(worker_.syncer.Work());
  EXPECT_TRUE(estate_.evidence().empty());
}

TEST_F(ErasureTest, AnAnswerThatComesAfterTheErasureStoresNothingOfTheFollower) {
  estate_.SetFollowers({{"oErased", "uErased"}});
  Connect();
  // Claimed before, and completed after; figures come first.
  ClaimLimits limits;
  limits.calls_in_flight_per_app = 1000;
  std::optional<Piece> piece;
  do {
    piece = *worker_.store.Claim(clock_.Now(), limits, Deadline::After(absl::Seconds(5)));
    ASSERT_TRUE(piece.has_value());
  } while (piece->kind != PieceKind::kRosterPage);
  Erase("oErased");
  Outcome outcome;
  outcome.page = RosterPage{1, {"oErased"}, ""};
  ASSERT_OK(
      worker_.store.Complete(*piece, outcome, {}, clock_.Now(), Deadline::After(absl::Seconds(5))));
  EXPECT_EQ(Count("oErased"), 0);
}

}  // namespace
}  // namespace datong::datacube
