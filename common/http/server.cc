// The only file that includes Beast and Asio: they cost most of a minute to compile.
#include "common/http/server.h"

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/exec/thread_pool.h"
#include "common/http/server_metrics.h"
#include "common/http/server_response.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/trace/trace.h"

namespace datong::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using Steady = std::chrono::steady_clock;
using boost::system::error_code;
using RequestParser = beast::http::request_parser<beast::http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr char kErrorDomain[] = "http.datong";
constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kMaxChunkHead = 32 << 10;
constexpr int64_t kLingerBytes = 8 << 20;
constexpr std::chrono::milliseconds kSweepInterval{50};

ServerResponse RunHandler(const Router::Route& route, const ServerRequest& request) {
  trace::SpanContext parent = trace::ParseTraceparent(request.headers.Get("traceparent"));
  const bool begins = !parent.valid();
  if (begins) parent = trace::NewTrace();
  trace::Span span(trace::Kind::kServer, absl::StrCat("HTTP ", route.options.metric), parent,
                   begins);
  span.Set("http.request.method", request.method);
  const trace::Scope scope(span.context());
  ServerResponse response = Refusal(500);
  try {
    response = route.handler(request);
  } catch (const std::exception& thrown) {
    LogError("HTTP handler threw", {{"cause", thrown.what()}, {"request_id", request.request_id}});
  }
  if (response.status >= 500) span.Fail(absl::StrCat(response.status));
  return response;
}

class Connection;

// What one I/O thread owns. Everything in it is touched on that thread alone.
struct Shard {
  Shard(const Router& router, metrics::Registry& registry) : metrics(router, registry) {}
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::steady_timer sweep{context};
  bool is_ended = false;  // a sweep that has expired can no longer be cancelled: it looks here
  std::unordered_set<Connection*> connections;
  ServerMetrics metrics;
  std::thread thread;
};

// What all connections of a server share.
struct Shared {
  Shared(ServerOptions options_in, const Router& router_in)
      : options(std::move(options_in)),
        router(router_in),
        pool(options.handler_threads, options.queue_capacity) {}
  const ServerOptions options;
  const Router& router;
  ThreadPool pool;
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> body_bytes{0};
  std::atomic<bool> stopping{false};
};

// A share of the bytes in flight, given back when it goes.
class BodyBytes {
 public:
  explicit BodyBytes(Shared& shared) : shared_(shared) {}
  BodyBytes(const BodyBytes&) = delete;
  BodyBytes& operator=(const BodyBytes&) = delete;
  ~BodyBytes() { shared_.body_bytes -= held_; }
  // False when the server holds too many already.
  bool GrowTo(int64_t bytes) {
    if (bytes <= held_) return true;
    const int64_t more = bytes - held_;
    if (shared_.body_bytes.fetch_add(more) + more > shared_.options.max_body_bytes_in_flight) {
      shared_.body_bytes -= more;
      return false;
    }
    held_ = bytes;
    return true;
  }

 private:
  Shared& shared_;
  int64_t held_ = 0;
};

