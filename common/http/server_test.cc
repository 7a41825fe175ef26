#include "common/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/http/client.h"
#include "common/http/testing/raw_connection.h"
#include "common/testing/matchers.h"

namespace datong::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    router_.Handle("POST", "/echo", {.metric = "echo", .max_body_bytes = 100},
                   [](const ServerRequest& request) {
                     ServerResponse response;
                     response.body = absl::StrCat(request.query, "|", request.body);
                     return response;
                   });
    router_.Handle("GET", "/hello", {.metric = "hello", .is_inline = true},
                   [](const ServerRequest&) {
                     ServerResponse response;
                     response.body = "hello";
                     return response;
                   });
    router_.Handle("GET", "/throw", {}, [](const ServerRequest&) -> ServerResponse {
      throw std::runtime_error("secret detail");
    });
    router_.Handle("GET", "/inject", {}, [](const ServerRequest& request) {
      ServerResponse response;
      response.headers.Add("X-Echo", UrlDecode(request.query));
      return response;
    });
    router_.Handle("GET", "/wait", {.metric = "wait"}, [this](const ServerRequest&) {
      ++waiting_;
      released_.WaitForNotification();
      return ServerResponse{};
    });
  }
  ~ServerTest() override {
    if (!released_.HasBeenNotified()) released_.Notify();
  }
  void Start(ServerOptions options = {}) {
    server_ = std::make_unique<Server>(options, router_, registry_);
    ASSERT_OK(server_->Start());
  }
  std::string Exchange(absl::string_view request) {
    RawConnection connection(server_->port());
    connection.Send(request);
    return connection.ReadToEnd();
  }
  void AwaitWaiting(int count) {
    while (waiting_ < count) std::this_thread::yield();
  }

  metrics::Registry registry_;
  Router router_;
  absl::Notification released_;
  std::atomic<int> waiting_ = 0;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, KeepsTheConnectionForTheNextRequest) {
  Start();
  RawConnection connection(server_->port());
  for (int i = 0; i < 3; ++i) {
    connection.Send("POST /echo?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    const std::string answer = connection.ReadUntil("q=1|abc");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 7\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Request-Id: "));
    EXPECT_THAT(answer, Not(HasSubstr("Connection: close")));
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  const std::string answer = Exchange(
      "POST /echo?1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
      "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /echo?3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nc");
  EXPECT_LT(answer.find("1|a"), answer.find("hello"));
  EXPECT_LT(answer.find("hello"), answer.find("3|c"));
}

TEST_F(ServerTest, ReadsChunkedBodies) {
  Start();
  const std::string answer = Exchange(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("|abcde"));
}

