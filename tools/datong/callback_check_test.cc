#include "tools/datong/callback_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/http/request.h"
#include "common/wechat/push_crypto.h"

namespace datong::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kToken[] = "callback-token";
constexpr char kKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr char kXml[] = "<xml><InfoType><![CDATA[component_verify_ticket]]></InfoType></xml>";

class CallbackCheckTest : public ::testing::Test {
 protected:
  CallbackCheckTest() {
    const wechat::PushCrypto crypto =
        *wechat::PushCrypto::Create(Secret(kToken), Secret(kKey), "wxcomponent");
    const wechat::SealedPush sealed = crypto.Encrypt(kXml, "1700000000", "n0nce");
    check_.token = Secret(kToken);
    check_.encoding_aes_key = Secret(kKey);
    check_.receive_id = "wxcomponent";
    check_.query = absl::StrCat(
        "timestamp=1700000000&nonce=n0nce&encrypt_type=aes&msg_signature=", sealed.msg_signature,
        "&signature=", wechat::PushSignature(Secret(kToken), "1700000000", "n0nce"));
    check_.body = wechat::PushXml("AppId", "wxcomponent", sealed.encrypt);
  }
  CallbackCheck check_;
};

TEST_F(CallbackCheckTest, ARightPushShowsItsPlaintext) {
  const CallbackVerdict verdict = CheckCallback(check_);
  EXPECT_TRUE(verdict.is_right) << verdict.text;
  EXPECT_THAT(verdict.text, AllOf(HasSubstr("signature    right"), HasSubstr("decryption   right"),
                                  HasSubstr("component_verify_ticket"), HasSubstr(kXml),
                                  HasSubstr("more than 600 s off")));
}

TEST_F(CallbackCheckTest, AWrongTokenIsFound) {
  check_.token = Secret("another");
  const CallbackVerdict verdict = CheckCallback(check_);
  EXPECT_FALSE(verdict.is_right);
  EXPECT_THAT(verdict.text, AllOf(HasSubstr("signature    WRONG"), HasSubstr("token")));
}

TEST_F(CallbackCheckTest, AWrongKeyIsFound) {
  check_.encoding_aes_key = Secret("Zbcdefghijklmnopqrstuvwxyz0123456789ABCDEFG");
  const CallbackVerdict verdict = CheckCallback(check_);
  EXPECT_FALSE(verdict.is_right);
  EXPECT_THAT(verdict.text, AllOf(HasSubstr("signature    right"), HasSubstr("WRONG"),
                                  HasSubstr("EncodingAESKey")));
}

TEST_F(CallbackCheckTest, AKeyOfTheWrongLengthIsFound) {
  check_.encoding_aes_key = Secret("short");
  EXPECT_THAT(CheckCallback(check_).text, HasSubstr("AES key      WRONG"));
}

TEST_F(CallbackCheckTest, AnotherReceiveIdIsFound) {
  check_.receive_id = "wxaccount";
  const CallbackVerdict verdict = CheckCallback(check_);
  EXPECT_FALSE(verdict.is_right);
  EXPECT_THAT(verdict.text, AllOf(HasSubstr("receive id   WRONG"), HasSubstr("wxcomponent")));
}

TEST_F(CallbackCheckTest, APlainPushAndAUrlVerificationAreUnderstood) {
  const std::string signature = wechat::PushSignature(Secret(kToken), "1700000000", "n");
  check_.encoding_aes_key = Secret();
  check_.query = absl::StrCat("timestamp=1700000000&nonce=n&signature=", signature);
  check_.body = kXml;
  EXPECT_TRUE(CheckCallback(check_).is_right);
  check_.body.clear();
  check_.query += "&echostr=12345";
  const CallbackVerdict verdict = CheckCallback(check_);
  EXPECT_TRUE(verdict.is_right) << verdict.text;
  EXPECT_THAT(verdict.text, HasSubstr("12345"));
}

TEST_F(CallbackCheckTest, AUrlThatTheShellCutIsExplained) {
  check_.query = "timestamp=1700000000";
  const CallbackVerdict verdict = CheckCallback(check_);
  EXPECT_FALSE(verdict.is_right);
  EXPECT_THAT(verdict.text, AllOf(HasSubstr("URL          WRONG"), HasSubstr("in quotes")));
}

TEST_F(CallbackCheckTest, ABodyWithDoctypeIsRefused) {
  check_.body = "<!DOCTYPE x [<!ENTITY a \"b\">]><xml><Encrypt>a</Encrypt></xml>";
  EXPECT_THAT(CheckCallback(check_).text, HasSubstr("body         WRONG"));
}

}  // namespace
}  // namespace datong::tools
