#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "common/testing/matchers.h"
#include "tools/datong/demo/run.h"

namespace datong::demo {
namespace {

#ifdef DATONG_PROGRAMS
// Each service in a process of its own, as operators run them; a smaller estate, the same story.
const EstateOptions kEstate = {.persons = 4000, .days = 70, .events = 60'000};
const tools::DevStackOptions kWhere = {.programs = DATONG_PROGRAMS};
#else
// In the size and the one process in which `tools/demo` tells it.
const EstateOptions kEstate;
const tools::DevStackOptions kWhere;
#endif

// The whole story once.
class DemoTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    performance_ = new absl::StatusOr<Performance>(
        Perform(kEstate, kWhere, [](const std::string& line) { std::cout << line << std::endl; }));
    ASSERT_OK(*performance_);
    std::cout << (*performance_)->report;
  }
  static void TearDownTestSuite() {
    delete performance_;
    performance_ = nullptr;
  }
  const Performance& performance() { return **performance_; }

  static absl::StatusOr<Performance>* performance_;
};
absl::StatusOr<Performance>* DemoTest::performance_ = nullptr;

TEST_F(DemoTest, EveryFigureEqualsTheSimulatorsTruth) {
  EXPECT_THAT(performance().differences, ::testing::IsEmpty());
}

TEST_F(DemoTest, NoReaderWasRefusedATokenWhileItWasReplaced) {
  EXPECT_EQ(performance().experience.failed_token_reads, 0);
  EXPECT_EQ(performance().experience.distinct_tokens_seen, 2);
  EXPECT_GE(performance().answers.token_reads_audited,
            performance().experience.token_reads_under_load);
}

TEST_F(DemoTest, BadBatchesAreAnsweredAsGoodOnesAndKept) {
  EXPECT_EQ(performance().experience.duplicate_batch_answer, 204);
  EXPECT_EQ(performance().experience.malformed_batch_answer, 204);
  ASSERT_EQ(performance().answers.quarantined.size(), 1U);
  EXPECT_EQ(performance().answers.quarantined[0].reason(), "malformed_json");
}

TEST_F(DemoTest, CapturedRequestsOfRealSdksAreCountedOnce) {
  // 7 of the mini program (sent again regrouped, three times), 6 of the site, 2 embedded, 6 of
  // Segment.
  EXPECT_EQ(performance().experience.captured_requests, 15);
  EXPECT_EQ(performance().answers.captured_traffic.rows(0).events(), 28);
}

TEST_F(DemoTest, TheTimelineShowsSeveralSurfacesOfOnePerson) {
  const auto& person = performance().answers.timeline.person();
  EXPECT_GE(person.surfaces_size(), 3);
  EXPECT_GE(person.identifiers_size(), 4);
}

}  // namespace
}  // namespace datong::demo
