// What strangers may post to the collector, and what the rest of the suite makes of it. Each
// dialect's own answers are proven in services/ingest; here is what the whole suite does with them.
#include <thread>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/http/content_encoding.h"
#include "tests/integration/hostile/hostile_fixture.h"

namespace datong::hostile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HostileCollector : public HostileTest {
 protected:
  static int64_t NowMs() { return absl::ToUnixMillis(stack().Now()); }
  static Json Page(const std::string& device) {
    return {{"eventType", "PAGE"},
            {"dataSourceId", "d0"},
            {"deviceId", device},
            {"path", "/p"},
            {"timestamp", NowMs()}};
  }
  static http::ClientResponse CollectAll(const Json& events) { return Collect(events.dump()); }
  static http::ClientResponse Track(const Json& call) {
    return Send("POST", "/v1/track", call.dump(-1, ' ', false, Json::error_handler_t::replace),
                {{"Content-Type", "application/json"}});
  }
  static Json Order(const std::string& user, const std::string& message_id) {
    return {
        {"writeKey", kWriteKey},
        {"event", "order"},
        {"userId", user},
        {"messageId", message_id},
        {"timestamp", absl::FormatTime(absl::RFC3339_full, stack().Now(), absl::UTCTimeZone())}};
  }
  static int64_t Stored(const std::string& device) {
    return Count(
        absl::StrCat("SELECT count(*) FROM ingest.events WHERE device_id = '", device, "'"));
  }
  static std::string Of(const std::string& device, const std::string& expression) {
    return Ask(absl::StrCat("SELECT ", expression, " FROM ingest.events WHERE device_id = '",
                            device, "'"));
  }
  // Names of the flags of a device's one event.
  static std::string Flags(const std::string& device) {
    return Ask(absl::StrCat(
        "SELECT string_agg(f.flag, ' ' ORDER BY f.bit) FROM ingest.events AS e, "
        "ingest.event_flags AS f WHERE e.flags & (1::bigint << f.bit) <> 0 AND e.device_id = '",
        device, "'"));
  }
};

TEST_F(HostileCollector, UnknownKeysAreRefusedWithASentence) {
  const std::string body = Json::array({Page("d")}).dump();
  const http::ClientResponse project = Send("POST", "/v3/projects/nobody/collect", body);
  EXPECT_EQ(project.status, 403);
  const http::ClientResponse key = Track({{"writeKey", "nobody"}, {"event", "e"}, {"userId", "u"}});
  EXPECT_EQ(key.status, 401);
  const http::ClientResponse none = Track({{"event", "e"}, {"userId", "u"}});
  EXPECT_EQ(none.status, 401);
  for (const http::ClientResponse& refused : {project, key, none}) {
    const Json error = Json::parse(refused.body, nullptr, false);
    ASSERT_TRUE(error.is_object()) << refused.body;
    EXPECT_GT(error.at("error").value("message", "").size(), 20u) << refused.body;
  }
  // An image is always an image: a page must not break.
  EXPECT_EQ(Send("GET", "/v3/projects/nobody/collect?data=[]").status, 200);
}

TEST_F(HostileCollector, ABodyThatCannotBeTakenApartIsKeptWithWhatIsWrongWithIt) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "[";
  std::string nested = "1";
  for (int i = 0; i < 40; ++i) nested = absl::StrCat("{\"a\":", nested, "}");
  std::string many = "[";
  for (int i = 0; i < 5001; ++i) absl::StrAppend(&many, i == 0 ? "" : ",", "{}");
  struct Bad {
    std::string body;
    std::string reason;
  };
  for (const Bad& bad :
       {Bad{deep, "malformed_json"}, Bad{"[{\"eventType\":", "malformed_json"},
        Bad{"null", "malformed_json"}, Bad{"\"x\"", "malformed_json"},
        Bad{absl::StrCat(R"([{"eventType":"PAGE","deviceId":"d","dataSourceId":"d0","x":)", nested,
                         "}]"),
            "too_deep"},
        Bad{many + "]", "too_many_events"},
        Bad{absl::StrCat(R"([{"eventType":"PAGE","deviceId":"d","dataSourceId":"d0","x":")",
                         std::string(70'000, 'x'), "\"}]"),
            "too_large_event"},
        Bad{R"([{"eventType":"PAGE","deviceId":"d","dataSourceId":"nobody"}])", "unknown_source"},
        Bad{R"([null])", "schema"}, Bad{R"([[]])", "schema"}}) {
    const size_t before = Quarantine(bad.reason).size();
    EXPECT_EQ(Collect(bad.body).status, 204) << bad.reason;
    const Json kept = Quarantine(bad.reason);
    ASSERT_EQ(kept.size(), before + 1) << bad.reason << bad.body.substr(0, 80);
    const std::string detail = kept[0].value("detail", "");
    EXPECT_GT(detail.size(), 15u) << bad.reason;
    EXPECT_EQ(detail.back(), '.') << detail;
    EXPECT_EQ(kept[0].value("rawBytes", "0").empty(), false);
  }
  ExpectHealthy();
}

