#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/rpc/status.h"
#include "common/rpc/testing/echo_service.h"
#include "common/rpc/testing/test_server.h"
#include "common/testing/matchers.h"

namespace datong::rpc {
namespace {

using testing::v1::ChatRequest;
using testing::v1::ChatResponse;
using testing::v1::EchoService;
using testing::v1::RepeatRequest;
using testing::v1::RepeatResponse;

class StreamsTest : public ::testing::Test {
 protected:
  StreamsTest()
      : server_(
            [this](Calls& calls) {
              auto service = std::make_unique<EchoGrpcService>(calls);
              service_ = service.get();
              return service;
            },
            {.threads = 1, .queue_capacity = 4}),
        stub_(EchoService::NewStub(server_.channel())) {}

  EchoGrpcService* service_ = nullptr;
  TestServer server_;
  std::unique_ptr<EchoService::Stub> stub_;
  grpc::ClientContext context_;
};

TEST_F(StreamsTest, AServerStreamSendsEverythingInOrderAndEnds) {
  RepeatRequest request;
  request.set_text("x");
  request.set_count(100);
  const auto reader = stub_->Repeat(&context_, request);
  RepeatResponse response;
  int next = 0;
  while (reader->Read(&response)) EXPECT_EQ(response.index(), next++);
  EXPECT_EQ(next, 100);
  EXPECT_OK(FromGrpcStatus(reader->Finish()));
}

TEST_F(StreamsTest, AnIdleStreamHoldsNoThread) {
  std::atomic<int> steps{0};
  service_->repeat = [&](RepeatRequest) -> EchoGrpcService::RepeatStep {
    return [&](const CallContext&, Emitter<RepeatResponse>& out) {
      out.SetIdleWait(absl::Milliseconds(1));
      if (++steps > 20) out.End();
      return absl::OkStatus();
    };
  };
  // More open streams than threads, all of which get their turns.
  grpc::ClientContext other;
  const auto one = stub_->Repeat(&context_, RepeatRequest());
  const auto two = stub_->Repeat(&other, RepeatRequest());
  RepeatResponse response;
  EXPECT_FALSE(one->Read(&response));
  EXPECT_FALSE(two->Read(&response));
  EXPECT_OK(FromGrpcStatus(one->Finish()));
  EXPECT_OK(FromGrpcStatus(two->Finish()));
}

TEST_F(StreamsTest, AServerStreamEndsWithTheErrorOfItsStep) {
  service_->repeat = [&](RepeatRequest) -> EchoGrpcService::RepeatStep {
    return [](const CallContext&, Emitter<RepeatResponse>& out) {
      out.Add();
      return MakeError(absl::StatusCode::kFailedPrecondition, "No.", {"test", "NO", {}});
    };
  };
  const auto reader = stub_->Repeat(&context_, RepeatRequest());
  RepeatResponse response;
  EXPECT_TRUE(reader->Read(&response));
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_THAT(FromGrpcStatus(reader->Finish()),
              IsError(absl::StatusCode::kFailedPrecondition, "NO"));
}

TEST_F(StreamsTest, DrainingEndsIdleStreamsAtOnce) {
  absl::Notification begun;
  service_->repeat = [&](RepeatRequest) -> EchoGrpcService::RepeatStep {
    return [&](const CallContext&, Emitter<RepeatResponse>& out) {
      out.SetIdleWait(absl::Hours(1));
      if (!begun.HasBeenNotified()) begun.Notify();
      return absl::OkStatus();
    };
  };
  const auto reader = stub_->Repeat(&context_, RepeatRequest());
  grpc::ClientContext chat_context;
  const auto chat = stub_->Chat(&chat_context);
  ASSERT_TRUE(chat->Write(ChatRequest()));
  ChatResponse answer;
  ASSERT_TRUE(chat->Read(&answer));
  begun.WaitForNotification();
  server_.calls().EndStreams();
  RepeatResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_FALSE(chat->Read(&answer));
  EXPECT_THAT(FromGrpcStatus(reader->Finish()),
              IsError(absl::StatusCode::kUnavailable, "SERVER_DRAINING"));
  EXPECT_THAT(FromGrpcStatus(chat->Finish()),
              IsError(absl::StatusCode::kUnavailable, "SERVER_DRAINING"));
}

TEST_F(StreamsTest, ACancelledStreamEndsItself) {
  const auto reader = stub_->Repeat(&context_, RepeatRequest());
  RepeatResponse response;
  ASSERT_TRUE(reader->Read(&response));
  context_.TryCancel();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(FromGrpcStatus(reader->Finish()).code(), absl::StatusCode::kCancelled);
}

TEST_F(StreamsTest, ABidiStreamAnswersEveryMessageInOrder) {
  constexpr int kMessages = 5000;
  const auto stream = stub_->Chat(&context_);
  std::thread writer([&] {
    ChatRequest request;
    for (int i = 0; i < kMessages; ++i) {
      request.set_text(absl::StrCat(i));
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
  });
  ChatResponse response;
  int next = 0;
  while (stream->Read(&response)) EXPECT_EQ(response.text(), absl::StrCat(next++));
  writer.join();
  EXPECT_EQ(next, kMessages);
  EXPECT_OK(FromGrpcStatus(stream->Finish()));
}

TEST_F(StreamsTest, ManyBidiStreamsShareOneThread) {
  constexpr int kStreams = 8;
  constexpr int kMessages = 300;
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int c = 0; c < kStreams; ++c) {
    clients.emplace_back([&] {
      grpc::ClientContext context;
      const auto stream = stub_->Chat(&context);
      ChatRequest request;
      for (int i = 0; i < kMessages; ++i) stream->Write(request);
      stream->WritesDone();
      ChatResponse response;
      while (stream->Read(&response)) ++answered;
      EXPECT_OK(FromGrpcStatus(stream->Finish()));
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, kStreams * kMessages);
}

TEST_F(StreamsTest, ABidiStreamEndsWithTheErrorOfAMessage) {
  service_->chat = [](const CallContext&, ChatRequest& request, Emitter<ChatResponse>& out) {
    if (request.text() == "bad") {
      return MakeError(absl::StatusCode::kInvalidArgument, "Bad.", {"test", "BAD", {}});
    }
    out.Add().set_text(request.text());
    return absl::OkStatus();
  };
  const auto stream = stub_->Chat(&context_);
  ChatRequest request;
  request.set_text("good");
  stream->Write(request);
  request.set_text("bad");
  stream->Write(request);
  ChatResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(FromGrpcStatus(stream->Finish()), IsError(absl::StatusCode::kInvalidArgument, "BAD"));
}

}  // namespace
}  // namespace datong::rpc
