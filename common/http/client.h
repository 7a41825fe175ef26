#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http/request.h"
#include "common/time/deadline.h"

namespace datong::http {

struct ClientOptions {
  absl::Duration connect_timeout = absl::Seconds(2);
  absl::Duration total_timeout = absl::Seconds(10);
  int64_t max_response_bytes = 16 << 20;
  // Plain http, and private, loopback and link-local addresses. Development and tests only
  // (`wechat.allowPrivateUpstream`).
  bool allow_private = false;
  bool follow_redirects = false;
  int max_connections_per_host = 32;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url = {};
  Headers headers = {};
  std::string body = {};
};

struct ClientResponse {
  int status = 0;
  Headers headers = {};
  std::string body = {};
};

// Sends HTTP requests over kept-alive connections (libcurl multi, one thread of its own). TLS
// >= 1.2 with peer and host verification. The query of a URL never reaches a log or an error.
// Thread-safe; Send blocks.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();

  // Any HTTP status is an answer. Errors: UNAVAILABLE/HTTP_UNREACHABLE (DNS, connect, TLS, reset),
  // DEADLINE_EXCEEDED/HTTP_TIMEOUT, RESOURCE_EXHAUSTED/HTTP_RESPONSE_TOO_LARGE,
  // INVALID_ARGUMENT/HTTP_URL_REFUSED (scheme or address not allowed),
  // INVALID_ARGUMENT/HTTP_REQUEST_INVALID (a line break in a method or header).
  absl::StatusOr<ClientResponse> Send(const ClientRequest& request, Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datong::http
