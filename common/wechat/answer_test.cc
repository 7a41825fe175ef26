#include "common/wechat/answer.h"

#include <gtest/gtest.h>

#include "common/testing/matchers.h"

namespace datong::wechat {
namespace {

TEST(AnswerTest, AMissingErrcodeIsSuccess) {
  const auto answer = ParseAnswer(R"({"access_token":"t","expires_in":"7200"})");
  ASSERT_OK(answer);
  EXPECT_TRUE(answer->ok());
  EXPECT_OK(answer->status());
  EXPECT_EQ(TextField(answer->body, "access_token"), "t");
  EXPECT_EQ(NumberField(answer->body, "expires_in"), 7200);
}

TEST(AnswerTest, ErrcodesMayBeTexts) {
  EXPECT_EQ(ParseAnswer(R"({"errcode":"40029","errmsg":"invalid code"})")->errcode, 40029);
  EXPECT_EQ(ParseAnswer(R"({"errcode":40001,"errmsg":"x"})")->errcode, 40001);
  EXPECT_TRUE(ParseAnswer(R"({"errcode":0,"errmsg":"ok"})")->ok());
  EXPECT_FALSE(ParseAnswer(R"({"errcode":"?"})")->ok());
  EXPECT_EQ(ParseAnswer(R"({"base_resp":{"ret":2009,"err_msg":"x"}})")->errcode, 2009);
}

TEST(AnswerTest, NullMissingAndRealLists) {
  EXPECT_EQ(ListField(ParseAnswer(R"({"list":null})")->body, "list").size(), 0u);
  EXPECT_EQ(ListField(ParseAnswer(R"({})")->body, "list").size(), 0u);
  EXPECT_EQ(ListField(ParseAnswer(R"({"list":[1,2]})")->body, "list").size(), 2u);
  EXPECT_EQ(ObjectField(ParseAnswer(R"({"data":null})")->body, "data").size(), 0u);
}

TEST(AnswerTest, WhatIsNoAnswerIsUnreadable) {
  for (const char* body : {"", "<html>", "{\"a\":1", "[1]", "null"}) {
    EXPECT_THAT(ParseAnswer(body), IsError(absl::StatusCode::kUnavailable, "ANSWER_UNREADABLE"))
        << body;
  }
  EXPECT_THAT(ParseAnswer(502, "{}"),
              IsError(absl::StatusCode::kUnavailable, "ANSWER_HTTP_STATUS"));
  EXPECT_OK(ParseAnswer(200, "{}"));
}

TEST(AnswerTest, ControlBytesInsideTextsAreForgiven) {
  const auto answer = ParseAnswer("{\"nickname\":\"a\x08z\xff\"}");
  ASSERT_OK(answer);
  EXPECT_EQ(TextField(answer->body, "nickname"), "a z\xef\xbf\xbd");
}

TEST(AnswerTest, StrangeNumbersAreNone) {
  const auto body = ParseAnswer(R"({"a":1.0,"b":1e300,"c":"x","d":{},"e":true,"f":12})")->body;
  EXPECT_EQ(NumberField(body, "a"), 1);
  EXPECT_EQ(NumberField(body, "b"), std::nullopt);
  EXPECT_EQ(NumberField(body, "c"), std::nullopt);
  EXPECT_EQ(NumberField(body, "d"), std::nullopt);
  EXPECT_EQ(TextField(body, "f"), "12");
  EXPECT_EQ(TextField(body, "d"), "");
}

}  // namespace
}  // namespace datong::wechat
