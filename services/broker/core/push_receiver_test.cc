#include "services/broker/core/push_receiver.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/broker/core/release_check.h"
#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

class PushReceiverTest : public CoreFixture {
 protected:
  std::string Now() const { return absl::StrCat(absl::ToUnixSeconds(clock_.Now())); }

  RawPush Encrypted(const std::string& path, const std::string& receive_id,
                    const std::string& message, bool json = false) const {
    const wechat::PushCrypto crypto =
        *wechat::PushCrypto::Create(Secret(kCallbackToken), Secret(kAesKey), receive_id);
    const wechat::SealedPush sealed = crypto.Encrypt(message, Now(), "nonce");
    return {path,
            absl::StrCat("signature=x&timestamp=", Now(),
                         "&nonce=nonce&encrypt_type=aes&msg_signature=", sealed.msg_signature),
            "POST",
            json ? wechat::PushJson("gh_1", sealed.encrypt)
                 : wechat::PushXml("AppId", receive_id, sealed.encrypt)};
  }
  RawPush Plain(const std::string& message) const {
    return {
        "/wechat/demo/app/wx-own",
        absl::StrCat("signature=", wechat::PushSignature(Secret(kCallbackToken), Now(), "nonce"),
                     "&timestamp=", Now(), "&nonce=nonce&openid=o1"),
        "POST", message};
  }
  RawPush TicketPush(const std::string& ticket, int64_t create_time) const {
    return Encrypted("/wechat/demo/component/wx-comp/events", "wx-comp",
                     absl::StrCat("<xml><AppId>wx-comp</AppId><CreateTime>", create_time,
                                  "</CreateTime><InfoType>component_verify_ticket</InfoType>"
                                  "<ComponentVerifyTicket>",
                                  ticket, "</ComponentVerifyTicket></xml>"));
  }
  absl::StatusOr<std::string> Receive(const RawPush& push) {
    return receiver_.Receive(push, soon());
  }

  int wakes_ = 0;
  PushReceiver receiver_{store_, store_, store_, tokens_, metrics_, clock_, [this] { ++wakes_; }};
  const std::string subscribe_ =
      "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>"
      "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[event]]></MsgType>"
      "<Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[]]></EventKey></xml>";
};

