#include "services/datacube/core/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "common/time/shanghai.h"
#include "services/datacube/core/errors.h"

namespace datong::datacube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class OutcomeTest : public ::testing::Test {
 protected:
  static absl::CivilDay Day(int day) { return absl::CivilDay(2026, 3, day); }
  Outcome Read(const Piece& piece, const absl::StatusOr<std::string>& answer) {
    return ReadAnswer(policy_, piece, answer, now_, random_);
  }
  Outcome ReadError(const Piece& piece, int errcode) {
    return Read(piece, absl::StrCat("{\"errcode\":", errcode, ",\"errmsg\":\"x\"}"));
  }
  Piece Statistics(int begin, int end) {
    return StatisticsPieces({"demo", "wx1"}, Api::kUserSummary, {{Day(begin), Day(end)}}, now_)[0];
  }
  Piece Batch(int size) {
    Piece piece = RosterPiece({"demo", "wx1"}, now_);
    piece.kind = PieceKind::kRosterBatch;
    for (int i = 0; i < size; ++i) piece.openids.push_back(absl::StrCat("o", i));
    return piece;
  }
  static std::string Rows(std::initializer_list<int> days) {
    std::string rows;
    for (const int day : days) {
      absl::StrAppend(&rows, rows.empty() ? "" : ",", "{\"ref_date\":\"", FormatDay(Day(day)),
                      "\",\"user_source\":0,\"new_user\":1,\"cancel_user\":0}");
    }
    return absl::StrCat("{\"list\":[", rows, "]}");
  }

  const SyncPolicy policy_;
  absl::Time now_ = ShanghaiMidnight(absl::CivilDay(2026, 3, 10)) + absl::Hours(8.5);
  std::mt19937 random_{1};
};

TEST_F(OutcomeTest, AWholeSpanOfRowsIsDone) {
  const Outcome outcome = Read(Statistics(7, 9), Rows({7, 8, 9}));
  EXPECT_EQ(outcome.end, Outcome::End::kDone);
  EXPECT_EQ(outcome.result, FetchResult::kOk);
  EXPECT_THAT(outcome.changes, SizeIs(3));
}

