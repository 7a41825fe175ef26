// The rules without any database: times, ids, dialects, repair, sources of events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "services/ingest/core/clock_rules.h"
#include "services/ingest/core/event_id.h"
#include "services/ingest/core/flags.h"
#include "services/ingest/core/gio_v3.h"
#include "services/ingest/core/json_text.h"
#include "services/ingest/core/segment.h"
#include "services/ingest/testing/captures.h"

namespace datong::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

uint64_t FlagBit(const std::string& name) {
  static const std::map<std::string, uint64_t> flags = {{"clock_corrected", kClockCorrected},
                                                        {"future_clamped", kFutureClamped},
                                                        {"late", kLate},
                                                        {"time_missing", kTimeMissing},
                                                        {"time_invalid", kTimeInvalid},
                                                        {"time_after_send", kTimeAfterSend}};
  const auto found = flags.find(name);
  return found == flags.end() ? 0 : found->second;
}

TEST(ClockRulesTest, EveryCaseOfTheReferenceHolds) {
  const nlohmann::json cases = LoadTestData("clock-cases").at("cases");
  ASSERT_THAT(cases, SizeIs(16));
  for (const nlohmann::json& item : cases) {
    SCOPED_TRACE(item.at("name").get<std::string>());
    const nlohmann::json& in = item.at("input");
    TimeInput input;
    if (!in.at("client").is_null()) {
      input.client = {ClientTime::State::kGiven, in.at("client").get<int64_t>()};
    }
    if (!in.at("sent").is_null()) input.sent_ms = in.at("sent").get<int64_t>();
    input.received_ms = in.at("received").get<int64_t>();
    input.trusted = in.at("trusted").get<bool>();
    const TimeVerdict verdict = JudgeTime(input);
    EXPECT_EQ(verdict.event_ms, item.at("expect").at("event_time").get<int64_t>());
    uint64_t flags = 0;
    for (const nlohmann::json& flag : item.at("expect").at("flags")) {
      flags |= FlagBit(flag.get<std::string>());
    }
    EXPECT_EQ(verdict.flags, flags);
    EXPECT_EQ(verdict.out_of_range, item.at("expect").at("store") == "quarantine");
  }
}

// The id and the content hash that one delivery of the dedup cases gets.
struct Delivered {
  EventId id;
  int64_t content = 0;
};

Delivered Deliver(const nlohmann::json& side) {
  const bool segment = side.at("dialect") == "segment";
  Body body;
  if (segment) {
    nlohmann::json batch = {{"batch", {side.at("event")}}};
    if (side.contains("sentAt")) batch["sentAt"] = side.at("sentAt");
    body.bytes = batch.dump();
  } else {
    body.bytes = nlohmann::json::array({side.at("event")}).dump();
  }
  const GioV3Dialect gio;
  const SegmentDialect segments;
  const Dialect& dialect = segment ? static_cast<const Dialect&>(segments) : gio;
  const DecodedBody decoded = dialect.Decode(std::move(body));
  EXPECT_THAT(decoded.events, SizeIs(1));
  const DecodedEvent& event = decoded.events[0];
  const std::string key = segment ? side.at("source") : side.at("project");
  const auto tenant = static_cast<int32_t>(std::hash<std::string>()(key) & 0xFFFF);
  return {MakeEventId(event.client.ms, tenant, 1,
                      event.dialect_id.empty() ? event.raw : event.dialect_id),
          ContentHash(event.content.empty() ? event.raw : event.content)};
}

TEST(EventIdTest, DeliveriesOfOneEventAreTold) {
  int checked = 0;
  const nlohmann::json cases = LoadTestData("dedup-cases").at("cases");
  for (const nlohmann::json& item : cases) {
    const std::string dialect = item.at("a").at("dialect");
    const bool protobuf = item.at("a").at("event").contains("send_time");
    if ((dialect != "gio.v3" && dialect != "segment") || protobuf) continue;
    SCOPED_TRACE(item.at("name").get<std::string>());
    const Delivered a = Deliver(item.at("a"));
    const Delivered b = Deliver(item.at("b"));
    const std::string expect = item.at("expect");
    EXPECT_EQ(a.id == b.id, expect != "different");
    EXPECT_EQ(a.id == b.id && a.content == b.content, expect == "same");
    ++checked;
  }
  EXPECT_GE(checked, 10);
}

