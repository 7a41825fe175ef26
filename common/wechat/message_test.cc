#include "common/wechat/message.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/testing/matchers.h"

namespace datong::wechat {
namespace {

auto Refused(const char* reason) { return IsError(absl::StatusCode::kInvalidArgument, reason); }

std::string Nested(int depth) {
  std::string open, close;
  for (int i = 0; i < depth; ++i) {
    open += "<a>";
    close += "</a>";
  }
  return "<xml>" + open + "x" + close + "</xml>";
}

TEST(MessageTest, EveryPushOfTheDocumentsIsRead) {
  const auto pushes = nlohmann::json::parse(std::ifstream("testdata/pushes.json"));
  int read = 0;
  for (const auto& push : pushes["pushes"]) {
    if (!push.contains("plaintext")) continue;
    const auto message = ParseMessage(push["plaintext"].get<std::string>());
    ASSERT_OK(message) << push["id"];
    EXPECT_FALSE(message->fields().empty()) << push["id"];
    EXPECT_TRUE(message->Number("CreateTime").has_value()) << push["id"];
    ++read;
  }
  EXPECT_GT(read, 20);
}

TEST(MessageTest, XmlAndJsonGiveTheSameFields) {
  const auto xml = ParseMessage(
      "<xml><Event><![CDATA[SCAN]]></Event><MsgId>4561255354251345929</MsgId><L><Id>1</Id></L>"
      "<L><Id>2</Id></L><Key/></xml>");
  const auto json = ParseMessage(
      R"({"Event":"SCAN","MsgId":4561255354251345929,"L":[{"Id":1},{"Id":"2"}],"Key":null})");
  ASSERT_OK(xml);
  ASSERT_OK(json);
  for (const auto* message : {&*xml, &*json}) {
    EXPECT_EQ(message->Text("Event"), "SCAN");
    EXPECT_EQ(message->Number("MsgId"), 4561255354251345929);
    EXPECT_EQ(message->Text("L/Id"), "1");
    EXPECT_TRUE(message->Has("Key"));
    EXPECT_EQ(message->Text("Nothing"), "");
    EXPECT_EQ(message->Number("Event"), std::nullopt);
    EXPECT_EQ(
        message->ToJson(),
        R"({"Event":"SCAN","Key":"","L":[{"Id":"1"},{"Id":"2"}],"MsgId":"4561255354251345929"})");
  }
}

TEST(MessageTest, KeysAreTrimmed) {
  EXPECT_EQ(ParseMessage(R"({" OpenID":"o1"})")->Text("OpenID"), "o1");
}

TEST(MessageTest, ADoctypeIsRefusedButNotInsideCdata) {
  EXPECT_THAT(ParseMessage("<!DOCTYPE x [<!ENTITY a \"b\">]><xml><A>&a;</A></xml>"),
              Refused("MESSAGE_DOCTYPE_REFUSED"));
  EXPECT_THAT(
      ParseMessage("<?xml version=\"1.0\"?>\n<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><xml/>"),
      Refused("MESSAGE_DOCTYPE_REFUSED"));
  EXPECT_FALSE(ParseMessage("<xml><!DOCTYPE x><A>1</A></xml>").ok());
  const auto message = ParseMessage("<xml><Content><![CDATA[<!DOCTYPE x>]]></Content></xml>");
  ASSERT_OK(message);
  EXPECT_EQ(message->Text("Content"), "<!DOCTYPE x>");
}

TEST(MessageTest, LimitsHold) {
  EXPECT_OK(ParseMessage(Nested(16)));
  EXPECT_THAT(ParseMessage(Nested(17)), Refused("MESSAGE_TOO_DEEP"));
  std::string many = "<xml>";
  for (int i = 0; i < 1024; ++i) many += "<a/>";
  EXPECT_OK(ParseMessage(many + "</xml>"));
  EXPECT_THAT(ParseMessage(many + "<a/></xml>"), Refused("MESSAGE_TOO_MANY_ELEMENTS"));
  EXPECT_THAT(ParseMessage("<xml><a>" + std::string(128 << 10, 'x') + "</a></xml>"),
              Refused("MESSAGE_TOO_LARGE"));
  std::string deep = "1";
  for (int i = 0; i < 20000; ++i) deep = "[" + deep + "]";
  EXPECT_THAT(ParseMessage("{\"a\":" + deep + "}"), Refused("MESSAGE_TOO_DEEP"));
}

TEST(MessageTest, MalformedBodiesAreRefused) {
  for (const char* body :
       {"", "   ", "<xml>", "<xml><a></xml>", "<a/><b/>", "hello", "[1]", "{", "\"x\""}) {
    EXPECT_THAT(ParseMessage(body), Refused("MESSAGE_MALFORMED")) << body;
  }
}

TEST(MessageTest, BrokenTextIsRepaired) {
  EXPECT_EQ(ParseMessage("<xml><Content><![CDATA[a\xff z]]></Content></xml>")->Text("Content"),
            "a\xef\xbf\xbd z");
  EXPECT_EQ(ParseMessage("{\"a\":\"x\x01y\",\"b\":\"\\ud800z\"}")->Text("a"), "x y");
  EXPECT_EQ(ParseMessage("{\"b\":\"\\ud800z\"}")->Text("b"), "\xef\xbf\xbdz");
  EXPECT_EQ(ParseMessage("{\"b\":\"\x02\\ud83d\\ude00\"}")->Text("b"), " \xf0\x9f\x98\x80");
}

TEST(MessageTest, EncryptIsFoundOrMissed) {
  EXPECT_THAT(ExtractEncrypt("<xml><AppId>a</AppId><Encrypt><![CDATA[e]]></Encrypt></xml>"),
              IsOkAndHolds(std::string("e")));
  EXPECT_THAT(ExtractEncrypt("<xml><AppId>a</AppId></xml>"), Refused("MESSAGE_NOT_ENCRYPTED"));
}

}  // namespace
}  // namespace datong::wechat
