#include "common/http/request.h"

#include <gtest/gtest.h>

namespace datong::http {
namespace {

TEST(HeadersTest, NamesCompareWithoutRegardToCase) {
  Headers headers = {{"Content-Type", "text/xml"}};
  headers.Add("content-type", "second");
  EXPECT_EQ(headers.Get("CONTENT-TYPE"), "text/xml");
  EXPECT_TRUE(headers.Has("content-Type"));
  EXPECT_EQ(headers.Get("absent"), "");
  EXPECT_EQ(headers.items().size(), 2u);
}

TEST(UrlTest, DecodesEscapesAndKeepsBrokenOnes) {
  EXPECT_EQ(UrlDecode("a%20b+c%2Fd"), "a b c/d");
  EXPECT_EQ(UrlDecode("a+b", false), "a+b");
  EXPECT_EQ(UrlDecode("100%"), "100%");
  EXPECT_EQ(UrlDecode("%zz%4"), "%zz%4");
  EXPECT_EQ(UrlDecode("%E5%A4%A7"), "大");
}

TEST(UrlTest, EncodesAllButUnreservedCharacters) {
  EXPECT_EQ(UrlEncode("preauth@@@a-b_c.~ 大"), "preauth%40%40%40a-b_c.~%20%E5%A4%A7");
}

TEST(UrlTest, FindsTheFirstParameterOfAName) {
  EXPECT_EQ(QueryValue("a=1&b=2%262&b=3", "b"), "2&2");
  EXPECT_EQ(QueryValue("a=1", "b"), "");
  EXPECT_EQ(QueryValue("e%63ho=x%2B%3D", "echo"), "x+=");
  EXPECT_TRUE(HasQueryValue("flag&x=1", "flag"));
  EXPECT_FALSE(HasQueryValue("", "flag"));
}

}  // namespace
}  // namespace datong::http
