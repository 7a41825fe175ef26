// The checker finds what it is there for, and nothing in a right history.
#include "tests/faults/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datong::faults {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Time At(double second) { return absl::UnixEpoch() + absl::Seconds(second); }

TokenWrite Write(int64_t generation, int64_t epoch, const char* token, double at) {
  return {"wx1", generation, epoch, token, At(at)};
}
TokenRead Read(int reader, const char* token, double at) {
  return {.reader = reader,
          .appid = "wx1",
          .begin = At(at),
          .end = At(at + 0.1),
          .business_begin = At(at),
          .clock_agreed = true,
          .fingerprint = token,
          .expires = At(7200)};
}

History Right() {
  return {{Write(1, 1, "a", 1), Write(2, 3, "b", 10), Write(3, 0, "c", 20)},
          {Read(1, "a", 2), Read(1, "b", 11), Read(2, "a", 12), Read(2, "c", 21)}};
}

TEST(HistoryTest, ARightHistoryHasNoViolations) { EXPECT_THAT(Violations(Right()), IsEmpty()); }

TEST(HistoryTest, AReaderThatGoesBackIsFound) {
  History history = Right();
  history.reads.push_back(Read(1, "a", 13));
  EXPECT_THAT(Violations(history), ElementsAre(HasSubstr("version 1 after version 2")));
}

TEST(HistoryTest, ATokenThatWasWrittenAgainIsNoStepBack) {
  History history = Right();
  history.writes.push_back(Write(4, 4, "b", 30));
  history.reads = {Read(1, "c", 21), Read(1, "b", 31)};
  EXPECT_THAT(Violations(history), IsEmpty());
}

TEST(HistoryTest, ALostWriteIsFound) {
  History history = Right();
  history.writes.erase(history.writes.begin() + 1);
  history.reads.clear();
  EXPECT_THAT(Violations(history), ElementsAre(HasSubstr("generation 3 follows 1")));
}

TEST(HistoryTest, TwoRefreshersOfOneEpochAreFound) {
  History history = Right();
  history.writes[1].epoch = 1;
  EXPECT_THAT(Violations(history), ElementsAre(HasSubstr("in epoch 1 after one in epoch 1")));
}

TEST(HistoryTest, AWriteOfAnEarlierEpochIsFound) {
  History history = Right();
  history.writes.push_back(Write(4, 2, "d", 30));
  EXPECT_THAT(Violations(history), ElementsAre(HasSubstr("in epoch 2 after one in epoch 3")));
}

TEST(HistoryTest, ATokenServedBeforeItWasStoredIsFound) {
  History history = Right();
  history.reads = {Read(1, "b", 5), Read(1, "x", 5)};
  EXPECT_THAT(Violations(history),
              ElementsAre(HasSubstr("nobody had stored"), HasSubstr("nobody had stored")));
}

TEST(HistoryTest, AnExpiredTokenIsFoundWhereTheClockIsKnown) {
  History history = Right();
  history.reads = {Read(1, "c", 21)};
  history.reads[0].business_begin = At(7201);
  EXPECT_THAT(Violations(history), ElementsAre(HasSubstr("expired 1s ago")));
  history.reads[0].clock_agreed = false;
  EXPECT_THAT(Violations(history), IsEmpty());
}

TEST(HistoryTest, ATokenServedLongAfterItWasReplacedIsFound) {
  History history = Right();
  history.reads = {Read(1, "a", 20.5)};
  EXPECT_THAT(Violations(history), ElementsAre(HasSubstr("replaced 10.5s ago")));
}

TEST(HistoryTest, WhoHadToWaitForATokenDidNotReadFromMemory) {
  std::vector<TokenRead> reads = {Read(1, "b", 11), Read(1, "b", 12)};
  TokenRead waited = Read(2, "b", 2);
  waited.end = At(11);
  reads.push_back(waited);
  EXPECT_EQ(CachedP99(reads), absl::Milliseconds(100));
  reads.back().begin = At(11.5);
  reads.back().end = At(14);
  EXPECT_EQ(CachedP99(reads), absl::Milliseconds(2500));
}

}  // namespace
}  // namespace datong::faults
