#include "tools/wechat_sim/pusher.h"

#include <atomic>

#include "tools/wechat_sim/testing/simulator_fixture.h"

namespace datong::wechat_sim {
namespace {

class PusherTest : public SimulatorFixture {
 protected:
  void SetCallback(const json& callback) {
    Admin("/admin/apps", {{"appid", "wxo"}, {"callback", callback}});
  }
  json Report() {
    EXPECT_TRUE(sim_.WaitForPushes(absl::Seconds(10)));
    return Admin("/admin/pushes", json::object(), "GET");
  }
};

TEST_F(PusherTest, ThreeAttemptsThenItGivesUp) {
  receiver_.AnswerWith([](const http::ServerRequest&) {
    http::ServerResponse response;
    response.body = "<html>hello</html>";
    return response;
  });
  sim_.Follow("wxo", "o1");
  const json report = Report();
  EXPECT_EQ(report["failed"], 1);
  EXPECT_EQ(report["attempts"], 3);
  const auto requests = receiver_.requests("/own");
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_NE(requests[0].query, requests[1].query) << "signed anew";
}

TEST_F(PusherTest, ALaterAttemptSucceeds) {
  auto count = std::make_shared<std::atomic<int>>(0);
  receiver_.AnswerWith([count](const http::ServerRequest&) {
    http::ServerResponse response;
    response.status = ++*count < 3 ? 500 : 200;
    return response;
  });
  sim_.Follow("wxo", "o1");
  EXPECT_EQ(Report()["delivered"], 1);
}

TEST_F(PusherTest, EveryModeAndFormatIsRead) {
  int expected = 0;
  for (const char* mode : {"plain", "compatible", "secure"}) {
    for (const char* format : {"xml", "json"}) {
      SetCallback({{"mode", mode}, {"format", format}});
      sim_.Push("wxo", "o1", {{"MsgType", "text"}, {"Content", "<你好>]]>&"}});
      const auto pushes = Pushes("/own", "wxo", "otok");
      ASSERT_EQ(pushes.size(), static_cast<size_t>(++expected));
      EXPECT_EQ(pushes.back().Text("Content"), "<你好>]]>&") << mode << format;
      EXPECT_TRUE(pushes.back().Number("MsgId").has_value());
      const auto body = wechat::ParseMessage(receiver_.requests("/own").back().body);
      EXPECT_EQ(body->Has("Encrypt"), std::string(mode) != "plain");
      EXPECT_EQ(body->Has("Content"), std::string(mode) != "secure");
    }
  }
}

TEST_F(PusherTest, AnEncryptedReplyCountsAsAcknowledged) {
  SetCallback({{"mode", "secure"}});
  receiver_.AnswerWith([](const http::ServerRequest&) {
    const auto crypto = wechat::PushCrypto::Create(
        Secret("otok"), Secret(std::string("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")), "wxo");
    http::ServerResponse response;
    response.body = wechat::ReplyXml(crypto->Encrypt("<xml/>", "1700000000", "n"));
    return response;
  });
  sim_.Follow("wxo", "o1");
  EXPECT_EQ(Report()["delivered"], 1);
}

TEST_F(PusherTest, DuplicatesAndRawBodiesAreSent) {
  Admin("/admin/push", {{"appid", "wxo"},
                        {"openid", "o1"},
                        {"copies", 2},
                        {"fields", {{"MsgType", "event"}, {"Event", "CLICK"}, {"EventKey", "k"}}}});
  EXPECT_EQ(Pushes("/own", "wxo", "otok").size(), 2u);
  Admin("/admin/push", {{"appid", "wxo"}, {"openid", "o1"}, {"xml", "<xml><A>1</A></xml>"}});
  EXPECT_EQ(Pushes("/own", "wxo", "otok").back().Text("A"), "1");
}

TEST_F(PusherTest, TheCallbackUrlIsVerified) {
  receiver_.AnswerWith([](const http::ServerRequest& request) {
    http::ServerResponse response;
    response.body = http::QueryValue(request.query, "echostr");
    return response;
  });
  EXPECT_EQ(Admin("/admin/verify_callback", {{"appid", "wxo"}})["ok"], true);
  receiver_.Answer("/own", http::ServerResponse());
  EXPECT_EQ(Admin("/admin/verify_callback", {{"appid", "wxo"}})["ok"], false);
}

TEST_F(PusherTest, JitterLosesTheOrderButNoPush) {
  Admin("/admin/settings", {{"push_jitter_ms", 20}});
  for (int i = 0; i < 20; ++i) sim_.Follow("wxo", absl::StrCat("o", i));
  EXPECT_EQ(Report()["delivered"], 20);
}

TEST_F(PusherTest, AThousandPushesAreQuick) {
  json events = json::array();
  for (int i = 0; i < 1000; ++i) events.push_back({{"openid", absl::StrCat("o", i)}});
  Admin("/admin/follow", {{"appid", "wxo"}, {"events", events}});
  EXPECT_EQ(Report()["delivered"], 1000);
}

}  // namespace
}  // namespace datong::wechat_sim
