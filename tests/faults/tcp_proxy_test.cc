#include "tests/faults/tcp_proxy.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "common/testing/matchers.h"

namespace datong::faults {
namespace {

constexpr int kPatience_ms = 20'000;

// Sends back what it gets, on as many connections as come, until it is destroyed.
class EchoServer {
 public:
  EchoServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 128), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    acceptor_ = std::thread([this] {
      for (;;) {
        const int fd = ::accept(listener_, nullptr, nullptr);
        if (fd < 0) return;
        threads_.emplace_back([fd] {
          char bytes[65536];
          for (ssize_t got; (got = ::read(fd, bytes, sizeof bytes)) > 0;) {
            for (ssize_t sent = 0; sent < got;) {
              const ssize_t part =
                  ::send(fd, bytes + sent, static_cast<size_t>(got - sent), MSG_NOSIGNAL);
              if (part <= 0) break;
              sent += part;
            }
          }
          ::close(fd);
        });
      }
    });
  }
  ~EchoServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (std::thread& thread : threads_) thread.join();
  }
  const std::string& address() const { return address_; }

 private:
  const int listener_;
  std::string address_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

class Client {
 public:
  explicit Client(const TcpProxy& proxy) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(proxy.port()));
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(fd_); }
  void Send(const std::string& text) const {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void Finish() const { ::shutdown(fd_, SHUT_WR); }
  // So many bytes, or what there was before the end ("…|end") or the reset ("…|reset").
  std::string Receive(size_t size) const {
    std::string text;
    while (text.size() < size) {
      pollfd entry{fd_, POLLIN, 0};
      if (::poll(&entry, 1, kPatience_ms) == 0) return text + "|nothing";
      char bytes[65536];
      const ssize_t got = ::read(fd_, bytes, std::min(sizeof bytes, size - text.size()));
      if (got == 0) return text + "|end";
      if (got < 0) return text + (errno == ECONNRESET ? "|reset" : "|error");
      text.append(bytes, static_cast<size_t>(got));
    }
    return text;
  }
  bool HasSomething(int within_ms) const {
    pollfd entry{fd_, POLLIN, 0};
    return ::poll(&entry, 1, within_ms) > 0;
  }

 private:
  const int fd_;
};

class TcpProxyTest : public ::testing::Test {
 protected:
  TcpProxyTest() {
    auto proxy = TcpProxy::Start(server_.address(), /*seed=*/7);
    EXPECT_OK(proxy);
    proxy_ = *std::move(proxy);
  }
  EchoServer server_;
  std::unique_ptr<TcpProxy> proxy_;
};

TEST_F(TcpProxyTest, PassesBytesBothWaysAndTheEnd) {
  const Client client(*proxy_);
  const std::string text(300'000, 'x');
  std::thread sender([&] { client.Send(text); });
  EXPECT_EQ(client.Receive(text.size()), text);
  sender.join();
  client.Finish();
  EXPECT_EQ(client.Receive(1), "|end");
}

TEST_F(TcpProxyTest, DelaysWithoutMixingUp) {
  proxy_->SetWeather(
      {.to_client = {.delay = absl::Milliseconds(50), .jitter = absl::Milliseconds(30)}});
  const Client client(*proxy_);
  const absl::Time begin = absl::Now();
  for (const char* part : {"one ", "two ", "three"}) client.Send(part);
  EXPECT_EQ(client.Receive(13), "one two three");
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(50));
}

