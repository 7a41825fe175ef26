#include "tests/faults/tcp_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <list>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"

namespace datong::faults {
namespace {

using Steady = std::chrono::steady_clock;
using Instant = Steady::time_point;

constexpr size_t kMostHeld = 8 << 20;
constexpr absl::Duration kLongestPoll = absl::Seconds(1);

Instant Later(Instant from, absl::Duration by) {
  return from + std::chrono::duration_cast<Steady::duration>(absl::ToChronoNanoseconds(by));
}

// A descriptor that is closed when it goes.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Socket() { Close(); }
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  // The other side gets a reset instead of an end.
  void Reset() {
    const linger at_once{1, 0};
    if (fd_ >= 0) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    Close();
  }

 private:
  int fd_;
};

Socket Connect(const std::string& server) {
  if (absl::StartsWith(server, "unix:")) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, server.c_str() + 5, sizeof address.sun_path - 1);
    Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      socket.Close();
    }
    return socket;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int port = 0;
  if (!absl::SimpleAtoi(server.substr(server.rfind(':') + 1), &port)) return Socket();
  address.sin_port = htons(static_cast<uint16_t>(port));
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    socket.Close();
  }
  return socket;
}

void Prepare(const Socket& socket) {
  ::fcntl(socket.fd(), F_SETFL, ::fcntl(socket.fd(), F_GETFL) | O_NONBLOCK);
  const int on = 1;
  ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// One direction of a connection: what came and is not sent on yet.
struct Pipe {
  struct Piece {
    std::string bytes;
    Instant due;
  };
  std::deque<Piece> pieces;
  size_t held_bytes = 0;
  int64_t sent_bytes = 0;
  bool is_held = false;        // by a tap
  std::optional<Instant> end;  // when the receiver hears that the sender is done
  bool sender_done = false;
  bool is_closed = false;  // the receiver heard it
  Instant next_send{};     // by the bandwidth

  // When the next thing is to be done, if it is known.
  std::optional<Instant> NextDue() const {
    if (is_held || is_closed) return std::nullopt;
    if (!pieces.empty()) return std::max(pieces.front().due, next_send);
    return end;
  }
};

struct Link {
  Socket client;
  Socket server;
  Pipe to_server;
  Pipe to_client;
  bool is_doomed = false;  // by chance: reset when the server answers
  bool is_dead = false;
};

}  // namespace

struct TcpProxy::State {
  Socket listener;
  Socket wakeup;
  int port = 0;
  std::thread thread;
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> resets{0};

  Mutex mutex;
  std::string server ABSL_GUARDED_BY(mutex);
  Weather weather ABSL_GUARDED_BY(mutex);
  std::vector<WeatherChange> script ABSL_GUARDED_BY(mutex);
  Instant script_begin ABSL_GUARDED_BY(mutex){};
  Tap tap ABSL_GUARDED_BY(mutex);
  bool paused ABSL_GUARDED_BY(mutex) = false;
  bool reset_all ABSL_GUARDED_BY(mutex) = false;
  bool release ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;

  // Of the proxy's thread alone.
  std::list<Link> links;
  std::mt19937_64 random;
  Weather now_weather;
  bool now_paused = false;
  Tap now_tap;
  std::string now_server;

  void Wake() const {
    const uint64_t one = 1;
    if (::write(wakeup.fd(), &one, sizeof one) < 0) return;  // full: it wakes anyway
  }

  // Takes over what others set. False: the end.
  bool TakeOrders() {
    MutexLock lock(&mutex);
    if (stopping) return false;
    while (!script.empty() && Steady::now() >= Later(script_begin, script.front().after)) {
      weather = script.front().weather;
      script.erase(script.begin());
    }
    now_weather = weather;
    now_tap = tap;
    now_paused = paused;
    now_server = server;
    if (std::exchange(reset_all, false) || now_weather.refuses) {
      for (Link& link : links) Kill(link);
    }
    if (std::exchange(release, false)) {
      for (Link& link : links) link.to_server.is_held = link.to_client.is_held = false;
    }
    return true;
  }

  void Kill(Link& link) {
    if (link.is_dead) return;
    link.client.Reset();
    link.server.Reset();
    link.is_dead = true;
    ++resets;
  }

  double Chance() { return std::uniform_real_distribution<double>(0, 1)(random); }

  void Accept() {
    for (;;) {
      Socket client(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client.is_open()) return;
      ++connections;
      {
        // What was ordered before it connected holds for it.
        MutexLock lock(&mutex);
        now_weather = weather;
        now_server = server;
      }
      if (now_weather.refuses) {
        client.Reset();
        continue;
      }
      Link link;
      link.server = Connect(now_server);
      if (!link.server.is_open()) {
        client.Reset();  // as nobody listening would
        continue;
      }
      Prepare(client);
      Prepare(link.server);
      link.client = std::move(client);
      link.is_doomed = Chance() < now_weather.reset_chance;
      if (now_weather.half_open) link.server.Close();
      links.push_back(std::move(link));
    }
  }

