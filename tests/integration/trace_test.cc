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

constexpr char kResource[] = "resource";

// The spans of our trace by their id, as the collector has them so far; each with its service.
std::map<std::string, json> SpansOf(MarkedSuite& suite) {
  std::map<std::string, json> spans;
  for (const absl::string_view line : absl::StrSplit(suite.Traces(), '\n', absl::SkipEmpty())) {
    const json body = json::parse(std::string(line));
    for (const json& resource : body.at("resourceSpans")) {
      for (const json& scope : resource.at("scopeSpans")) {
        for (const json& span : scope.at("spans")) {
          if (span.at("traceId") != kTrace) continue;
          json& kept = spans[span.at("spanId")] = span;
          kept[kResource] = resource.at("resource").at("attributes").at(0).at("value");
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

// The whole way of one call, and what its spans say.
class TraceTest : public ::testing::Test {
 protected:
  void CallApiThroughTheGateway(const std::string& programs) {
    auto suite = MarkedSuite::Start(programs);
    ASSERT_OK(suite);
    suite_ = *std::move(suite);
    ASSERT_OK(suite_->Play());

    http::Client client({.allow_private = true});
    http::ClientRequest request;
    request.method = "POST";
    request.url = absl::StrCat(suite_->stack().http_url(), "/datong.broker.v1.ApiService/CallApi");
    request.headers.Add("Content-Type", "application/json");
    request.headers.Add("authorization", "Bearer " + suite_->stack().api_key().Expose());
    request.headers.Add("traceparent", absl::StrCat("00-", kTrace, "-", kCallerSpan, "-01"));
    request.body = json({{"app", absl::StrCat(demo::kProject, "/apps/", demo::kAccountAppid)},
                         {"path", "/cgi-bin/user/get"}})
                       .dump();
    const auto answer = client.Send(request, Deadline::After(absl::Seconds(30)));
    ASSERT_OK(answer);
    ASSERT_EQ(answer->status, 200) << answer->body;
    // Each process sends its spans once a second; those further out end later.
    ASSERT_OK(demo::WaitUntil("the trace is whole", [&] {
      spans_ = SpansOf(*suite_);
      return !PathTo("HTTP rpc", kServer, spans_).empty() &&
             PathTo("HTTP GET", kClient, spans_).size() == 4;
    }));
  }
  // Which service each span of a path is of.
  std::string ServiceOf(const std::string& name, int kind) const {
    for (const auto& [id, span] : spans_) {
      if (span.at("name") == name && span.at("kind") == kind) return span.at(kResource).dump();
    }
    return "";
  }

  std::unique_ptr<MarkedSuite> suite_;
  std::map<std::string, json> spans_;
};

constexpr char kCallApi[] = "datong.broker.v1.ApiService/CallApi";

TEST_F(TraceTest, GoesFromTheGatewayThroughTheBrokerToWeChat) {
  ASSERT_NO_FATAL_FAILURE(CallApiThroughTheGateway(""));
  EXPECT_THAT(PathTo("HTTP GET", kClient, spans_),
              ElementsAre("HTTP rpc", kCallApi, kCallApi, "HTTP GET"));
  EXPECT_THAT(PathTo(kCallApi, kServer, spans_), ElementsAre("HTTP rpc", kCallApi, kCallApi));
  for (const auto& [id, span] : spans_) {
    if (span.at("name") == "HTTP GET") {
      EXPECT_THAT(span.dump(), HasSubstr("/cgi-bin/user/get\""));
    }
  }
  // What is done for others than callers, too, has its statements.
  EXPECT_THAT(suite_->Traces(), HasSubstr("postgresql"));
}

TEST_F(TraceTest, GoesFromProcessToProcess) {
  ASSERT_NO_FATAL_FAILURE(CallApiThroughTheGateway(DATONG_PROGRAMS));
  EXPECT_THAT(PathTo("HTTP GET", kClient, spans_),
              ElementsAre("HTTP rpc", kCallApi, kCallApi, "HTTP GET"));
  EXPECT_THAT(ServiceOf("HTTP rpc", kServer), HasSubstr("datong-gateway"));
  EXPECT_THAT(ServiceOf(kCallApi, kClient), HasSubstr("datong-gateway"));
  EXPECT_THAT(ServiceOf(kCallApi, kServer), HasSubstr("datong-broker"));
  EXPECT_THAT(ServiceOf("HTTP GET", kClient), HasSubstr("datong-broker"));
}

}  // namespace
}  // namespace datong
