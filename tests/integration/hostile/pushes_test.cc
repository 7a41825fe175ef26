// What strangers may post to the callback paths, by the gateway's door, through broker and ingest.
#include <thread>
#include <vector>

#include "common/wechat/push_crypto.h"
#include "tests/integration/hostile/hostile_fixture.h"

namespace datong::hostile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kBadSignatures[] =
    R"(datong_ingest_rejected_total{reason="bad_signature",source="callback"})";
constexpr char kMalformed[] =
    R"(datong_ingest_rejected_total{reason="malformed",source="callback"})";

class HostilePushes : public HostileTest {
 protected:
  // In plain mode, with a right signature, which does not cover the body.
  static http::ClientResponse PushPlain(const std::string& body) {
    const std::string now = Seconds();
    return Send("POST",
                absl::StrCat(PathOf(kAccount),
                             "?signature=", wechat::PushSignature(Secret(kCallbackToken), now, "n"),
                             "&timestamp=", now, "&nonce=n"),
                body, {{"Content-Type", "text/xml"}});
  }
  static int64_t Stored(const std::string& openid) {
    return Count(absl::StrCat("SELECT count(*) FROM ingest.events WHERE openid = '", openid, "'"));
  }
  static bool BecomesStored(const std::string& openid) {
    return Eventually([&] { return Stored(openid) == 1; });
  }
  // Nothing of the inbox is left over: no bad push holds up good ones.
  static void ExpectInboxDrained() {
    const std::string openid = Fresh("drain");
    EXPECT_EQ(PushSealed(Message(openid, Event("CLICK", "k"))).body, "success");
    EXPECT_TRUE(BecomesStored(openid));
    EXPECT_TRUE(Eventually([] { return Ask("SELECT count(*) FROM broker.jobs") == "0"; }))
        << Ask("SELECT string_agg(kind || ' ' || key || ' ' || attempts || ' ' || "
               "coalesce(last_error, ''), E'\n') FROM broker.jobs");
  }
};

TEST_F(HostilePushes, AWrongSignatureIsRefusedAndSaysWhatToCompare) {
  const std::string openid = Fresh("forged");
  const double before = Metric(kBadSignatures);
  const http::ClientResponse forged =
      Push(Seal(Message(openid, Event("CLICK", "k")), kAccount, "another-token"));
  EXPECT_EQ(forged.status, 403);
  EXPECT_THAT(forged.body, AllOf(HasSubstr("SIGNATURE_INVALID"), HasSubstr("compare both")));
  EXPECT_THAT(forged.body, Not(HasSubstr("success")));

  // Right signature, one bit of the ciphertext changed; then no signature at all.
  SealedPush changed = Seal(Message(openid, Event("CLICK", "k")));
  char& letter = changed.body[changed.body.size() / 2];
  letter = letter == 'A' ? 'B' : 'A';
  EXPECT_EQ(Push(changed).status, 403);
  EXPECT_EQ(Send("POST", PathOf(kAccount), changed.body).status, 403);
  EXPECT_EQ(Metric(kBadSignatures), before + 3);
  ExpectInboxDrained();
  EXPECT_EQ(Stored(openid), 0);
}

TEST_F(HostilePushes, AReplayedPushIsStoredOnce) {
  const std::string openid = Fresh("replayed");
  const std::string message = Message(openid,
                                      "<MsgType>text</MsgType><Content>hi</Content>"
                                      "<MsgId>7000001</MsgId>");
  const SealedPush push = Seal(message);
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&] {
      EXPECT_EQ(Push(push).body, "success");
      EXPECT_EQ(PushSealed(message).body, "success");  // WeChat's retry: sealed anew
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_TRUE(BecomesStored(openid));
  EXPECT_EQ(Push(push).body, "success");
  ExpectInboxDrained();
  EXPECT_EQ(Stored(openid), 1);

  // Kept for later, it is no push any more.
  stack().Advance(absl::Minutes(11));
  const http::ClientResponse late = Push(push);
  EXPECT_EQ(late.status, 403);
  EXPECT_THAT(late.body, AllOf(HasSubstr("PUSH_STALE"), HasSubstr("clock")));
}