// One connection: reads a request, answers it, reads the next. Time limits are held by the shard's
// sweep, which cancels what waits for the socket past `limit_`.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shard& shard, Shared& shared)
      : socket_(std::move(socket)), shard_(shard), shared_(shared) {
    shard_.connections.insert(this);
  }
  ~Connection() {
    shard_.connections.erase(this);
    --shared_.connections;
  }

  static asio::awaitable<void> Run(std::shared_ptr<Connection> self) {
    error_code ec;
    self->socket_.set_option(tcp::no_delay(true), ec);
    const auto peer = self->socket_.remote_endpoint(ec);
    if (!ec) self->peer_ = peer.address().to_string();
    self->SetLimit(self->shared_.options.header_timeout);
    while (co_await self->ServeOne()) self->SetLimit(self->shared_.options.idle_timeout);
    self->socket_.close(ec);
  }

  void Sweep(Steady::time_point now) {
    if (now < limit_) return;
    timed_out_ = true;
    Cancel();
  }
  void Cancel() {
    error_code ec;
    socket_.cancel(ec);
  }
  // For a stop: ends the connection if it waits for its next request.
  void CancelIfIdle() {
    if (is_idle_) Cancel();
  }
  void Close() {
    error_code ec;
    socket_.close(ec);
  }

 private:
  void SetLimit(absl::Duration timeout) {
    limit_ = Steady::now() + absl::ToChronoNanoseconds(timeout);
    timed_out_ = false;
  }
  void ClearLimit() { limit_ = Steady::time_point::max(); }

  asio::awaitable<bool> ReadMore() {
    const auto [ec, bytes] = co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    if (ec) co_return false;
    buffer_.commit(bytes);
    co_return true;
  }

  asio::awaitable<bool> WriteAll(std::string head, const std::string& body) {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body)};
    const auto [ec, bytes] = co_await asio::async_write(socket_, buffers, kAwait);
    co_return !ec;
  }

  // Answers without running a handler and ends the connection: the rest of the request is not read
  // as one, but taken off the wire, so that the client sees the answer and not a reset.
  asio::awaitable<bool> Refuse(ServerResponse response, absl::string_view method,
                               const std::string& handler, Steady::time_point started,
                               size_t bytes) {
    shard_.metrics.Answered(handler, method, response.status,
                            absl::FromChrono(Steady::now() - started), bytes);
    if (method == "HEAD") {
      response.headers.Add("Content-Length", "0");
      response.body.clear();
    }
    SetLimit(absl::Seconds(2));
    if (!co_await WriteAll(SerializeHead(response, "", false), response.body)) co_return false;
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    int64_t drained = 0;
    while (!ec && drained < kLingerBytes) {
      buffer_.clear();
      if (!co_await ReadMore()) break;
      drained += static_cast<int64_t>(buffer_.size());
    }
    co_return false;
  }

  // False when the connection is to end.
  asio::awaitable<bool> ServeOne() {
    if (buffer_.size() == 0) {
      is_idle_ = true;
      if (shared_.stopping) co_return false;
      const bool has_more = co_await ReadMore();
      is_idle_ = false;
      if (!has_more) co_return false;
    }
    const Steady::time_point started = Steady::now();
    ServerRequest request;
    request.received_at = absl::Now();
    SetLimit(shared_.options.header_timeout);

    RequestParser parser;
    parser.header_limit(static_cast<uint32_t>(shared_.options.max_header_bytes));
    parser.body_limit(boost::none);
    error_code ec;
    while (!parser.is_header_done()) {
      buffer_.consume(parser.put(buffer_.data(), ec));
      if (parser.is_header_done() && !ec) break;
      if (ec && ec != beast::http::error::need_more) {
        co_return co_await Refuse(Refusal(ec == beast::http::error::header_limit ? 431 : 400),
                                  "other", "other", started, 0);
      }
      if (!co_await ReadMore()) {
        if (!timed_out_) co_return false;
        co_return co_await Refuse(Refusal(408), "other", "other", started, 0);
      }
    }

    const auto& head = parser.get();
    request.method = std::string(head.method_string());
    request.target = std::string(head.target());
    const absl::string_view target = request.target;
    const absl::string_view raw_path = target.substr(0, target.find('?'));
    if (raw_path.size() < target.size()) {
      request.query = std::string(target.substr(raw_path.size() + 1));
    }
    request.path = UrlDecode(raw_path, false);

    std::string allowed;
    const Router::Route* route =
        shared_.router.Find(request.method, raw_path, &request.params, &allowed);
    if (route == nullptr) {
      ServerResponse refusal = Refusal(allowed.empty() ? 404 : 405);
      if (!allowed.empty()) refusal.headers.Add("Allow", allowed);
      // Without a body to come, the connection can go on.
      if (!HasBody(parser)) {
        co_return co_await Answer(parser, request, std::move(refusal), "other", started);
      }
      co_return co_await Refuse(std::move(refusal), request.method, "other", started, 0);
    }
    const RouteOptions& options = route->options;

    BodyBytes body_bytes(shared_);
    if (HasBody(parser)) {
      const int refusal = co_await ReadBody(parser, options.max_body_bytes, body_bytes);
      if (refusal < 0) co_return false;
      if (refusal > 0) {
        co_return co_await Refuse(Refusal(refusal), request.method, options.metric, started,
                                  parser.get().body().size());
      }
    }
    ClearLimit();
    for (const auto& field : head) {
      request.headers.Add(std::string(field.name_string()), std::string(field.value()));
    }
    request.body = std::move(parser.get().body());
    request.peer = peer_;
    const absl::string_view sent_id = request.headers.Get("x-request-id");
    request.request_id = IsRequestId(sent_id) ? std::string(sent_id) : RandomHex(16);
    request.deadline = Deadline::After(absl::Seconds(10));

    shard_.metrics.Started(options.metric);
    ServerResponse response;
    if (options.is_inline) {
      response = RunHandler(*route, request);
    } else {
      response = co_await RunOnPool(*route, request);
    }
    shard_.metrics.Ended(options.metric);
    if (response.reset_connection) {
      socket_.set_option(asio::socket_base::linger(true, 0), ec);
      co_return false;
    }
    co_return co_await Answer(parser, request, std::move(response), options.metric, started);
  }

  static bool HasBody(const RequestParser& parser) {
    return parser.chunked() || parser.content_length().value_or(0) > 0;
  }

  // 0 when the body is whole, the status to refuse it with, or -1 when the client went away.
  asio::awaitable<int> ReadBody(RequestParser& parser, int64_t max_bytes, BodyBytes& held) {
    const int64_t declared =
        static_cast<int64_t>(std::min<uint64_t>(parser.content_length().value_or(0), INT64_MAX));
    if (declared > max_bytes) co_return 413;
    if (!held.GrowTo(declared)) co_return 503;
    parser.body_limit(static_cast<uint64_t>(max_bytes));
    parser.eager(true);
    SetLimit(shared_.options.body_timeout);
    if (buffer_.size() == 0 &&
        absl::EqualsIgnoreCase(ToAbsl(parser.get()["Expect"]), "100-continue")) {
      if (!co_await WriteAll("HTTP/1.1 100 Continue\r\n\r\n", "")) co_return -1;
    }
    while (!parser.is_done()) {
      if (buffer_.size() > 0) {
        error_code ec;
        buffer_.consume(parser.put(buffer_.data(), ec));
        if (ec == beast::http::error::body_limit) co_return 413;
        if (ec && ec != beast::http::error::need_more) co_return 400;
        if (ec && buffer_.size() > kMaxChunkHead) co_return 400;
        if (!held.GrowTo(static_cast<int64_t>(parser.get().body().size()))) co_return 503;
        if (parser.is_done()) break;
        if (!ec && buffer_.size() > 0) continue;
      }
      if (!co_await ReadMore()) co_return timed_out_ ? 408 : -1;
    }
    co_return 0;
  }

  asio::awaitable<ServerResponse> RunOnPool(const Router::Route& route,
                                            const ServerRequest& request) {
    // The timer stands for "the handler has answered": it never expires, it is cancelled.
    asio::steady_timer answered(shard_.context, Steady::time_point::max());
    ServerResponse response;
    const bool scheduled = shared_.pool.TrySchedule([&] {
      response = RunHandler(route, request);
      asio::post(shard_.context, [&answered] { answered.cancel(); });
    });
    if (!scheduled) co_return Refusal(503);
    co_await answered.async_wait(kAwait);
    co_return response;
  }

  asio::awaitable<bool> Answer(const RequestParser& parser, const ServerRequest& request,
                               ServerResponse response, const std::string& metric,
                               Steady::time_point started) {
    const bool keep_alive = parser.get().keep_alive() && !shared_.stopping;
    if (parser.get().version() < 11 && keep_alive) response.headers.Add("Connection", "keep-alive");
    shard_.metrics.Answered(metric, request.method, response.status,
                            absl::FromChrono(Steady::now() - started), request.body.size());
    std::string head = SerializeHead(response, request.request_id, keep_alive);
    if (request.method == "HEAD" || response.status == 204 || response.status == 304) {
      response.body.clear();
    }
    SetLimit(shared_.options.idle_timeout);
    const bool written = co_await WriteAll(std::move(head), response.body);
    co_return written&& keep_alive;
  }

  static absl::string_view ToAbsl(boost::core::string_view text) {
    return {text.data(), text.size()};
  }

  tcp::socket socket_;
  Shard& shard_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::string peer_;
  Steady::time_point limit_ = Steady::time_point::max();
  bool timed_out_ = false;
  bool is_idle_ = false;
};

