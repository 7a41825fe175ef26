#include "services/datacube/core/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/testing/matchers.h"
#include "common/time/shanghai.h"

namespace datong::datacube {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr DaySpan kDecember2014 = {absl::CivilDay(2014, 12, 1), absl::CivilDay(2014, 12, 31)};

// The `response` of a recorded exchange.
std::string Recorded(const std::string& name) {
  std::ifstream file("testdata/" + name);
  return nlohmann::json::parse(file).at("response").dump();
}

TEST(AnswersTest, TheDocumentedSummaryIsRead) {
  const auto answer = ParseUserSummary(Recorded("getusersummary.json"), kDecember2014);
  ASSERT_OK(answer);
  ASSERT_THAT(answer->rows, SizeIs(1));
  EXPECT_EQ(answer->rows[0].day, absl::CivilDay(2014, 12, 7));
  EXPECT_EQ(answer->rows[0].user_source, 0);
  EXPECT_EQ(answer->rows[0].new_user, 0);
  EXPECT_EQ(answer->rows[0].cancel_user, 0);
  EXPECT_EQ(answer->rows_refused, 0);
}

TEST(AnswersTest, TheLiveSummaryIsRead) {
  const auto answer =
      ParseUserSummary(Recorded("getusersummary.community-2019-11.json"),
                       {absl::CivilDay(2019, 11, 20), absl::CivilDay(2019, 11, 21)});
  ASSERT_OK(answer);
  EXPECT_THAT(answer->rows,
              ElementsAre(Field(&ChangeRow::cancel_user, 4), Field(&ChangeRow::cancel_user, 8)));
}

TEST(AnswersTest, TheCumulateAnswersOfDocumentationAndSdkAreRead) {
  for (const char* name : {"getusercumulate.json", "getusercumulate.wechatpy.json"}) {
    const auto answer = ParseUserCumulate(Recorded(name), kDecember2014);
    ASSERT_OK(answer);
    ASSERT_THAT(answer->rows, SizeIs(1));
    EXPECT_EQ(answer->rows[0].cumulate_user, 1217056);
  }
}

TEST(AnswersTest, EmptyNullAndAbsentListsAreNoRows) {
  for (const std::string body : {R"({"list":[]})", R"({"list":null})", "{}",
                                 R"({"errcode":0,"errmsg":"ok"})", R"({"list":{}})"}) {
    const auto answer = ParseUserSummary(body, kDecember2014);
    ASSERT_OK(answer);
    EXPECT_THAT(answer->rows, IsEmpty());
  }
  EXPECT_OK(ParseUserSummary(Recorded("getusersummary.empty.json"), kDecember2014));
}

TEST(AnswersTest, NumbersMayBeTextAndFieldsMayBeMissingOrUnknown) {
  const auto answer = ParseUserSummary(
      R"({"list":[{"ref_date":"2014-12-07","user_source":"176","new_user":"5000000000",
                   "brand_new_field":{"a":[1]}}, 7, null]})",
      kDecember2014);
  ASSERT_OK(answer);
  ASSERT_THAT(answer->rows, SizeIs(1));
  EXPECT_EQ(answer->rows[0].user_source, 176);
  EXPECT_EQ(answer->rows[0].new_user, 5'000'000'000);
  EXPECT_EQ(answer->rows[0].cancel_user, std::nullopt);
  EXPECT_THAT(answer->rows[0].raw_json, ::testing::HasSubstr("brand_new_field"));
}

TEST(AnswersTest, RowsOutsideOfTheAskedDaysAreRefused) {
  const auto answer = ParseUserCumulate(
      R"({"list":[{"ref_date":"2012-12-07","cumulate_user":1},{"cumulate_user":2},
                  {"ref_date":"20141207","cumulate_user":3},
                  {"ref_date":"2014-12-08","cumulate_user":4}]})",
      kDecember2014);
  ASSERT_OK(answer);
  EXPECT_THAT(answer->rows, ElementsAre(Field(&TotalRow::cumulate_user, 4)));
  EXPECT_EQ(answer->rows_refused, 3);
}

TEST(AnswersTest, EveryRecordedErrorIsAnErrorWithItsCode) {
  std::ifstream file("testdata/errors.json");
  int checked = 0;
  const auto recorded = nlohmann::json::parse(file);
  for (const auto& error : recorded.at("errors")) {
    const auto& response = error.at("response");
    if (!response.contains("errcode")) continue;  // of the ads interfaces
    const auto answer = ParseUserSummary(response.dump(), kDecember2014);
    EXPECT_THAT(answer, IsError(absl::StatusCode::kFailedPrecondition, "PLATFORM_ERROR"));
    EXPECT_EQ(ErrcodeOf(answer.status()), response.at("errcode").get<int64_t>());
    ++checked;
  }
  EXPECT_GE(checked, 15);
}

TEST(AnswersTest, WhatIsNoJsonObjectIsMalformed) {
  for (const std::string body : {"", "[]", "{\"list\":[{\"ref_da", "<html>"}) {
    EXPECT_THAT(ParseUserSummary(body, kDecember2014),
                IsError(absl::StatusCode::kInternal, "ANSWER_MALFORMED"));
  }
}

TEST(AnswersTest, ThePageOfFollowersIsRead) {
  const auto page = ParseRosterPage(Recorded("user_get.json"));
  ASSERT_OK(page);
  EXPECT_EQ(page->total, 2);
  EXPECT_THAT(page->openids, ElementsAre("OPENID1", "OPENID2"));
  EXPECT_EQ(page->next_openid, "OPENID2");
}

TEST(AnswersTest, APageWithoutDataIsAnEmptyPage) {
  const auto page = ParseRosterPage(R"({"total":2,"count":0,"next_openid":""})");
  ASSERT_OK(page);
  EXPECT_EQ(page->total, 2);
  EXPECT_THAT(page->openids, IsEmpty());
}

TEST(AnswersTest, FollowersAreReadWithAndWithoutUnionid) {
  const auto infos = ParseFollowerInfos(Recorded("user_info_batchget.json"));
  ASSERT_OK(infos);
  ASSERT_THAT(*infos, SizeIs(2));
  EXPECT_EQ((*infos)[0], (FollowerInfo{"otvxTs4dckWG7imySrJd6jSi0CWE", true, 1382694957,
                                       "ADD_SCENE_QR_CODE", "oR5GjjgEhCMJFyzaVZdrxZ2zRRF4"}));
  EXPECT_EQ((*infos)[1],
            (FollowerInfo{"otvxTs_JZ6SEiP0imdhpi50fuSZg", false, std::nullopt, "", ""}));
}

TEST(AnswersTest, RequestsAreAsDocumented) {
  EXPECT_EQ(StatisticsRequest({absl::CivilDay(2014, 12, 2), absl::CivilDay(2014, 12, 7)}),
            R"({"begin_date":"2014-12-02","end_date":"2014-12-07"})");
  EXPECT_EQ(FollowerInfoRequest({"o1"}), R"({"user_list":[{"lang":"zh_CN","openid":"o1"}]})");
}

}  // namespace
}  // namespace datong::datacube