TEST_F(PushReceiverTest, ATicketIsStoredBeforeSuccess) {
  EXPECT_THAT(Receive(TicketPush("ticket@@@1", 1'700'000'000)), IsOkAndHolds("success"));
  EXPECT_EQ((*store_.GetTicket("wx-comp", soon()))->value.Expose(), "ticket@@@1");
}

TEST_F(PushReceiverTest, WhatTwoUsersTakeBackInOneSecondAreTwoPushes) {
  const auto revoke = [&](const std::string& openid, const std::string& info) {
    return Receive(Plain(absl::StrCat(
        R"({"FromUserName":"service","CreateTime":1700000000,"MsgType":"event","OpenID":")", openid,
        R"(","Event":"user_authorization_revoke","RevokeInfo":")", info, R"("})")));
  };
  ASSERT_OK(revoke("o1", "6"));
  ASSERT_OK(revoke("o1", "6"));  // the same once more
  ASSERT_OK(revoke("o1", "8"));
  ASSERT_OK(revoke("o2", "6"));
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 3u);
}

TEST_F(PushReceiverTest, WechatsCheckBeforeAReleaseIsAnsweredAtOnce) {
  const std::string path = "/wechat/demo/component/wx-comp/wx570bc396a51b8ff8/messages";
  const auto answer = [&](const std::string& fields) {
    return Receive(Encrypted(
        path, "wx-comp",
        absl::StrCat("<xml><ToUserName>gh_3c884a361561</ToUserName><FromUserName>o1</FromUserName>"
                     "<CreateTime>1700000000</CreateTime>",
                     fields, "</xml>")));
  };
  // The text of an encrypted reply.
  const auto reply_to = [&](const std::string& fields) {
    const absl::StatusOr<std::string> body = answer(fields);
    EXPECT_OK(body);
    const wechat::PushCrypto crypto =
        *wechat::PushCrypto::Create(Secret(kCallbackToken), Secret(kAesKey), "wx-comp");
    const absl::StatusOr<std::string> xml =
        crypto.DecryptUnchecked(*wechat::ExtractEncrypt(body.value_or("")));
    EXPECT_OK(xml);
    const absl::StatusOr<wechat::Message> message = wechat::ParseMessage(xml.value_or(""));
    EXPECT_OK(message);
    EXPECT_EQ(message->Text("ToUserName"), "o1");
    EXPECT_EQ(message->Text("FromUserName"), "gh_3c884a361561");
    return std::string(message->Text("Content"));
  };
  EXPECT_EQ(reply_to("<MsgType>text</MsgType><Content>TESTCOMPONENT_MSG_TYPE_TEXT</Content>"),
            "TESTCOMPONENT_MSG_TYPE_TEXT_callback");
  EXPECT_EQ(reply_to("<MsgType>event</MsgType><Event>LOCATION</Event>"), "LOCATIONfrom_callback");
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 0u) << "nobody's";
  EXPECT_THAT(answer("<MsgType>text</MsgType><Content>QUERY_AUTH_CODE:code-7</Content>"),
              IsOkAndHolds(""));
  EXPECT_EQ(wakes_, 1);
  GiveTicket();
  const std::vector<Job> jobs = *store_.Claim(JobKind::kReleaseCheck, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  ReleaseCheck check(tokens_, platform_);
  ASSERT_OK(check.Run(jobs[0], soon()));
  EXPECT_EQ(platform_.calls("QueryAuthorization"), 1);
  EXPECT_EQ(platform_.api_calls.at(0).path, "/cgi-bin/message/custom/send");
  EXPECT_TRUE(absl::StrContains(platform_.api_calls.at(0).json, "code-7_from_api"));
  EXPECT_FALSE(store_.GetApp("wx-account", soon()).ok()) << "nothing is kept of the account";
  // Somebody else's unknown account is refused as ever.
  EXPECT_THAT(Receive(Encrypted("/wechat/demo/component/wx-comp/wx-unknown/messages", "wx-comp",
                                subscribe_)),
              IsError(absl::StatusCode::kNotFound, "CALLBACK_UNKNOWN"));
}

TEST_F(PushReceiverTest, TheNewestTicketStaysWhateverComesLast) {
  ASSERT_OK(Receive(TicketPush("newer", 1'700'000'000)));
  ASSERT_OK(Receive(TicketPush("older", 1'699'999'000)));
  EXPECT_EQ((*store_.GetTicket("wx-comp", soon()))->value.Expose(), "newer");
}

TEST_F(PushReceiverTest, NoDatabaseNoSuccess) {
  const RawPush push = TicketPush("ticket@@@1", 1'700'000'000);
  store_.SetReachable(false);
  EXPECT_THAT(Receive(push), IsError(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  store_.SetReachable(true);
  EXPECT_OK(Receive(push));  // WeChat's next try
}

TEST_F(PushReceiverTest, SecurePlainAndJsonPushesAreStored) {
  EXPECT_THAT(Receive(Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_)),
              IsOkAndHolds("success"));
  EXPECT_THAT(Receive(Plain("<xml><FromUserName>o2</FromUserName><CreateTime>1</CreateTime>"
                            "<MsgType>text</MsgType><MsgId>7</MsgId></xml>")),
              IsOkAndHolds("success"));
  EXPECT_THAT(Receive(Encrypted("/wechat/demo/app/wx-mini", "wx-mini",
                                R"({"FromUserName":"o3","CreateTime":1,"MsgType":"event",)"
                                R"("Event":"user_enter_tempsession"})",
                                /*json=*/true)),
              IsOkAndHolds("success"));
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 3u);
  EXPECT_EQ(wakes_, 3);
}

TEST_F(PushReceiverTest, CompatibleModeTrustsTheEncryptedPart) {
  RawPush push = Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_);
  push.body.insert(push.body.find("<Encrypt>"), "<FromUserName>forged</FromUserName>");
  ASSERT_OK(Receive(push));
  const std::vector<Job> jobs = *store_.Claim(JobKind::kPush, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].payload, subscribe_);
}

TEST_F(PushReceiverTest, ARepeatedPushIsAnsweredAndChangesNothing) {
  const RawPush push = Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_);
  ASSERT_OK(Receive(push));
  clock_.Advance(absl::Seconds(5));
  // WeChat's retry has a new timestamp and signature.
  EXPECT_THAT(Receive(Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_)),
              IsOkAndHolds("success"));
  EXPECT_EQ(store_.pending_jobs(JobKind::kPush), 1u);
}

TEST_F(PushReceiverTest, AWrongSignatureIsRefused) {
  RawPush push = Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_);
  push.query.back() = push.query.back() == '0' ? '1' : '0';
  EXPECT_THAT(Receive(push), IsError(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID"));
  RawPush plain = Plain(subscribe_);
  plain.query.replace(plain.query.find("nonce=nonce"), 11, "nonce=other");
  EXPECT_THAT(Receive(plain), IsError(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID"));
}

TEST_F(PushReceiverTest, AComponentTakesNoPlainPush) {
  RawPush push = Plain(subscribe_);
  push.path = "/wechat/demo/component/wx-comp/events";
  EXPECT_THAT(Receive(push), IsError(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID"));
}

TEST_F(PushReceiverTest, AStaleTimestampIsRefused) {
  const RawPush push = Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_);
  clock_.Advance(absl::Seconds(601));
  EXPECT_THAT(Receive(push), IsError(absl::StatusCode::kPermissionDenied, "PUSH_STALE"));
}

TEST_F(PushReceiverTest, ADoctypeIsRefusedOutsideAndInsideTheEncryptedPart) {
  RawPush push = Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_);
  push.body = "<!DOCTYPE xml [<!ENTITY a \"b\">]>" + push.body;
  EXPECT_THAT(Receive(push), IsError(absl::StatusCode::kInvalidArgument, "PUSH_MALFORMED"));
  EXPECT_THAT(
      Receive(Encrypted("/wechat/demo/app/wx-own", "wx-own", "<!DOCTYPE xml>" + subscribe_)),
      IsError(absl::StatusCode::kInvalidArgument, "PUSH_MALFORMED"));
}

TEST_F(PushReceiverTest, OversizedDeepAndBrokenBodiesAreRefused) {
  EXPECT_THAT(Receive(Plain(std::string((128 << 10) + 1, 'x'))),
              IsError(absl::StatusCode::kResourceExhausted, "PUSH_TOO_LARGE"));
  std::string deep = "<xml>";
  for (int i = 0; i < 40; ++i) deep += "<a>";
  EXPECT_THAT(Receive(Plain(deep)), IsError(absl::StatusCode::kInvalidArgument, "PUSH_MALFORMED"));
  EXPECT_THAT(Receive(Plain("<xml><a>")),
              IsError(absl::StatusCode::kInvalidArgument, "PUSH_MALFORMED"));
}

TEST_F(PushReceiverTest, AnUnknownAppProjectOrPathIsNotFound) {
  for (const char* path :
       {"/wechat/demo/app/wx-none", "/wechat/other/app/wx-own", "/wechat/demo/app/wx-comp",
        "/wechat/demo/component/wx-own/events", "/wechat/demo/component/wx-comp/wx-none/messages",
        "/wechat/demo/component/wx-comp/wx-own/messages", "/wechat/demo", "/"}) {
    EXPECT_THAT(Receive(Encrypted(path, "wx-own", subscribe_)),
                IsError(absl::StatusCode::kNotFound, "CALLBACK_UNKNOWN"))
        << path;
  }
}

TEST_F(PushReceiverTest, MessagesOfAnAuthorizerBelongToIt) {
  Connect();
  ASSERT_OK(Receive(
      Encrypted("/wechat/demo/component/wx-comp/wx-account/messages", "wx-comp", subscribe_)));
  EXPECT_EQ((*store_.Claim(JobKind::kPush, 10, absl::Minutes(1), soon()))[0].appid, "wx-account");
}

TEST_F(PushReceiverTest, ThePreviousKeyIsTakenAfterAChange) {
  const RawPush push = Encrypted("/wechat/demo/app/wx-own", "wx-own", subscribe_);
  Credentials other;
  other.callback = {Secret("new-token"), Secret(std::string(43, 'B'))};
  ASSERT_OK(store_.UpdateApp("wx-own", {.credentials = other}, soon()));
  EXPECT_OK(Receive(push));
}

TEST_F(PushReceiverTest, AUrlIsVerifiedInPlainAndInSecureMode) {
  const std::string signature = wechat::PushSignature(Secret(kCallbackToken), Now(), "nonce");
  RawPush get{
      "/wechat/demo/app/wx-own",
      absl::StrCat("signature=", signature, "&timestamp=", Now(), "&nonce=nonce&echostr=5941"),
      "GET", ""};
  EXPECT_THAT(Receive(get), IsOkAndHolds("5941"));
  get.query.replace(0, 12, "signature=00");
  EXPECT_THAT(Receive(get), IsError(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID"));

  const wechat::PushCrypto crypto =
      *wechat::PushCrypto::Create(Secret(kCallbackToken), Secret(kAesKey), "wx-own");
  const wechat::SealedPush echo = crypto.Encrypt("hello", Now(), "nonce");
  get.query = absl::StrCat(
      "msg_signature=", echo.msg_signature, "&timestamp=", Now(), "&nonce=nonce&echostr=",
      absl::StrReplaceAll(echo.encrypt, {{"+", "%2B"}, {"/", "%2F"}, {"=", "%3D"}}));
  EXPECT_THAT(Receive(get), IsOkAndHolds("hello"));
}

}  // namespace
}  // namespace datong::broker
