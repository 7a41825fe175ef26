#include "common/rpc/server_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <stdexcept>

#include "absl/synchronization/notification.h"
#include "common/rpc/status.h"
#include "common/rpc/testing/echo_service.h"
#include "common/rpc/testing/test_server.h"
#include "common/testing/matchers.h"

namespace datong::rpc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::v1::EchoRequest;
using testing::v1::EchoResponse;
using testing::v1::EchoService;

constexpr char kEcho[] = "grpc_method=\"Echo\",grpc_service=\"datong.testing.v1.EchoService\"";

class CallsTest : public ::testing::Test {
 protected:
  explicit CallsTest(CallsOptions options = {.threads = 2, .queue_capacity = 8})
      : server_(
            [this](Calls& calls) {
              auto service = std::make_unique<EchoGrpcService>(calls);
              service_ = service.get();
              return service;
            },
            options),
        stub_(EchoService::NewStub(server_.channel())) {}

  absl::Status Echo(grpc::ClientContext& context) {
    EchoRequest request;
    request.set_text("hello");
    return FromGrpcStatus(stub_->Echo(&context, request, &response_));
  }
  absl::Status Echo() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return Echo(context);
  }

  EchoGrpcService* service_ = nullptr;
  TestServer server_;
  std::unique_ptr<EchoService::Stub> stub_;
  EchoResponse response_;
};

TEST_F(CallsTest, EverySeriesOfEveryRpcIsThereFromZero) {
  const std::string text = server_.metrics().Serialize();
  EXPECT_THAT(text, AllOf(HasSubstr("grpc_server_started_total{" + std::string(kEcho) +
                                    ",grpc_type=\"unary\"} 0"),
                          HasSubstr("grpc_code=\"Unauthenticated\""),
                          HasSubstr("grpc_type=\"server_stream\""),
                          HasSubstr("grpc_type=\"bidi_stream\"")));
}

TEST_F(CallsTest, TheHandlerSeesTheCallAndTheCallIsCounted) {
  CallContext seen;
  service_->echo = [&](const CallContext& call, const EchoRequest& request) {
    seen = call;
    EchoResponse response;
    response.set_text(request.text());
    return response;
  };
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  context.AddMetadata("x-request-id", "req-1");
  context.AddMetadata("authorization", "Bearer k");
  ASSERT_OK(Echo(context));
  EXPECT_EQ(response_.text(), "hello");
  EXPECT_EQ(seen.method, "/datong.testing.v1.EchoService/Echo");
  EXPECT_EQ(seen.caller.name, "anonymous");
  EXPECT_EQ(seen.request_id, "req-1");
  EXPECT_EQ(seen.authorization, "Bearer k");
  // It crosses as a time of the wall clock.
  EXPECT_LE(seen.deadline.Remaining(), absl::Seconds(6));
  EXPECT_GT(seen.deadline.Remaining(), absl::ZeroDuration());
  EXPECT_THAT(server_.metrics().Serialize(),
              AllOf(HasSubstr("grpc_server_handled_total{grpc_code=\"OK\"," + std::string(kEcho) +
                              ",grpc_type=\"unary\"} 1"),
                    HasSubstr("datong_rpc_calls_without_deadline_total 0")));
}

TEST_F(CallsTest, ACallWithoutDeadlineGetsTheDefaultAndIsCounted) {
  absl::Duration left;
  service_->is_inline = true;
  service_->echo = [&](const CallContext& call, const EchoRequest&) {
    left = call.deadline.Remaining();
    return EchoResponse();
  };
  grpc::ClientContext context;
  ASSERT_OK(Echo(context));
  EXPECT_LE(left, kDefaultDeadline);
  EXPECT_GT(left, kDefaultDeadline - absl::Seconds(5));
  EXPECT_THAT(server_.metrics().Serialize(),
              HasSubstr("datong_rpc_calls_without_deadline_total 1"));
}