TEST_F(OutcomeTest, AMissingYesterdayIsAskedForAgainAndTheRestIsKept) {
  const Outcome outcome = Read(Statistics(3, 9), Rows({3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(outcome.end, Outcome::End::kAgain);
  EXPECT_EQ(outcome.result, FetchResult::kNotReady);
  EXPECT_THAT(outcome.changes, SizeIs(6));
  EXPECT_EQ(outcome.span, (DaySpan{Day(9), Day(9)}));
  EXPECT_EQ(outcome.due_time, now_ + policy_.reask_interval);
}

TEST_F(OutcomeTest, AnEmptyYesterdayIsNotReady) {
  const Outcome outcome = Read(Statistics(9, 9), std::string("{\"list\":[]}"));
  EXPECT_EQ(outcome.end, Outcome::End::kAgain);
  EXPECT_EQ(outcome.result, FetchResult::kEmpty);
  EXPECT_EQ(outcome.condition, ApiCondition::kNotReady);
  EXPECT_THAT(outcome.final_empty_days, IsEmpty());
}

TEST_F(OutcomeTest, EmptyDaysLongAgoAreBelieved) {
  const Outcome outcome = Read(Statistics(1, 3), std::string("{\"list\":null}"));
  EXPECT_EQ(outcome.end, Outcome::End::kDone);
  EXPECT_THAT(outcome.final_empty_days, ElementsAre(Day(1), Day(2), Day(3)));
}

TEST_F(OutcomeTest, RowsOfOtherDaysProveNothing) {
  const Outcome outcome = Read(
      Statistics(1, 3), std::string(R"({"list":[{"ref_date":"2024-03-01","user_source":0}]})"));
  EXPECT_EQ(outcome.end, Outcome::End::kAgain);
  EXPECT_EQ(outcome.result, FetchResult::kError);
  EXPECT_THAT(outcome.changes, IsEmpty());
  EXPECT_THAT(outcome.final_empty_days, IsEmpty());
}

TEST_F(OutcomeTest, NotReadyHoldsBackTheLastDayOnly) {
  const Outcome outcome = ReadError(Statistics(3, 9), 61503);
  EXPECT_EQ(outcome.end, Outcome::End::kSplit);
  ASSERT_THAT(outcome.parts, SizeIs(2));
  EXPECT_EQ(outcome.parts[0].span, (DaySpan{Day(3), Day(8)}));
  EXPECT_EQ(outcome.parts[0].due_time, now_);
  EXPECT_EQ(outcome.parts[1].span, (DaySpan{Day(9), Day(9)}));
  EXPECT_EQ(outcome.parts[1].due_time, now_ + policy_.reask_interval);
}

TEST_F(OutcomeTest, NotReadyUntilTheNextMorningIsGivenUp) {
  const Piece piece = Statistics(9, 9);
  EXPECT_EQ(ReadError(piece, 61503).end, Outcome::End::kAgain);
  now_ += absl::Hours(24);
  EXPECT_EQ(ReadError(piece, 61503).end, Outcome::End::kFailed);
}

TEST_F(OutcomeTest, AUsedUpQuotaClosesTheInterfaceUntilMidnightInShanghai) {
  const Outcome outcome = ReadError(Statistics(3, 9), 45009);
  EXPECT_EQ(outcome.end, Outcome::End::kAgain);
  EXPECT_EQ(outcome.result, FetchResult::kQuota);
  EXPECT_EQ(outcome.closed_until, ShanghaiMidnight(Day(11)));
  EXPECT_EQ(outcome.due_time, ShanghaiMidnight(Day(11)));
  EXPECT_FALSE(outcome.closes_app);
}

TEST_F(OutcomeTest, BrokersQuotaErrorIsTheSame) {
  const Outcome outcome =
      Read(Statistics(3, 9), MakeError(absl::StatusCode::kResourceExhausted, "no more",
                                       {"broker.datong", "API_QUOTA_EXHAUSTED", {}}));
  EXPECT_EQ(outcome.closed_until, ShanghaiMidnight(Day(11)));
}

TEST_F(OutcomeTest, AMinuteLimitPausesTheWholeAccount) {
  const Outcome outcome = ReadError(Statistics(3, 9), 45011);
  EXPECT_TRUE(outcome.closes_app);
  EXPECT_EQ(outcome.closed_until, now_ + absl::Seconds(60));
}

TEST_F(OutcomeTest, ATooLongRangeIsHalvedAndASingleDayGivenUp) {
  const Outcome halved = ReadError(Statistics(3, 9), 61501);
  ASSERT_THAT(halved.parts, SizeIs(2));
  EXPECT_EQ(halved.parts[0].span, (DaySpan{Day(3), Day(6)}));
  EXPECT_EQ(halved.parts[1].span, (DaySpan{Day(7), Day(9)}));
  EXPECT_EQ(ReadError(Statistics(9, 9), 61501).end, Outcome::End::kFailed);
}

TEST_F(OutcomeTest, ABusyPlatformIsAskedAgainLaterEachTime) {
  Piece piece = Statistics(3, 9);
  absl::Duration before = absl::ZeroDuration();
  for (piece.attempts = 0; piece.attempts < 8; piece.attempts += 2) {
    const Outcome outcome = ReadError(piece, -1);
    EXPECT_EQ(outcome.end, Outcome::End::kAgain);
    EXPECT_GT(outcome.due_time - now_, before);
    before = outcome.due_time - now_;
  }
}

TEST_F(OutcomeTest, TheUnreachablePlatformIsGivenUpAfterSomeTriesNextMorning) {
  Piece piece = Statistics(3, 9);
  now_ += absl::Hours(48);
  EXPECT_EQ(Read(piece, absl::UnavailableError("gone")).end, Outcome::End::kAgain);
  piece.attempts = 2;
  EXPECT_EQ(Read(piece, absl::UnavailableError("gone")).end, Outcome::End::kFailed);
}

TEST_F(OutcomeTest, ARefusalEndsAllWorkOfTheInterfaceAndSaysWhatToDo) {
  for (const int errcode : {48001, 61007, 61003, 47009, 61500}) {
    const Outcome outcome = ReadError(Statistics(3, 9), errcode);
    EXPECT_EQ(outcome.end, Outcome::End::kFailed);
    EXPECT_EQ(outcome.condition, ApiCondition::kRefused);
    EXPECT_TRUE(outcome.fails_siblings);
    EXPECT_THAT(outcome.reason, ::testing::HasSubstr(absl::StrCat(errcode)));
  }
}

TEST_F(OutcomeTest, ASpoiledBatchIsBisectedDownToTheOpenidThatSpoilsIt) {
  const Outcome halves = ReadError(Batch(5), 40003);
  ASSERT_THAT(halves.parts, SizeIs(2));
  EXPECT_THAT(halves.parts[0].openids, ElementsAre("o0", "o1"));
  EXPECT_THAT(halves.parts[1].openids, ElementsAre("o2", "o3", "o4"));
  const Outcome one = ReadError(Batch(1), 40003);
  EXPECT_EQ(one.end, Outcome::End::kDone);
  EXPECT_THAT(one.refused_openids, ElementsAre("o0"));
}

TEST_F(OutcomeTest, ABatchThatThePlatformStumblesOverIsBisectedInTheEnd) {
  Piece piece = Batch(4);
  EXPECT_EQ(ReadError(piece, -1).end, Outcome::End::kAgain);
  piece.attempts = 2;
  EXPECT_EQ(ReadError(piece, -1).end, Outcome::End::kSplit);
  EXPECT_EQ(Read(piece, absl::UnavailableError("gone")).end, Outcome::End::kAgain);
}

TEST_F(OutcomeTest, FollowersLeftOutOfTheAnswerAreRefused) {
  const Outcome outcome =
      Read(Batch(2), std::string(R"({"user_info_list":[{"openid":"o1","subscribe":1},
                                                       {"openid":"stranger","subscribe":1}]})"));
  ASSERT_THAT(outcome.infos, SizeIs(1));
  EXPECT_THAT(outcome.refused_openids, ElementsAre("o0"));
}

TEST_F(OutcomeTest, PagesFollowEachOtherUntilAllFollowersAreListed) {
  Piece piece = RosterPiece({"demo", "wx1"}, now_);
  const Outcome first = Read(piece, std::string(R"({"total":3,"count":2,"data":{"openid":["a","b"]},
                                  "next_openid":"b"})"));
  EXPECT_FALSE(first.roster_ends);
  ASSERT_THAT(first.parts, SizeIs(1));
  EXPECT_EQ(first.parts[0].cursor, "b");
  EXPECT_EQ(first.parts[0].collected, 2);
  const Outcome last = Read(first.parts[0], std::string(R"({"total":3,"count":1,
                                  "data":{"openid":["c"]},"next_openid":"c"})"));
  EXPECT_TRUE(last.roster_is_complete);
  EXPECT_THAT(last.parts, IsEmpty());
}

TEST_F(OutcomeTest, AnEmptyListOfCountedFollowersIsNotBelieved) {
  const Outcome outcome = Read(RosterPiece({"demo", "wx1"}, now_),
                               std::string(R"({"total":3,"count":0,"next_openid":""})"));
  EXPECT_EQ(outcome.end, Outcome::End::kAgain);
  EXPECT_FALSE(outcome.page.has_value());
}

TEST_F(OutcomeTest, AListThatEndsFarTooEarlyMarksNobodyAsGone) {
  const Outcome outcome =
      Read(RosterPiece({"demo", "wx1"}, now_),
           std::string(R"({"total":1000,"count":1,"data":{"openid":["a"]},"next_openid":""})"));
  EXPECT_TRUE(outcome.roster_ends);
  EXPECT_FALSE(outcome.roster_is_complete);
}

TEST_F(OutcomeTest, EvidenceIsNeverGivenUp) {
  Piece piece = Batch(0);
  piece.kind = PieceKind::kEvidence;
  piece.attempts = 50;
  now_ += absl::Hours(100);
  EXPECT_EQ(ReadEvidenceReceipt(policy_, piece, absl::NotFoundError("x"), now_, random_).end,
            Outcome::End::kAgain);
}

}  // namespace
}  // namespace datong::datacube