TEST_F(TcpProxyTest, HasABandwidth) {
  proxy_->SetWeather({.to_server = {.bytes_per_second = 100'000}});
  const Client client(*proxy_);
  const absl::Time begin = absl::Now();
  client.Send(std::string(20'000, 'x'));
  EXPECT_EQ(client.Receive(20'000).size(), 20'000u);
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(150));
}

TEST_F(TcpProxyTest, CutsAfterSoManyBytes) {
  proxy_->SetWeather({.to_client = {.cut_after_bytes = 5}});
  const Client client(*proxy_);
  client.Send("0123456789");
  EXPECT_EQ(client.Receive(10), "01234|end");
}

TEST_F(TcpProxyTest, ResetsTheSameShareOfConnectionsForOneSeed) {
  const auto resets = [&](uint64_t seed) {
    auto proxy = TcpProxy::Start(server_.address(), seed);
    (*proxy)->SetWeather({.reset_chance = 0.3});
    std::string outcomes;
    for (int i = 0; i < 40; ++i) {
      const Client client(**proxy);
      client.Send("x");
      outcomes += client.Receive(1) == "x" ? '.' : 'R';
    }
    EXPECT_EQ((*proxy)->resets(), std::count(outcomes.begin(), outcomes.end(), 'R'));
    return outcomes;
  };
  const std::string first = resets(1);
  EXPECT_EQ(first, resets(1));
  EXPECT_NE(first, resets(2));
  EXPECT_THAT(std::count(first.begin(), first.end(), 'R'),
              ::testing::AllOf(::testing::Ge(4), ::testing::Le(20)));
}

TEST_F(TcpProxyTest, ABlackHoleSwallowsNothingForEver) {
  const Client client(*proxy_);
  client.Send("a");
  EXPECT_EQ(client.Receive(1), "a");
  proxy_->SetWeather({.black_hole = true});
  client.Send("b");
  EXPECT_FALSE(client.HasSomething(/*within_ms=*/100));
  proxy_->SetWeather({});
  EXPECT_EQ(client.Receive(1), "b");
}

TEST_F(TcpProxyTest, AHalfOpenConnectionIsSilentForGood) {
  const Client client(*proxy_);
  client.Send("a");
  EXPECT_EQ(client.Receive(1), "a");
  proxy_->SetWeather({.half_open = true});
  client.Send("b");
  EXPECT_FALSE(client.HasSomething(/*within_ms=*/100));
  proxy_->SetWeather({});
  EXPECT_FALSE(client.HasSomething(/*within_ms=*/50));
  const Client another(*proxy_);
  another.Send("c");
  EXPECT_EQ(another.Receive(1), "c");
}

TEST_F(TcpProxyTest, ClosesSlowly) {
  proxy_->SetWeather({.slow_close = absl::Milliseconds(60)});
  const Client client(*proxy_);
  const absl::Time begin = absl::Now();
  client.Finish();
  EXPECT_EQ(client.Receive(1), "|end");
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(60));
}

TEST_F(TcpProxyTest, RefusesAndResets) {
  const Client standing(*proxy_);
  standing.Send("a");
  EXPECT_EQ(standing.Receive(1), "a");
  proxy_->ResetAll();
  EXPECT_EQ(standing.Receive(1), "|reset");
  proxy_->SetWeather({.refuses = true});
  const Client refused(*proxy_);
  EXPECT_EQ(refused.Receive(1), "|reset");
}

TEST_F(TcpProxyTest, PlaysAScript) {
  proxy_->Play({{absl::ZeroDuration(), {.refuses = true}}, {absl::Milliseconds(80), {}}});
  const absl::Time begin = absl::Now();
  for (;;) {
    const Client client(*proxy_);
    char nothing = 'x';
    if (client.Receive(0).empty() && client.HasSomething(/*within_ms=*/20)) continue;
    client.Send(std::string(1, nothing));
    if (client.Receive(1) == "x") break;
  }
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(70));
}

TEST_F(TcpProxyTest, ATapSeesHoldsAndResets) {
  std::atomic<int> seen{0};
  proxy_->SetTap([&](Direction direction, absl::string_view bytes) {
    if (direction == Direction::kToClient) return Verdict::kPass;
    ++seen;
    if (bytes == "hold") return Verdict::kHold;
    return bytes == "kill" ? Verdict::kReset : Verdict::kPass;
  });
  const Client client(*proxy_);
  client.Send("pass");
  EXPECT_EQ(client.Receive(4), "pass");
  client.Send("hold");
  EXPECT_FALSE(client.HasSomething(/*within_ms=*/100));
  proxy_->Release();
  EXPECT_EQ(client.Receive(4), "hold");
  client.Send("kill");
  EXPECT_EQ(client.Receive(1), "|reset");
  EXPECT_EQ(seen, 3);
}

TEST_F(TcpProxyTest, PausesAndResumes) {
  const Client client(*proxy_);
  proxy_->Pause();
  client.Send("a");
  EXPECT_FALSE(client.HasSomething(/*within_ms=*/100));
  proxy_->Resume();
  EXPECT_EQ(client.Receive(1), "a");
}

TEST_F(TcpProxyTest, AnotherServerMayTakeOver) {
  const EchoServer other;
  proxy_->SetServer("127.0.0.1:1");
  const Client refused(*proxy_);
  EXPECT_EQ(refused.Receive(1), "|reset");
  proxy_->SetServer(other.address());
  const Client client(*proxy_);
  client.Send("a");
  EXPECT_EQ(client.Receive(1), "a");
}

}  // namespace
}  // namespace datong::faults