TEST_F(HostileCollector, OversizedBodiesAndBombsAreRefused) {
  const http::ClientResponse wire = Collect(std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(wire.status, 413);
  EXPECT_THAT(wire.body, HasSubstr("larger than 1 MiB"));
  EXPECT_EQ(Collect(std::string(9 << 20, ' ')).status, 413);
  EXPECT_EQ(
      Collect(http::GzipEncode(std::string(64 << 20, ' ')), {{"Content-Encoding", "gzip"}}).status,
      413);
  EXPECT_EQ(Send("GET", absl::StrCat(kCollect, "?data=", std::string(64 << 10, 'x'))).status, 431);
  ExpectHealthy();
}

TEST_F(HostileCollector, WhatIsNoTextIsRepairedFlaggedAndReadable) {
  const std::string device = Fresh("latin");
  Json page = Page(device);
  page["title"] = "TITLE";
  EXPECT_EQ(Collect(absl::StrReplaceAll(Json::array({page}).dump(),
                                        {{"TITLE", "caf\xe9 \\u0000 \\ud83d"}}))
                .status,
            204);
  EXPECT_EQ(Stored(device), 1);
  EXPECT_THAT(Flags(device), HasSubstr("sanitised"));
  EXPECT_THAT(Of(device, "title"), HasSubstr("caf\xef\xbf\xbd"));
  // A person's timeline shows it, as JSON that is valid text.
  Answer timeline;
  EXPECT_TRUE(Eventually([&] {
    timeline =
        Call("insight.v1.InsightService/GetTimeline",
             {{"project", kProject}, {"identifier", absl::StrCat("device:", kMini, ":", device)}});
    return timeline.ok() && timeline.body.contains("entries");
  })) << timeline.body;
}

TEST_F(HostileCollector, AnEventFromTheFutureIsFiledWhenItCame) {
  const std::string device = Fresh("future"), ancient = Fresh("ancient");
  Json page = Page(device);
  page["timestamp"] = NowMs() + 86'400'000;
  EXPECT_EQ(CollectAll(Json::array({page})).status, 204);
  EXPECT_THAT(Flags(device), HasSubstr("future_clamped"));
  EXPECT_EQ(Of(device, "event_time = received_at"), "t");

  const size_t before = Quarantine("time_out_of_range").size();
  page = Page(ancient);
  page["timestamp"] = NowMs() - int64_t{800} * 86'400'000;
  EXPECT_EQ(CollectAll(Json::array({page})).status, 204);
  EXPECT_EQ(Stored(ancient), 0);
  EXPECT_EQ(Quarantine("time_out_of_range").size(), before + 1);
}

TEST_F(HostileCollector, NumbersAsTextAndNullsAreTaken) {
  const std::string device = Fresh("text");
  Json page = Page(device);
  page["timestamp"] = std::to_string(NowMs() - 5000);
  page["eventSequenceId"] = "17";
  page["attributes"] = nullptr;
  page["title"] = nullptr;
  page["userId"] = nullptr;
  EXPECT_EQ(CollectAll(Json::array({page})).status, 204);
  EXPECT_EQ(Of(device, "seq"), "17");
  EXPECT_EQ(Of(device, "user_id IS NULL"), "t");
  EXPECT_EQ(Of(device, "received_at - event_time > interval '4 s'"), "t");
  EXPECT_EQ(Flags(device), "");

  // A list of events that is null is no event.
  const http::ClientResponse batch =
      Send("POST", "/v1/batch", absl::StrCat(R"({"writeKey":")", kWriteKey, R"(","batch":null})"),
           {{"Content-Type", "application/json"}});
  EXPECT_THAT(batch.status, ::testing::AnyOf(200, 400)) << batch.body;
  ExpectHealthy();
}

TEST_F(HostileCollector, AnUnknownKindOfEventIsKeptAndFlagged) {
  const std::string device = Fresh("kind");
  Json page = Page(device);
  page["eventType"] = "HOLOGRAM";
  EXPECT_EQ(CollectAll(Json::array({page})).status, 204);
  EXPECT_EQ(Stored(device), 1);
  EXPECT_THAT(Flags(device), HasSubstr("unknown_type"));
  // It is traffic, and no page view.
  const std::string today =
      absl::FormatTime("%Y-%m-%d", stack().Now(), absl::FixedTimeZone(8 * 60 * 60));
  const Answer traffic = Call("insight.v1.InsightService/QueryTraffic",
                              {{"project", kProject}, {"beginDay", today}, {"endDay", today}});
  EXPECT_TRUE(traffic.ok()) << traffic.body;
}

TEST_F(HostileCollector, DuplicatesAreStoredOnceHoweverTheyCome) {
  const std::string device = Fresh("twice");
  const Json page = Page(device);
  const Json other = Page(Fresh("other"));
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&] {
      EXPECT_EQ(CollectAll(Json::array({page, page})).status, 204);
      EXPECT_EQ(CollectAll(Json::array({other, page})).status, 204);
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(Stored(device), 1);

  // One id, two contents: the first wins, the second is kept aside.
  const std::string user = Fresh("buyer");
  const size_t before = Quarantine("id_reused").size();
  Json order = Order(user, "m-" + user);
  EXPECT_EQ(Track(order).status, 200);
  order["properties"] = {{"amount", 1'000'000}};
  EXPECT_EQ(Track(order).status, 200);
  EXPECT_EQ(Count(absl::StrCat("SELECT count(*) FROM ingest.events WHERE user_id = '", user, "'")),
            1);
  const Json reused = Quarantine("id_reused");
  ASSERT_EQ(reused.size(), before + 1);
  EXPECT_THAT(reused[0].value("detail", ""), HasSubstr("other content"));
}

TEST_F(HostileCollector, IdentifiersThatFitNowhereHoldNothingUp) {
  std::vector<std::string> odd = {std::string(5000, 'd'),
                                  "a:b:c",
                                  " ",
                                  "\t",
                                  "%s%n",
                                  "'; DROP --",
                                  "null",
                                  "undefined",
                                  "\xe5\xa4\xa7\xe5\x90\x8c",
                                  "\xf0\x9f\x98\x80"};
  Json events = Json::array();
  for (const std::string& value : odd) {
    Json page = Page(value);
    page["userId"] = value;
    page["sessionId"] = value;
    page["attributes"] = {{"$wechat_openId", value}, {"$wechat_unionId", value}};
    events.push_back(page);
  }
  EXPECT_EQ(CollectAll(events).status, 204);
  // Evidence of what came after them arrives: nothing is stuck before it.
  const std::string device = Fresh("after");
  EXPECT_EQ(CollectAll(Json::array({Page(device)})).status, 204);
  Answer person;
  EXPECT_TRUE(Eventually([&] {
    person =
        Call("identity.v1.IdentityService/Resolve",
             {{"project", kProject}, {"identifier", absl::StrCat("device:", kMini, ":", device)}});
    return person.ok();
  })) << person.body;
  EXPECT_TRUE(Eventually([] { return Ask("SELECT count(*) FROM ingest.evidence_outbox") == "0"; }))
      << Ask("SELECT count(*) FROM ingest.evidence_outbox");
}

TEST_F(HostileCollector, HeadersOfStrangersReachNobody) {
  const http::ClientResponse answer = Collect(Json::array({Page(Fresh("header"))}).dump(),
                                              {{"Origin", "https://evil.example"},
                                               {"X-Request-Id", "<script>alert(1)</script>"},
                                               {"Referer", std::string(4000, 'r')},
                                               {"X-Forwarded-For", "not an address"}});
  EXPECT_EQ(answer.status, 204);
  EXPECT_THAT(std::string(answer.headers.Get("x-request-id")), Not(HasSubstr("<")));
  EXPECT_EQ(Collect("[]", {{"X-Huge", std::string(64 << 10, 'h')}}).status, 431);
  ExpectHealthy();
}

}  // namespace
}  // namespace datong::hostile
