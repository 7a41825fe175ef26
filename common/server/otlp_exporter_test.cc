#include "common/server/otlp_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/time/clock.h"
#include "common/http/testing/fake_http_server.h"
#include "common/time/deadline.h"

namespace datong::server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

trace::FinishedSpan ASpan() {
  trace::FinishedSpan span;
  span.context = {.trace_high = 1, .trace_low = 2, .span_id = 3, .sampled = true};
  span.parent_id = 4;
  span.kind = trace::Kind::kClient;
  span.name = "HTTP GET";
  span.start = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));
  span.end = span.start + std::chrono::milliseconds(5);
  span.error = "HTTP_TIMEOUT";
  span.attributes = {{"url.full", "https://api.weixin.qq.com/x"}};
  return span;
}

class OtlpExporterTest : public ::testing::Test {
 protected:
  double Dropped(const char* reason) {
    return registry_
        .AddCounter("datong_trace_spans_dropped_total", "Spans that were not sent.",
                    {{"reason", reason}})
        .Value();
  }
  metrics::Registry registry_;
  http::FakeHttpServer collector_;
};

TEST_F(OtlpExporterTest, SendsWhatACollectorOfTheProtocolTakes) {
  collector_.AnswerJson("/v1/traces", "{}");
  { OtlpExporter(collector_.url() + "/", "datong-broker", "1.2", registry_).Record(ASpan()); }

  const auto requests = collector_.requests("/v1/traces");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].headers.Get("content-type"), "application/json");
  const json resource = json::parse(requests[0].body).at("resourceSpans").at(0);
  EXPECT_THAT(resource.at("resource").dump(),
              HasSubstr(R"({"key":"service.name","value":{"stringValue":"datong-broker"}})"));
  EXPECT_EQ(resource.at("scopeSpans").at(0).at("spans").at(0), json::parse(R"({
    "traceId": "00000000000000010000000000000002", "spanId": "0000000000000003",
    "parentSpanId": "0000000000000004", "name": "HTTP GET", "kind": 3,
    "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000005000000",
    "status": {"code": 2, "message": "HTTP_TIMEOUT"},
    "attributes": [{"key": "url.full", "value": {"stringValue": "https://api.weixin.qq.com/x"}}]})"));
  EXPECT_EQ(Dropped("export_failed"), 0);
}

TEST_F(OtlpExporterTest, WhatTheCollectorRefusesIsCounted) {
  collector_.AnswerJson("/v1/traces", "{}", 503);
  {
    OtlpExporter exporter(collector_.url(), "datong-broker", "1.2", registry_);
    for (int i = 0; i < 3; ++i) exporter.Record(ASpan());
  }
  EXPECT_EQ(Dropped("export_failed"), 3);
}

TEST_F(OtlpExporterTest, ACollectorThatIsAwayCostsSpansAndNoTime) {
  OtlpExporter exporter("http://127.0.0.1:1", "datong-broker", "1.2", registry_);
  exporter.Record(ASpan());
  const Deadline deadline = Deadline::After(absl::Seconds(30));
  while (Dropped("export_failed") == 0 && !deadline.Passed()) std::this_thread::yield();
  EXPECT_EQ(Dropped("export_failed"), 1);
}

TEST_F(OtlpExporterTest, ACollectorThatHangsFillsTheQueueAndHoldsNobodyUp) {
  Mutex mutex;
  bool is_over = false;
  bool is_asked = false;
  collector_.AnswerWith([&](const http::ServerRequest&) {
    MutexLock lock(&mutex);
    is_asked = true;
    mutex.Await(absl::Condition(&is_over));
    return http::ServerResponse();
  });
  {
    OtlpExporter exporter(collector_.url(), "datong-broker", "1.2", registry_);
    exporter.Record(ASpan());
    {
      MutexLock lock(&mutex);
      mutex.Await(absl::Condition(&is_asked));
    }
    // Nothing is taken from the queue while the collector holds the first batch.
    const absl::Time begun = absl::Now();
    for (int i = 0; i < 10'000; ++i) exporter.Record(ASpan());
    EXPECT_LT(absl::Now() - begun, absl::Seconds(2));
    EXPECT_EQ(Dropped("queue_full"), 10'000 - 8192);
    MutexLock lock(&mutex);
    is_over = true;
  }
}

}  // namespace
}  // namespace datong::server