TEST_F(CallsTest, ErrorsArriveWithTheirDetails) {
  service_->echo = [](const CallContext&, const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    return WithRetryDelay(MakeError(absl::StatusCode::kUnavailable, "Later.",
                                    {"test.datong", "PLATFORM_UNREACHABLE", {{"app", "wx1"}}}),
                          absl::Seconds(3));
  };
  const absl::Status status = Echo();
  EXPECT_THAT(status, IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_EQ(status.message(), "Later.");
  EXPECT_EQ(GetErrorInfo(status)->metadata.at("app"), "wx1");
  EXPECT_EQ(GetRetryDelay(status), absl::Seconds(3));
}

TEST_F(CallsTest, TheCauseOfAnInternalErrorStaysInside) {
  service_->echo = [](const CallContext&, const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    return absl::InternalError("CANARY at table x");
  };
  EXPECT_THAT(Echo(), IsError(absl::StatusCode::kInternal, "INTERNAL_ERROR"));
  EXPECT_THAT(std::string(Echo().message()), Not(HasSubstr("CANARY")));
}

TEST_F(CallsTest, TheWordsOfTheDatabaseStayInside) {
  service_->echo = [](const CallContext&, const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    return MakeError(absl::StatusCode::kUnavailable, "Retry later. Cause: CANARY at host db1",
                     {"postgres.datong",
                      "DATABASE_UNAVAILABLE",
                      {{"cause", "CANARY at host db1"}, {"sqlstate", "57P01"}}});
  };
  const absl::Status status = Echo();
  EXPECT_THAT(status, IsError(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_EQ(status.message(), "Retry later.");
  EXPECT_FALSE(GetErrorInfo(status)->metadata.contains("cause"));
  EXPECT_EQ(GetErrorInfo(status)->metadata.at("sqlstate"), "57P01");
}

TEST_F(CallsTest, AnExceptionIsAnInternalError) {
  service_->echo = [](const CallContext&, const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    throw std::runtime_error("CANARY");
  };
  EXPECT_THAT(Echo(), IsError(absl::StatusCode::kInternal, "INTERNAL_ERROR"));
}

TEST_F(CallsTest, TheQuickWayAnswersWhatItCanAndThePoolTheRest) {
  service_->quick = [](const CallContext&, const EchoRequest&,
                       EchoResponse& response) -> std::optional<absl::Status> {
    response.set_text("quick");
    return absl::OkStatus();
  };
  ASSERT_OK(Echo());
  EXPECT_EQ(response_.text(), "quick");
  service_->quick = [](const CallContext&, const EchoRequest&,
                       EchoResponse&) -> std::optional<absl::Status> { return std::nullopt; };
  ASSERT_OK(Echo());
  EXPECT_EQ(response_.text(), "hello");
}

class BusyCallsTest : public CallsTest {
 protected:
  BusyCallsTest() : CallsTest({.threads = 1, .queue_capacity = 0}) {}
};

TEST_F(BusyCallsTest, AFullQueueAnswersAtOnce) {
  EXPECT_THAT(Echo(), IsError(absl::StatusCode::kResourceExhausted, "SERVER_BUSY"));
}

TEST_F(CallsTest, ACallThatWaitedUntilItsDeadlineIsNotRun) {
  absl::Notification release;
  int runs = 0;
  service_->echo = [&](const CallContext&, const EchoRequest&) {
    ++runs;
    return EchoResponse();
  };
  // Both threads of the pool are taken until the deadline is over.
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(server_.calls().TrySchedule([&] { release.WaitForNotification(); }));
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(30));
  EXPECT_EQ(Echo(context).code(), absl::StatusCode::kDeadlineExceeded);
  // The server counts from the call's arrival, a little later than the client.
  const Deadline over = Deadline::After(absl::Milliseconds(200));
  while (!over.Passed()) std::this_thread::yield();
  release.Notify();
  server_.Stop();
  EXPECT_EQ(runs, 0);
}

}  // namespace
}  // namespace datong::rpc
