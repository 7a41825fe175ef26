#pragma once

#include "absl/time/time.h"
#include "common/http/server.h"
#include "services/gateway/core/broker.h"

namespace datong::gateway {

struct PushOptions {
  // WeChat gives up after 5 s.
  absl::Duration timeout = absl::Seconds(4);
  int64_t max_body_bytes = 128 << 10;
};

// Callbacks of WeChat and WeCom: GET verifies a URL, POST is a push. Everything is passed to the
// broker as it came, and the broker's answer back; whatever fails is answered with an error status
// and the reason, never with "success", so that WeChat sends the push again. Thread-safe.
class PushHandlers {
 public:
  // `broker` must outlive it.
  PushHandlers(PushOptions options, Broker& broker) : options_(options), broker_(broker) {}

  void RegisterRoutes(http::Router& router);
  http::ServerResponse Handle(const http::ServerRequest& request);

 private:
  const PushOptions options_;
  Broker& broker_;
};

}  // namespace datong::gateway
