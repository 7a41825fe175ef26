#include "common/http/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/http/client_address.h"
#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"

namespace datong::http {
namespace {

using absl::StatusCode;

Deadline Soon() { return Deadline::After(absl::Seconds(20)); }

class ClientTest : public ::testing::Test {
 protected:
  FakeHttpServer server_;
  Client client_{{.max_response_bytes = 100'000, .allow_private = true}};
};

TEST_F(ClientTest, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  ServerResponse answer;
  answer.status = 201;
  answer.body = "made";
  answer.headers.Add("X-Thing", "7");
  server_.Answer("/things", answer);
  const auto response = client_.Send({.method = "PUT",
                                      .url = server_.url() + "/things?a=1",
                                      .headers = {{"Content-Type", "text/xml"}, {"X-Empty", ""}},
                                      .body = std::string("a\0b", 3)},
                                     Soon());
  ASSERT_OK(response);
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "made");
  EXPECT_EQ(response->headers.Get("x-thing"), "7");
  const ServerRequest request = server_.requests().at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.query, "a=1");
  EXPECT_EQ(request.body, std::string("a\0b", 3));
  EXPECT_EQ(request.headers.Get("content-type"), "text/xml");
  EXPECT_EQ(request.headers.Get("content-length"), "3");
  EXPECT_TRUE(request.headers.Has("x-empty"));
}

TEST_F(ClientTest, AnEmptyPostHasALengthAndNoTypeOfItsOwn) {
  server_.AnswerJson("/p", "{}");
  ASSERT_OK(client_.Send({.method = "POST", .url = server_.url() + "/p"}, Soon()));
  EXPECT_EQ(server_.requests().at(0).headers.Get("content-length"), "0");
  EXPECT_FALSE(server_.requests().at(0).headers.Has("content-type"));
}

TEST_F(ClientTest, LargeBodiesGoWithTheirLength) {
  server_.AnswerJson("/big", "{}");
  const std::string body(3 << 20, 'x');
  ASSERT_OK(client_.Send({.method = "POST", .url = server_.url() + "/big", .body = body}, Soon()));
  EXPECT_EQ(server_.requests().at(0).body.size(), body.size());
  EXPECT_FALSE(server_.requests().at(0).headers.Has("transfer-encoding"));
}

TEST_F(ClientTest, DoesNotFollowRedirects) {
  ServerResponse redirect;
  redirect.status = 302;
  redirect.headers.Add("Location", server_.url() + "/elsewhere");
  server_.Answer("/from", redirect);
  const auto response = client_.Send({.url = server_.url() + "/from"}, Soon());
  ASSERT_OK(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(ClientTest, AnAnswerThatIsTooLargeIsRefused) {
  ServerResponse large;
  large.body.assign(200'000, 'x');
  server_.Answer("/large", large);
  EXPECT_THAT(client_.Send({.url = server_.url() + "/large"}, Soon()),
              IsError(StatusCode::kResourceExhausted, "HTTP_RESPONSE_TOO_LARGE"));
}

TEST_F(ClientTest, AResetIsUnavailableAndTheQueryStaysSecret) {
  ServerResponse reset;
  reset.reset_connection = true;
  server_.Answer("/reset", reset);
  const auto response =
      client_.Send({.url = server_.url() + "/reset?access_token=SECRET-MARKER"}, Soon());
  EXPECT_THAT(response, IsError(StatusCode::kUnavailable, "HTTP_UNREACHABLE"));
  EXPECT_EQ(response.status().ToString().find("SECRET-MARKER"), std::string::npos);
  EXPECT_NE(response.status().ToString().find("/reset"), std::string::npos);
}

TEST_F(ClientTest, NobodyListeningIsUnavailable) {
  std::string url;
  {
    const FakeHttpServer gone;
    url = gone.url();
  }
  EXPECT_THAT(client_.Send({.url = url}, Soon()),
              IsError(StatusCode::kUnavailable, "HTTP_UNREACHABLE"));
}

TEST_F(ClientTest, ASlowAnswerIsCutAtTheDeadline) {
  // Shared: the handler may still be waking up when the test has ended.
  const auto released = std::make_shared<absl::Notification>();
  server_.AnswerWith([released](const ServerRequest&) {
    released->WaitForNotification();
    return ServerResponse{};
  });
  EXPECT_THAT(
      client_.Send({.url = server_.url() + "/slow"}, Deadline::After(absl::Milliseconds(100))),
      IsError(StatusCode::kDeadlineExceeded, "HTTP_TIMEOUT"));
  EXPECT_THAT(client_.Send({.url = server_.url()}, Deadline::After(absl::ZeroDuration())),
              IsError(StatusCode::kDeadlineExceeded, "HTTP_TIMEOUT"));
  released->Notify();
}

TEST_F(ClientTest, ManyThreadsShareTheClient) {
  server_.AnswerJson("/", "{}");
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10; ++n) {
        const auto response = client_.Send({.url = server_.url() + "/"}, Soon());
        if (response.ok() && response->body == "{}") ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 500);
}

TEST_F(ClientTest, LineBreaksInHeadersAreRefused) {
  EXPECT_THAT(client_.Send({.url = server_.url(), .headers = {{"X", "a\r\nY: b"}}}, Soon()),
              IsError(StatusCode::kInvalidArgument, "HTTP_REQUEST_INVALID"));
}

TEST_F(ClientTest, OnlyHttpsIsAllowedOutsideDevelopment) {
  Client strict({});
  EXPECT_THAT(strict.Send({.url = server_.url()}, Soon()),
              IsError(StatusCode::kInvalidArgument, "HTTP_URL_REFUSED"));
  EXPECT_THAT(client_.Send({.url = "file:///etc/passwd"}, Soon()),
              IsError(StatusCode::kInvalidArgument, "HTTP_URL_REFUSED"));
}

TEST_F(ClientTest, PrivateAddressesAreRefusedOutsideDevelopment) {
  Client strict({});
  EXPECT_THAT(strict.Send({.url = absl::StrCat("https://127.0.0.1:", server_.port())}, Soon()),
              IsError(StatusCode::kInvalidArgument, "HTTP_URL_REFUSED"));
  EXPECT_THAT(strict.Send({.url = absl::StrCat("https://localhost:", server_.port())}, Soon()),
              IsError(StatusCode::kInvalidArgument, "HTTP_URL_REFUSED"));
}

struct AddressCase {
  const char* text;
  bool is_private;
  friend std::ostream& operator<<(std::ostream& out, const AddressCase& c) { return out << c.text; }
};

class AddressTest : public ::testing::TestWithParam<AddressCase> {};

TEST_P(AddressTest, TellsPrivateFromPublic) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, GetParam().text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    EXPECT_EQ(IsPrivateAddress(reinterpret_cast<sockaddr&>(v4)), GetParam().is_private);
  } else {
    ASSERT_EQ(inet_pton(AF_INET6, GetParam().text, &v6.sin6_addr), 1);
    v6.sin6_family = AF_INET6;
    EXPECT_EQ(IsPrivateAddress(reinterpret_cast<sockaddr&>(v6)), GetParam().is_private);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, AddressTest,
    ::testing::Values(AddressCase{"127.0.0.1", true}, AddressCase{"10.1.2.3", true},
                      AddressCase{"172.31.255.255", true}, AddressCase{"172.32.0.1", false},
                      AddressCase{"192.168.0.1", true}, AddressCase{"169.254.169.254", true},
                      AddressCase{"100.64.0.1", true}, AddressCase{"0.0.0.0", true},
                      AddressCase{"224.0.0.1", true}, AddressCase{"101.226.1.1", false},
                      AddressCase{"8.8.8.8", false}, AddressCase{"::1", true},
                      AddressCase{"fe80::1", true}, AddressCase{"fd00::1", true},
                      AddressCase{"::ffff:10.0.0.1", true}, AddressCase{"64:ff9b::7f00:1", true},
                      AddressCase{"2400:da00::1", false}));

}  // namespace
}  // namespace datong::http