TEST_F(ServerTest, RefusesABodyOverTheRoutesLimitWithoutReadingIt) {
  Start();
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Exchange(absl::StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                                    "chunked\r\n\r\n65\r\n",
                                    std::string(101, 'x'), "\r\n0\r\n\r\n")),
              StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, SendsContinueBeforeItReadsTheBody) {
  Start();
  RawConnection connection(server_->port());
  connection.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(connection.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 100 "));
  connection.Send("ab");
  EXPECT_THAT(connection.ReadUntil("|ab"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, RefusesLargeHeadersAndWhatIsNotHttp) {
  Start({.max_header_bytes = 1000});
  EXPECT_THAT(Exchange(absl::StrCat("GET /hello HTTP/1.1\r\nX: ", std::string(2000, 'x'))),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Exchange("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(ServerTest, SlowHeadersAndBodiesTimeOut) {
  Start({.header_timeout = absl::Milliseconds(100), .body_timeout = absl::Milliseconds(100)});
  EXPECT_THAT(Exchange("GET /hello HTT"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(Exchange(""), "");  // nothing asked: closed without an answer
}

TEST_F(ServerTest, AnIdleConnectionIsClosed) {
  Start({.idle_timeout = absl::Milliseconds(100)});
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("hello"));
}

TEST_F(ServerTest, UnknownPathsAndMethodsKeepTheConnection) {
  Start();
  const std::string answer = Exchange(
      "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
      "PUT /hello HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 404 "));
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nhello"));
}

TEST_F(ServerTest, HeadHasTheLengthButNoBody) {
  Start();
  const std::string answer =
      Exchange("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, WhatAHandlerThrowsIsAFixedSentence) {
  Start();
  const std::string answer = Exchange("GET /throw HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("secret detail")));
}

TEST_F(ServerTest, AHandlersHeaderCannotSplitTheAnswer) {
  Start();
  EXPECT_THAT(Exchange("GET /inject?a%0d%0aSet-Cookie:x HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("X-Echo: aSet-Cookie:x\r\n"));
}

TEST_F(ServerTest, PassesTheRequestIdOnWhenItIsSane) {
  Start();
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nX-Request-Id: abc-1\r\nConnection: close\r\n\r\n"),
              HasSubstr("X-Request-Id: abc-1\r\n"));
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nX-Request-Id: <b>\r\nConnection: close\r\n\r\n"),
              Not(HasSubstr("<b>")));
}

TEST_F(ServerTest, AFullQueueAnswers503WithRetryAfter) {
  Start({.handler_threads = 1, .queue_capacity = 1});
  RawConnection running(server_->port());
  running.Send("GET /wait HTTP/1.1\r\n\r\n");
  AwaitWaiting(1);
  // One of the next two finds a place in the queue, the other does not.
  std::atomic<int> refused = 0;
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] {
      RawConnection connection(server_->port());
      connection.Send("GET /wait HTTP/1.1\r\n\r\n");
      const std::string answer = connection.ReadUntil("\r\n\r\n");
      if (answer.find(" 503 ") == std::string::npos) return;
      EXPECT_THAT(answer, HasSubstr("Retry-After: "));
      ++refused;
    });
  }
  while (refused == 0) std::this_thread::yield();
  released_.Notify();
  for (std::thread& other : others) other.join();
  EXPECT_EQ(refused, 1);
  EXPECT_THAT(running.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, TooManyConnectionsAnswer503) {
  Start({.max_connections = 1});
  RawConnection first(server_->port());
  first.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(first.ReadUntil("hello"), StartsWith("HTTP/1.1 200 "));
  RawConnection second(server_->port());
  EXPECT_THAT(second.ReadToEnd(), StartsWith("HTTP/1.1 503 "));
}

TEST_F(ServerTest, TooManyBytesInFlightAnswer503) {
  Start({.max_body_bytes_in_flight = 50});
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nContent-Length: 51\r\n\r\n"),
              StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, StopLetsTheRequestUnderWayEnd) {
  Start();
  RawConnection idle(server_->port());
  RawConnection busy(server_->port());
  busy.Send("GET /wait HTTP/1.1\r\n\r\n");
  AwaitWaiting(1);
  std::thread stopper([&] { server_->Stop(absl::Seconds(20)); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  released_.Notify();
  const std::string answer = busy.ReadToEnd();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  stopper.join();
}

TEST_F(ServerTest, CountsByHandlerMethodAndCode) {
  Start();
  EXPECT_THAT(registry_.Serialize(),
              HasSubstr("http_requests_total{code=\"200\",handler=\"echo\",method=\"POST\"} 0"));
  Exchange("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n");
  Exchange("BREW /pot HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string text = registry_.Serialize();
  EXPECT_THAT(text,
              HasSubstr("http_requests_total{code=\"200\",handler=\"hello\",method=\"GET\"} 1"));
  EXPECT_THAT(text,
              HasSubstr("http_requests_total{code=\"404\",handler=\"other\",method=\"other\"} 1"));
  EXPECT_THAT(text, HasSubstr("http_requests_in_flight{handler=\"hello\"} 0"));
  EXPECT_THAT(text, HasSubstr("http_request_duration_seconds_bucket{code=\"200\""));
}

TEST_F(ServerTest, AnAddressThatIsNoneIsRefused) {
  Server server({.address = "nowhere"}, router_, registry_);
  EXPECT_THAT(server.Start(), IsError(absl::StatusCode::kInvalidArgument, "HTTP_ADDRESS_INVALID"));
}

TEST_F(ServerTest, ATakenPortIsReported) {
  Start();
  Server second({.port = server_->port()}, router_, registry_);
  EXPECT_THAT(second.Start(), IsError(absl::StatusCode::kUnavailable, "HTTP_LISTEN_FAILED"));
}

}  // namespace
}  // namespace datong::http
