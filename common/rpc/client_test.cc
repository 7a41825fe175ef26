#include "common/rpc/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "common/rpc/testing/echo_service.h"
#include "common/rpc/testing/test_server.h"
#include "common/testing/matchers.h"

namespace datong::rpc {
namespace {

using ::testing::HasSubstr;
using testing::v1::EchoRequest;
using testing::v1::EchoResponse;
using testing::v1::EchoService;

class OutgoingTest : public ::testing::Test {
 protected:
  OutgoingTest()
      : server_([this](Calls& calls) {
          auto service = std::make_unique<EchoGrpcService>(calls);
          service_ = service.get();
          return service;
        }),
        stub_(EchoService::NewStub(server_.channel())) {}

  absl::StatusOr<EchoResponse> Echo(CallOptions options) {
    EchoRequest request;
    request.set_text("hi");
    return outgoing_.Call(call_, "/datong.testing.v1.EchoService/Echo", *stub_,
                          &EchoService::StubInterface::Echo, request, options);
  }

  EchoGrpcService* service_ = nullptr;
  TestServer server_;
  std::unique_ptr<EchoService::Stub> stub_;
  metrics::Registry registry_;
  Outgoing outgoing_{registry_};
  CallContext call_ = MakeCallContext(
      "/a/B",
      {.request_id = "req-1", .traceparent = {}, .tracestate = {}, .authorization = "Bearer k"},
      Deadline::After(absl::Seconds(5)));
};

TEST_F(OutgoingTest, HandsOnWhoAskedAndHowLongItMayTake) {
  CallContext seen;
  service_->echo = [&](const CallContext& call, const EchoRequest&) {
    seen = call;
    return EchoResponse();
  };
  ASSERT_OK(Echo({}));
  EXPECT_EQ(seen.request_id, "req-1");
  EXPECT_EQ(seen.traceparent, call_.traceparent);
  EXPECT_EQ(seen.authorization, "Bearer k");
  EXPECT_LT(seen.deadline, call_.deadline);
  EXPECT_THAT(registry_.Serialize(), HasSubstr("grpc_client_handled_total{grpc_code=\"OK\""));
}

TEST_F(OutgoingTest, UnavailableIsTriedAgainWhenThatDoesNoHarm) {
  std::atomic<int> tries{0};
  service_->echo = [&](const CallContext&, const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    if (++tries < 3) return absl::UnavailableError("not yet");
    return EchoResponse();
  };
  EXPECT_OK(Echo({.idempotent = true}));
  EXPECT_EQ(tries, 3);
}

TEST_F(OutgoingTest, WhatAServerThatShutsDownDidNotBeginIsTriedAgain) {
  std::atomic<int> tries{0};
  service_->echo = [&](const CallContext&, const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    if (++tries < 2) return absl::CancelledError("");
    return EchoResponse();
  };
  EXPECT_OK(Echo({.idempotent = true}));
  EXPECT_EQ(tries, 2);
}

TEST_F(OutgoingTest, OtherCallsAndOtherErrorsAreTriedOnce) {
  std::atomic<int> tries{0};
  absl::Status answer = absl::UnavailableError("no");
  service_->echo = [&](const CallContext&, const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    ++tries;
    return answer;
  };
  EXPECT_EQ(Echo({}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(tries, 1);
  answer = MakeError(absl::StatusCode::kAborted, "Again.", {"test", "AGAIN", {}});
  EXPECT_THAT(Echo({.idempotent = true}), IsError(absl::StatusCode::kAborted, "AGAIN"));
  EXPECT_EQ(tries, 2);
}

TEST_F(OutgoingTest, AServerThatIsGoneIsUnavailable) {
  server_.Stop();
  EXPECT_EQ(Echo({}).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace datong::rpc
