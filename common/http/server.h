#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/http/request.h"
#include "common/metrics/registry.h"
#include "common/time/deadline.h"

namespace datong::http {

struct ServerRequest {
  std::string method;
  std::string target;  // as sent: path and query
  std::string path;    // percent-decoded, without query
  std::string query;   // raw, without '?'
  Headers headers = {};
  std::string body = {};  // as received: no Content-Encoding undone
  std::string peer;       // address without port
  std::string request_id;
  absl::Time received_at;  // real time at the first byte of the request
  Deadline deadline = Deadline::After(absl::Seconds(10));
  // Path parts that stand at "{name}" in the route's pattern, and the rest at a closing "*".
  std::map<std::string, std::string> params;
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  Headers headers = {};  // Content-Length, Date and X-Request-Id are added
  // Cuts the connection with a reset instead of answering: for simulators and tests.
  bool reset_connection = false;
};

using Handler = std::function<ServerResponse(const ServerRequest&)>;

struct RouteOptions {
  // The `handler` label of http_* metrics: a constant of a closed set ("collect", "rpc", …).
  std::string metric = "other";
  int64_t max_body_bytes = 1 << 20;  // above: 413
  // Answers on the server's own thread: only for handlers that never block.
  bool is_inline = false;
};

// Routes by method and pattern: "/v3/projects/{project}/collect", "/wechat/*". "" as method takes
// every method; HEAD takes the route of GET; a known path with another method answers 405. The most
// specific pattern wins: part by part from the left a literal before "{name}" before "*".
class Router {
 public:
  void Handle(std::string method, std::string pattern, RouteOptions options, Handler handler);

  struct Route {
    std::string method;
    std::vector<std::string> parts;
    RouteOptions options;
    Handler handler;
  };
  // `path` as sent: it is split at "/" before its parts are percent-decoded. nullptr when none
  // fits;
  // `*allowed`, comma-separated, then names the methods that the path is known with, if any.
  const Route* Find(absl::string_view method, absl::string_view path,
                    std::map<std::string, std::string>* params, std::string* allowed) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: any free one
  int io_threads = 1;
  int handler_threads = 8;
  size_t queue_capacity = 1024;  // above: 503
  int max_connections = 2000;
  int64_t max_header_bytes = 32 << 10;
  int64_t max_body_bytes_in_flight = 256 << 20;  // above: 503
  absl::Duration header_timeout = absl::Seconds(5);
  absl::Duration body_timeout = absl::Seconds(10);
  absl::Duration idle_timeout = absl::Seconds(60);
};

// HTTP/1.1 with keep-alive and pipelining (Beast behind one .cc). Handlers run on a bounded pool
// and may block; what they throw is answered with 500. Refusals before a handler runs: 400 (not
// HTTP), 404, 405, 408 (slow header or body), 413, 431 (header), 503 with Retry-After (queue,
// connections or body bytes in flight). Thread-safe.
class Server {
 public:
  // `router` must outlive the server and not change any more.
  Server(ServerOptions options, const Router& router, metrics::Registry& registry);
  ~Server();

  // Errors: INVALID_ARGUMENT/HTTP_ADDRESS_INVALID, UNAVAILABLE/HTTP_LISTEN_FAILED.
  absl::Status Start();
  // Takes no new connections, lets requests under way end within `grace`, then closes. Idempotent.
  void Stop(absl::Duration grace);
  int port() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datong::http