TEST_F(HostilePushes, ADoctypeIsRefusedButAsTextItIsText) {
  const double before = Metric(kMalformed);
  const std::string laughs =
      "<!DOCTYPE xml [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">"
      "<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
  const std::string openid = Fresh("doctype");
  const std::string message = Message(openid, Event("CLICK", "&b;&x;"));
  SealedPush outside = Seal(message);
  outside.body = laughs + outside.body;
  for (const http::ClientResponse& refused :
       {Push(outside), PushSealed(laughs + message), PushPlain(laughs + message)}) {
    EXPECT_EQ(refused.status, 400);
    EXPECT_THAT(refused.body,
                AllOf(HasSubstr("PUSH_MALFORMED"), HasSubstr("MESSAGE_DOCTYPE_REFUSED")));
  }
  EXPECT_EQ(Metric(kMalformed), before + 3);

  const std::string writer = Fresh("writer");
  EXPECT_EQ(PushSealed(Message(writer,
                               "<MsgType>text</MsgType><MsgId>7000002</MsgId><Content>"
                               "<![CDATA[<!DOCTYPE html><!ENTITY a \"b\">]]></Content>"))
                .body,
            "success");
  EXPECT_TRUE(BecomesStored(writer));
  EXPECT_EQ(Stored(openid), 0);
}