asio::awaitable<void> SweepForever(Shard& shard, const Shared& shared) {
  while (true) {
    shard.sweep.expires_after(kSweepInterval);
    const auto [ec] = co_await shard.sweep.async_wait(kAwait);
    if (ec || shard.is_ended) co_return;
    const Steady::time_point now = Steady::now();
    for (Connection* connection : shard.connections) {
      connection->Sweep(now);
      if (shared.stopping) connection->CancelIfIdle();
    }
  }
}

}  // namespace

struct Server::State {
  State(ServerOptions options, const Router& router, metrics::Registry& registry)
      : shared(std::move(options), router) {
    const int threads = std::max(1, shared.options.io_threads);
    for (int i = 0; i < threads; ++i) {
      shards.push_back(std::make_unique<Shard>(router, registry));
    }
    acceptor.emplace(shards[0]->context);
  }

  absl::Status Listen() {
    error_code ec;
    const auto address = asio::ip::make_address(shared.options.address, ec);
    if (ec || shared.options.port < 0 || shared.options.port > 65535) {
      return MakeError(
          absl::StatusCode::kInvalidArgument,
          absl::StrCat("\"", shared.options.address, "\" port ", shared.options.port,
                       " is no IP address and port to listen on."),
          {kErrorDomain,
           "HTTP_ADDRESS_INVALID",
           {{"address", shared.options.address}, {"port", absl::StrCat(shared.options.port)}}});
    }
    const tcp::endpoint endpoint(address, static_cast<uint16_t>(shared.options.port));
    acceptor->open(endpoint.protocol(), ec);
    if (!ec) acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor->bind(endpoint, ec);
    if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
    if (!ec) bound_port = acceptor->local_endpoint(ec).port();
    if (!ec) return absl::OkStatus();
    return MakeError(absl::StatusCode::kUnavailable,
                     absl::StrCat("Cannot listen on ", shared.options.address, " port ",
                                  shared.options.port, ": ", ec.message(), "."),
                     {kErrorDomain,
                      "HTTP_LISTEN_FAILED",
                      {{"address", shared.options.address},
                       {"port", absl::StrCat(shared.options.port)},
                       {"cause", ec.message()}}});
  }

