#include "common/log/redact.h"

#include <gtest/gtest.h>

namespace datong {
namespace {

TEST(RedactTest, HidesWhatMustNotBeLogged) {
  const struct {
    const char* text;
    const char* redacted;
  } kCases[] = {
      {"GET /cgi-bin/user?access_token=abc123&openid=x",
       "GET /cgi-bin/user?access_token=***&openid=x"},
      {R"({"session_key":"tiihtNczf5v6AKRyjwEUhQ=="})", R"({"session_key":"***"})"},
      {"authorization: Bearer dtk_1_abcdef", "authorization: ***"},
      {"user oGZUI0egBJY1zhBYw2KhdUfwVJJE left", "user [openid] left"},
      {"66_Ks3Yd8Zk2Lq9Wm4Vx7Bn1Cg5Hj6Tf0Rp8Se3Ua2Di7 is bad", "[token] is bad"},
      {"call 13800138000 now", "call [phone] now"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Redact(c.text), c.redacted);
}

TEST(RedactTest, LeavesWhatPeopleNeed) {
  const char* const kCases[] = {
      "/datong.broker.v1.TokenService/GetToken",
      "4bf92f3577b34da6a3ce929d0e0e4736",
      "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
      "projects/demo/apps/wx1234567890abcdef",
      "errcode 40001: invalid credential",
      "1700000000123",
      "token refreshed",
  };
  for (const char* text : kCases) EXPECT_EQ(Redact(text), text);
}

}  // namespace
}  // namespace datong