TEST_F(HostilePushes, LargeDeepAndBrokenBodiesAreRefused) {
  std::string deep = "<xml>", wide = "<xml>", json = R"({"MsgType":)";
  for (int i = 0; i < 17; ++i) deep += "<a>";
  for (int i = 0; i < 17; ++i) deep += "</a>";
  for (int i = 0; i < 1100; ++i) wide += "<a/>";
  for (int i = 0; i < 60'000; ++i) json += "[";
  std::string abyss = "<xml>";
  for (int i = 0; i < 25'000; ++i) abyss += "<a>";
  for (const std::string& body :
       {deep + "</xml>", wide + "</xml>", json, abyss, std::string("<xml><a>"),
        std::string("hello"), std::string(), std::string("\xff\xfe\x00\x01", 4)}) {
    for (const http::ClientResponse& refused : {PushPlain(body), PushSealed(body)}) {
      EXPECT_EQ(refused.status, 400) << body.substr(0, 20);
      EXPECT_THAT(refused.body,
                  AllOf(HasSubstr("PUSH_MALFORMED"), HasSubstr("Compare URL, appid and mode")));
    }
  }
  EXPECT_EQ(PushPlain(std::string((128 << 10) + 1, 'x')).status, 413);
  ExpectInboxDrained();
}

TEST_F(HostilePushes, UnknownAppsProjectsAndPathsAreNotFound) {
  const SealedPush push = Seal(Message(Fresh("lost"), Event("CLICK", "k")));
  for (const std::string path :
       {"/wechat/demo/app/wxnobody", "/wechat/nobody/app/wxhostileaccount",
        "/wechat/demo/component/wxhostileaccount/events", "/wechat/demo/app/..%2f..%2fetc",
        "/wechat/demo/app/%00", "/wechat/demo/elsewhere"}) {
    const http::ClientResponse refused =
        Send("POST", path + push.target.substr(push.target.find('?')), push.body);
    EXPECT_EQ(refused.status, 404) << path;
    EXPECT_THAT(refused.body, AllOf(HasSubstr("CALLBACK_UNKNOWN"), HasSubstr("compare the URL")));
  }
  // An app without a callback token takes nothing; never "success".
  EXPECT_THAT(Push(Seal(Message("o", Event("CLICK", "k")), kMini)).body,
              AllOf(HasSubstr("CALLBACK_NOT_CONFIGURED"), Not(HasSubstr("success"))));
}

TEST_F(HostilePushes, WhatIsNoTextIsRepairedAndKept) {
  const std::string openid = Fresh("latin");
  EXPECT_EQ(PushSealed(Message(openid, Event("SCAN", "caf\xe9 \xed\xa0\x80"))).body, "success");
  EXPECT_TRUE(BecomesStored(openid));
  const std::string key = Ask(absl::StrCat(
      "SELECT event #>> '{attributes,EventKey}' FROM ingest.events_json WHERE openid = '", openid,
      "'"));
  EXPECT_THAT(key, AllOf(HasSubstr("caf\xef\xbf\xbd"), Not(HasSubstr("\xe9"))));
}

TEST_F(HostilePushes, KindsOfPushThatNobodyKnowsAreKeptByTheirName) {
  const std::string event = Fresh("hologram"), type = Fresh("smell");
  EXPECT_EQ(PushSealed(Message(event, Event("hologram_opened", "k"))).body, "success");
  EXPECT_EQ(PushSealed(Message(type, "<MsgType>smell</MsgType><MsgId>7000003</MsgId>")).body,
            "success");
  EXPECT_TRUE(BecomesStored(event));
  EXPECT_TRUE(BecomesStored(type));
  EXPECT_EQ(Ask(absl::StrCat("SELECT event_type || event_name FROM ingest.events WHERE openid = '",
                             event, "'")),
            "100hologram_opened");
  // A probe that is no push of anything is answered, so that WeChat rests.
  EXPECT_EQ(PushSealed(R"({"action":"CheckContainerPath"})").body, "success");
}

// Signed by WeChat's key and yet senseless: acknowledged, so kept, where it can be seen and
// replayed.
TEST_F(HostilePushes, SignedNonsenseEndsInQuarantineAndHoldsNothingUp) {
  const size_t schema = Quarantine("schema").size();
  const size_t times = Quarantine("time_out_of_range").size();
  const size_t large = Quarantine("too_large_event").size();
  const size_t nobodys = Quarantine("no_identity").size();
  const std::string missing = Fresh("timeless"), future = Fresh("future");
  for (const std::string& message :
       {Message(std::string(300, 'o'), Event("CLICK", "k")),
        Message(Fresh("long-name"), Event(std::string(300, 'n'), "k")),
        Message(Fresh("nul"), R"(<MsgType>event</MsgType><Event>SCAN</Event>)"
                              R"(<EventKey>a&#0;b</EventKey>)"),
        Message(Fresh("blank id") + " \n:", Event("CLICK", "k")),
        Message(Fresh("year"), Event("CLICK", "k"), "99999999999999999"),
        Message(Fresh("past"), Event("CLICK", "k"), "-5"),
        Message(Fresh("large"), Event("CLICK", std::string(70'000, 'k'))),
        Message(missing, Event("CLICK", "k"), "yesterday"),
        Message(future, Event("CLICK", "k"),
                absl::StrCat(absl::ToUnixSeconds(stack().Now()) + 86'400)),
        Message("", Event("CLICK", "k"))}) {
    EXPECT_EQ(PushSealed(message).body, "success");
  }
  ExpectInboxDrained();
  EXPECT_GE(Quarantine("schema").size(), schema + 2);
  EXPECT_EQ(Quarantine("time_out_of_range").size(), times + 2);
  EXPECT_EQ(Quarantine("too_large_event").size(), large + 1);
  EXPECT_EQ(Quarantine("no_identity").size(), nobodys + 1);
  for (const Json& event : Quarantine("")) {
    EXPECT_GT(event.value("detail", "").size(), 15u) << event;
  }
  // Without a time it happened when it came; WeChat's clock is believed.
  EXPECT_TRUE(BecomesStored(missing));
  EXPECT_EQ(Ask(absl::StrCat("SELECT event_time > received_at + interval '23 hours' "
                             "FROM ingest.events WHERE openid = '",
                             future, "'")),
            "t");
  ExpectHealthy();
}

TEST_F(HostilePushes, AForgedVerificationOfTheUrlIsNotEchoed) {
  const std::string query = absl::StrCat("?timestamp=", Seconds(), "&nonce=n&echostr=%3Cscript%3E");
  const http::ClientResponse forged =
      Send("GET", absl::StrCat(PathOf(kAccount), query, "&signature=00"));
  EXPECT_EQ(forged.status, 403);
  EXPECT_THAT(forged.body, Not(HasSubstr("script")));
  // Signed, the echo is text to every browser.
  const http::ClientResponse signed_echo =
      Send("GET", absl::StrCat(PathOf(kAccount), query, "&signature=",
                               wechat::PushSignature(Secret(kCallbackToken), Seconds(), "n")));
  EXPECT_EQ(signed_echo.body, "<script>");
  EXPECT_THAT(std::string(signed_echo.headers.Get("content-type")), HasSubstr("text/plain"));
  EXPECT_EQ(signed_echo.headers.Get("x-content-type-options"), "nosniff");
}

}  // namespace
}  // namespace datong::hostile