  void Read(Link& link, Direction direction) {
    {
      // What was ordered before these bytes were sent holds for them.
      MutexLock lock(&mutex);
      now_weather = weather;
      now_tap = tap;
      now_paused = paused;
    }
    if (now_weather.black_hole || now_weather.half_open) return;
    const bool up = direction == Direction::kToServer;
    Pipe& pipe = up ? link.to_server : link.to_client;
    const Flow& flow = up ? now_weather.to_server : now_weather.to_client;
    char bytes[65536];
    const ssize_t size = ::read((up ? link.client : link.server).fd(), bytes, sizeof bytes);
    const Instant now = Steady::now();
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) {
      Kill(link);
      return;
    }
    if (size == 0) {
      if (pipe.is_held) {
        Kill(link);  // what was kept on its way died with its sender
        return;
      }
      pipe.sender_done = true;
      pipe.end = Later(now, flow.delay + now_weather.slow_close);
      return;
    }
    if (!up && link.is_doomed) {
      Kill(link);
      return;
    }
    const absl::string_view seen(bytes, static_cast<size_t>(size));
    const Verdict verdict = now_tap == nullptr ? Verdict::kPass : now_tap(direction, seen);
    if (verdict == Verdict::kReset) {
      Kill(link);
      return;
    }
    if (verdict == Verdict::kHold) pipe.is_held = true;
    const Instant due = Later(now, flow.delay + Chance() * flow.jitter);
    // Bytes never overtake each other.
    pipe.pieces.push_back(
        {std::string(seen), pipe.pieces.empty() ? due : std::max(due, pipe.pieces.back().due)});
    pipe.held_bytes += seen.size();
  }

  // Sends on what is due.
  void Write(Link& link, Direction direction) {
    const bool up = direction == Direction::kToServer;
    Pipe& pipe = up ? link.to_server : link.to_client;
    const Flow& flow = up ? now_weather.to_server : now_weather.to_client;
    Socket& out = up ? link.server : link.client;
    while (!link.is_dead && !now_paused && !pipe.is_held && !flow.is_held && !pipe.pieces.empty()) {
      const Instant now = Steady::now();
      Pipe::Piece& piece = pipe.pieces.front();
      if (now < piece.due || now < pipe.next_send) return;
      size_t size = piece.bytes.size();
      if (flow.bytes_per_second > 0) {
        size =
            std::min(size, static_cast<size_t>(std::max<int64_t>(flow.bytes_per_second / 50, 1)));
      }
      if (flow.cut_after_bytes >= 0) {
        const int64_t left = flow.cut_after_bytes - pipe.sent_bytes;
        if (left <= 0) {
          link.client.Close();
          link.server.Close();
          link.is_dead = true;
          return;
        }
        size = std::min(size, static_cast<size_t>(left));
      }
      const ssize_t sent = ::send(out.fd(), piece.bytes.data(), size, MSG_NOSIGNAL);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (sent < 0) {
        Kill(link);
        return;
      }
      pipe.sent_bytes += sent;
      pipe.held_bytes -= static_cast<size_t>(sent);
      if (flow.bytes_per_second > 0) {
        pipe.next_send = Later(
            now, absl::Seconds(1) *
                     (static_cast<double>(sent) / static_cast<double>(flow.bytes_per_second)));
      }
      piece.bytes.erase(0, static_cast<size_t>(sent));
      if (piece.bytes.empty()) pipe.pieces.pop_front();
    }
    if (!pipe.is_closed && pipe.pieces.empty() && pipe.end.has_value() &&
        Steady::now() >= *pipe.end) {
      ::shutdown(out.fd(), SHUT_WR);
      pipe.is_closed = true;
      if (link.to_server.is_closed && link.to_client.is_closed) link.is_dead = true;
    }
  }

  void Run() {
    while (TakeOrders()) {
      if (now_weather.half_open) {
        for (Link& link : links) link.server.Close();
      }
      std::vector<pollfd> polled = {{wakeup.fd(), POLLIN, 0}, {listener.fd(), POLLIN, 0}};
      std::vector<std::pair<Link*, Direction>> readers;
      Instant next = Later(Steady::now(), kLongestPoll);
      {
        MutexLock lock(&mutex);
        if (!script.empty()) next = std::min(next, Later(script_begin, script.front().after));
      }
      const bool silent = now_weather.black_hole || now_weather.half_open;
      for (Link& link : links) {
        if (silent || link.is_dead || !link.server.is_open()) continue;
        for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
          const bool up = direction == Direction::kToServer;
          const Pipe& pipe = up ? link.to_server : link.to_client;
          const Flow& flow = up ? now_weather.to_server : now_weather.to_client;
          if (!pipe.sender_done && pipe.held_bytes < kMostHeld) {
            polled.push_back({(up ? link.client : link.server).fd(), POLLIN, 0});
            readers.push_back({&link, direction});
          }
          const std::optional<Instant> due =
              flow.is_held || now_paused ? std::nullopt : pipe.NextDue();
          if (!due.has_value()) continue;
          next = std::min(next, *due);
          // Due already, yet not sent: the receiver is full.
          if (*due <= Steady::now() && !pipe.pieces.empty()) {
            polled.push_back({(up ? link.server : link.client).fd(), POLLOUT, 0});
            readers.push_back({nullptr, direction});
          }
        }
      }
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - Steady::now()).count();
      const bool writer_waits =
          std::any_of(readers.begin(), readers.end(), [](const auto& r) { return !r.first; });
      const int64_t timeout = writer_waits ? 1000 : std::max<int64_t>(wait, 0);
      if (::poll(polled.data(), polled.size(), static_cast<int>(timeout)) < 0) continue;
      uint64_t drained = 0;
      if (polled[0].revents != 0 && ::read(wakeup.fd(), &drained, sizeof drained) < 0) continue;
      if (!TakeOrders()) return;
      if (polled[1].revents != 0) Accept();
      if (now_weather.black_hole || now_weather.half_open) continue;
      for (size_t i = 0; i < readers.size(); ++i) {
        const auto& [link, direction] = readers[i];
        if (link != nullptr && polled[i + 2].revents != 0 && !link->is_dead) Read(*link, direction);
      }
      for (Link& link : links) {
        if (!link.is_dead && link.server.is_open()) Write(link, Direction::kToServer);
        if (!link.is_dead && link.server.is_open()) Write(link, Direction::kToClient);
      }
      links.remove_if([](const Link& link) { return link.is_dead; });
    }
  }
};