TEST(EventIdTest, IsAUuidVersionEightThatBeginsWithTheTime) {
  const EventId id = MakeEventId(1'795'193'600'000, 7, 3, "x");
  EXPECT_EQ(id.time_ms(), 1'795'193'600'000);
  const std::string text = id.ToString();
  EXPECT_THAT(text, ::testing::MatchesRegex(
                        "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(MakeEventId(5, 7, 3, "x").time_ms(), 0);
}

TEST(JsonTextTest, ElementsKeepTheirBytes) {
  const auto elements = TopLevelElements(R"( [ {"a":"}]\"",  "b":[1,{"c":2}]} ,{} , 7 ] )");
  ASSERT_THAT(elements, SizeIs(3));
  EXPECT_EQ(elements[0].text, R"({"a":"}]\"",  "b":[1,{"c":2}]})");
  EXPECT_EQ(elements[0].depth, 3);
  EXPECT_EQ(elements[0].keys, 3);
  EXPECT_EQ(elements[2].text, "7");
  EXPECT_EQ(TopLevelValue(R"({"x":{"batch":1}, "batch" : [2, 3] })", "batch"), "[2, 3]");
  EXPECT_EQ(WithoutKeys(R"({"a":1, "b":{"a":2},"c":"x"})", {"a", "c"}), R"({"b":{"a":2}})");
}

TEST(JsonTextTest, RepairsWhatRealSdksSend) {
  const auto repaired = [](absl::string_view json) { return Sanitise(json).text; };
  EXPECT_EQ(repaired(R"({"a":"x\u0000y"})"), "{\"a\":\"x\xEF\xBF\xBDy\"}");
  EXPECT_EQ(repaired(R"({"a":"\\u0000"})"), R"({"a":"\\u0000"})");
  EXPECT_EQ(repaired(R"({"a":"\ud83d\ude00 \ud83d"})"), "{\"a\":\"\\ud83d\\ude00 \xEF\xBF\xBD\"}");
  EXPECT_EQ(repaired("{\"a\":\"\xFF\xE4\xBD\xA0\n\"}"),
            "{\"a\":\"\xEF\xBF\xBD\xE4\xBD\xA0\\u000a\"}");
  EXPECT_EQ(repaired(R"({"a":1e400,"b":123456789012345678901234,"c":-1.5e3})"),
            R"({"a":"1e400","b":"123456789012345678901234","c":-1.5e3})");
  EXPECT_THAT(Sanitise(R"(["\u0000","a"])").changed_at, ElementsAre(2));
}

TEST(GioV3Test, OneBadEventLeavesItsNeighboursAlone) {
  Body body;
  body.bytes =
      R"([{"eventType":"PAGE","deviceId":"d"},7,{"eventType":"CUSTOM","deviceId":"d"},)"
      R"({"eventType":"PAGE","deviceId":"d","eventSequenceId":"12","timestamp":"1795193600000"}])";
  const DecodedBody decoded = GioV3Dialect().Decode(std::move(body));
  ASSERT_THAT(decoded.events, SizeIs(4));
  EXPECT_EQ(decoded.events[0].refused, Reason::kNone);
  EXPECT_EQ(decoded.events[1].refused, Reason::kSchema);
  EXPECT_EQ(decoded.events[2].refused, Reason::kSchema);  // CUSTOM without a name
  EXPECT_EQ(decoded.events[3].refused, Reason::kNone);    // numbers as strings
  EXPECT_EQ(decoded.events[3].row.seq, 12);
  EXPECT_EQ(decoded.events[3].client.ms, 1'795'193'600'000);
}

TEST(GioV3Test, BodiesTooDeepForAnyParserAreRefusedWhole) {
  Body body;
  body.bytes = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_EQ(GioV3Dialect().Decode(std::move(body)).refused, Reason::kTooDeep);
}

TEST(GioV3Test, AnythingAtAllIsDecodedOrRefused) {
  // Every cut of a real body, and every single broken byte of it.
  const std::string real = LoadCapture("gio-web-4.3-xhr-plain")[0].body;
  for (size_t i = 0; i < real.size(); ++i) {
    Body cut;
    cut.bytes = real.substr(0, i);
    EXPECT_NE(GioV3Dialect().Decode(std::move(cut)).refused, Reason::kNone);
    Body broken;
    broken.bytes = real;
    broken.bytes[i] = '\xC3';
    const DecodedBody decoded = GioV3Dialect().Decode(std::move(broken));
    for (const DecodedEvent& event : decoded.events) EXPECT_TRUE(IsUtf8(event.row.rest));
  }
}

}  // namespace
}  // namespace datong::ingest
