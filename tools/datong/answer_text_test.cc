#include "tools/datong/answer_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "datong/ingest/v1/event.pb.h"
#include "datong/ingest/v1/source.pb.h"

namespace datong::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(AnswerTextTest, AListIsATableWithoutItsEmptyColumns) {
  ingest::v1::ListSourcesResponse answer;
  for (const char* name : {"projects/demo/sources/shop", "projects/demo/sources/site"}) {
    ingest::v1::Source& source = *answer.add_sources();
    source.set_name(name);
    source.set_kind(ingest::v1::SOURCE_KIND_SDK);
    source.mutable_create_time()->set_seconds(1700000000);
  }
  answer.set_next_page_token("abc");
  answer.set_project_number(3);
  const std::string text = AnswerTable(answer);
  EXPECT_THAT(text, AllOf(HasSubstr("project_number  3"), HasSubstr("projects/demo/sources/shop"),
                          HasSubstr("sdk"), HasSubstr("2023-11-15 06:13:20"),
                          HasSubstr("--page-token abc"), Not(HasSubstr("write_key"))));
}

TEST(AnswerTextTest, AnAnswerThatHoldsOneThingIsThatThing) {
  ingest::v1::GetSourceResponse answer;
  answer.mutable_source()->set_name("projects/demo/sources/shop");
  answer.mutable_source()->add_origins("https://a");
  answer.mutable_source()->add_origins("https://b");
  (*answer.mutable_source()->mutable_login_spaces())["k"] = "v";
  EXPECT_THAT(AnswerTable(answer), AllOf(HasSubstr("name "), HasSubstr("https://a, https://b"),
                                         HasSubstr("k=v"), Not(HasSubstr("source."))));
}

TEST(AnswerTextTest, AStreamHasALineForEachMessage) {
  ingest::v1::StreamEventsResponse answer;
  answer.set_acknowledged(2);
  answer.set_position(17);
  EXPECT_EQ(AnswerLine(answer), "acknowledged=2  position=17");
  EXPECT_THAT(AnswerJson(answer, true), HasSubstr("\"position\":\"17\""));
}

TEST(AnswerTextTest, AnErrorSaysReasonSentenceAndWhenToComeBack) {
  const absl::Status status =
      WithRetryDelay(MakeError(absl::StatusCode::kUnavailable, "Later.",
                               {"broker.datong", "PLATFORM_UNREACHABLE", {{"app", "wx1"}}}),
                     absl::Seconds(3));
  EXPECT_EQ(ErrorText(status),
            "UNAVAILABLE PLATFORM_UNREACHABLE\nLater.\n  app: wx1\nCome back in 3s.\n");
}

}  // namespace
}  // namespace datong::tools