absl::StatusOr<std::unique_ptr<TcpProxy>> TcpProxy::Start(std::string server, uint64_t seed) {
  auto state = std::make_unique<State>();
  state->random.seed(seed);
  state->listener = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  state->wakeup = Socket(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(state->listener.fd(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(state->listener.fd(), 1024) != 0 ||
      ::getsockname(state->listener.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return absl::UnavailableError(absl::StrCat("The proxy cannot listen: ", std::strerror(errno)));
  }
  state->port = ntohs(address.sin_port);
  {
    MutexLock lock(&state->mutex);
    state->server = std::move(server);
  }
  State* running = state.get();
  state->thread = std::thread([running] { running->Run(); });
  return std::unique_ptr<TcpProxy>(new TcpProxy(std::move(state)));
}

TcpProxy::TcpProxy(std::unique_ptr<State> state) : state_(std::move(state)) {}

TcpProxy::~TcpProxy() {
  {
    MutexLock lock(&state_->mutex);
    state_->stopping = true;
  }
  state_->Wake();
  state_->thread.join();
}

int TcpProxy::port() const { return state_->port; }
std::string TcpProxy::address() const { return absl::StrCat("127.0.0.1:", state_->port); }
int64_t TcpProxy::connections() const { return state_->connections; }
int64_t TcpProxy::resets() const { return state_->resets; }

void TcpProxy::SetServer(std::string server) {
  {
    MutexLock lock(&state_->mutex);
    state_->server = std::move(server);
  }
  state_->Wake();
}

void TcpProxy::SetWeather(const Weather& weather) { Play({{absl::ZeroDuration(), weather}}); }

void TcpProxy::Play(std::vector<WeatherChange> script) {
  {
    MutexLock lock(&state_->mutex);
    state_->script = std::move(script);
    state_->script_begin = Steady::now();
    // What is due at once counts from now on, not from the thread's next turn.
    while (!state_->script.empty() && state_->script.front().after <= absl::ZeroDuration()) {
      state_->weather = state_->script.front().weather;
      state_->script.erase(state_->script.begin());
    }
  }
  state_->Wake();
}

void TcpProxy::SetTap(Tap tap) {
  {
    MutexLock lock(&state_->mutex);
    state_->tap = std::move(tap);
  }
  state_->Wake();
}

void TcpProxy::Pause() {
  MutexLock lock(&state_->mutex);
  state_->paused = true;
}

void TcpProxy::Resume() {
  {
    MutexLock lock(&state_->mutex);
    state_->paused = false;
  }
  state_->Wake();
}

void TcpProxy::ResetAll() {
  {
    MutexLock lock(&state_->mutex);
    state_->reset_all = true;
  }
  state_->Wake();
}

void TcpProxy::Release() {
  {
    MutexLock lock(&state_->mutex);
    state_->release = true;
  }
  state_->Wake();
}

}  // namespace datong::faults
