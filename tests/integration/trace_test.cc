// One call is one trace over every hop, sent to an OpenTelemetry collector.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/testing/matchers.h"
#include "tests/integration/marked_suite.h"
#include "tools/datong/demo/wait.h"
#include "tools/datong/demo/world.h"

namespace datong {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kCallerSpan[] = "b7ad6b7169203331";
constexpr int kServer = 2;
constexpr int kClient = 3;

// The spans of our trace by their id, as the collector has them so far.
std::map<std::string, json> SpansOf(MarkedSuite& suite) {
  std::map<std::string, json> spans;
  for (const absl::string_view line : absl::StrSplit(suite.Traces(), '\n', absl::SkipEmpty())) {
    const json body = json::parse(std::string(line));
    for (const json& resource : body.at("resourceSpans")) {
      for (const json& scope : resource.at("scopeSpans")) {
        for (const json& span : scope.at("spans")) {
          if (span.at("traceId") == kTrace) spans[span.at("spanId")] = span;
        }
      }
    }
  }
  return spans;
}

// From the span that the caller named down to the one with this name and kind.
std::vector<std::string> PathTo(const std::string& name, int kind,
                                const std::map<std::string, json>& spans) {
  for (const auto& [id, leaf] : spans) {
    if (leaf.at("name") != name || leaf.at("kind") != kind) continue;
    std::vector<std::string> path;
    for (std::string at = id; at != kCallerSpan; at = spans.at(at).at("parentSpanId")) {
      if (spans.count(at) == 0) return {absl::StrCat(at, " is not there")};
      path.insert(path.begin(), spans.at(at).at("name"));
    }
    return path;
  }
  return {};
}

TEST(TraceTest, GoesFromTheGatewayThroughTheBrokerToWeChat) {
  auto suite = MarkedSuite::Start();
  ASSERT_OK(suite);
  ASSERT_OK((*suite)->Play());

  http::Client client({.allow_private = true});
  http::ClientRequest request;
  request.method = "POST";
  request.url = absl::StrCat((*suite)->stack().http_url(), "/datong.broker.v1.ApiService/CallApi");
  request.headers.Add("Content-Type", "application/json");
  request.headers.Add("authorization", "Bearer " + (*suite)->stack().api_key().Expose());
  request.headers.Add("traceparent", absl::StrCat("00-", kTrace, "-", kCallerSpan, "-01"));
  request.body = json({{"app", absl::StrCat(demo::kProject, "/apps/", demo::kAccountAppid)},
                       {"path", "/cgi-bin/user/get"}})
                     .dump();
  const auto answer = client.Send(request, Deadline::After(absl::Seconds(30)));
  ASSERT_OK(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;

  // Spans are sent once a second, the outermost ends last.
  ASSERT_OK(demo::WaitUntil("the trace is whole", [&] {
    return !PathTo("HTTP rpc", kServer, SpansOf(**suite)).empty();
  }));
  const std::map<std::string, json> spans = SpansOf(**suite);
  constexpr char kCallApi[] = "datong.broker.v1.ApiService/CallApi";
  EXPECT_THAT(PathTo("HTTP GET", kClient, spans),
              ElementsAre("HTTP rpc", kCallApi, kCallApi, "HTTP GET"));
  EXPECT_THAT(PathTo(kCallApi, kServer, spans), ElementsAre("HTTP rpc", kCallApi, kCallApi));
  for (const auto& [id, span] : spans) {
    if (span.at("name") == "HTTP GET") {
      EXPECT_THAT(span.dump(), HasSubstr("/cgi-bin/user/get\""));
    }
  }
  // What is done for others than callers, too, has its statements.
  EXPECT_THAT((*suite)->Traces(), HasSubstr("postgresql"));
}

}  // namespace
}  // namespace datong