  asio::awaitable<void> AcceptForever() {
    for (size_t turn = 0;; ++turn) {
      Shard& shard = *shards[turn % shards.size()];
      tcp::socket socket(shard.context);
      const auto [ec] = co_await acceptor->async_accept(socket, kAwait);
      if (shared.stopping || ec == asio::error::operation_aborted) co_return;
      if (ec) {
        LogWarn("HTTP accept failed", {{"cause", ec.message()}});
        // Out of descriptors, most likely: connections that end will free some.
        asio::steady_timer pause(shards[0]->context, std::chrono::milliseconds(100));
        co_await pause.async_wait(kAwait);
        continue;
      }
      if (++shared.connections > shared.options.max_connections) {
        --shared.connections;
        const std::string refusal = SerializeHead(Refusal(503), "", false);
        error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(refusal), ignored);
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        shards[0]->metrics.Answered("other", "other", 503, absl::ZeroDuration(), 0);
        continue;
      }
      auto moved = std::make_shared<tcp::socket>(std::move(socket));
      asio::post(shard.context, [this, &shard, moved] {
        asio::co_spawn(
            shard.context,
            Connection::Run(std::make_shared<Connection>(std::move(*moved), shard, shared)),
            asio::detached);
      });
    }
  }

  template <typename Work>
  void OnEachShard(Work work) {
    for (auto& shard : shards) asio::post(shard->context, [&shard, work] { work(*shard); });
  }

  void AwaitNoConnections(absl::Duration limit) const {
    const Deadline deadline = Deadline::After(limit);
    while (shared.connections > 0 && !deadline.Passed()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  Shared shared;
  std::vector<std::unique_ptr<Shard>> shards;
  std::optional<tcp::acceptor> acceptor;
  int bound_port = 0;
  bool is_running = false;
};

Server::Server(ServerOptions options, const Router& router, metrics::Registry& registry)
    : state_(std::make_unique<State>(std::move(options), router, registry)) {}

Server::~Server() { Stop(absl::ZeroDuration()); }

absl::Status Server::Start() {
  if (absl::Status status = state_->Listen(); !status.ok()) return status;
  for (auto& shard : state_->shards) {
    asio::co_spawn(shard->context, SweepForever(*shard, state_->shared), asio::detached);
    shard->thread = std::thread([&context = shard->context] { context.run(); });
  }
  asio::co_spawn(state_->shards[0]->context, state_->AcceptForever(), asio::detached);
  state_->is_running = true;
  return absl::OkStatus();
}

void Server::Stop(absl::Duration grace) {
  if (!state_->is_running) return;
  state_->is_running = false;
  state_->shared.stopping = true;
  asio::post(state_->shards[0]->context, [state = state_.get()] {
    error_code ec;
    state->acceptor->close(ec);
  });
  state_->OnEachShard([](Shard& shard) {
    for (Connection* connection : shard.connections) connection->CancelIfIdle();
  });
  state_->AwaitNoConnections(grace);
  state_->OnEachShard([](Shard& shard) {
    for (Connection* connection : shard.connections) connection->Close();
  });
  // Handlers that still run hold their connections: wait for them.
  state_->shared.pool.Drain();
  for (auto& shard : state_->shards) {
    asio::post(shard->context, [&shard] {
      shard->is_ended = true;
      shard->sweep.cancel();
      shard->work.reset();
    });
  }
  for (auto& shard : state_->shards) shard->thread.join();
}

int Server::port() const { return state_->bound_port; }

}  // namespace datong::http
