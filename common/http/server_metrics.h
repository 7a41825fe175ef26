#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"

namespace datong::http {

// The http_* series of one I/O thread of a server. Series are looked up once per combination and
// then remembered. Not thread-safe: one per thread, over one registry.
class ServerMetrics {
 public:
  // Every handler of the router has its first series at zero from here on.
  ServerMetrics(const Router& router, metrics::Registry& registry);

  void Started(const std::string& handler);
  void Ended(const std::string& handler);
  void Answered(const std::string& handler, absl::string_view method, int code,
                absl::Duration elapsed, size_t request_bytes);

 private:
  struct Series {
    metrics::Counter* requests;
    metrics::Histogram* seconds;
    metrics::Histogram* bytes;
  };
  Series& Find(const std::string& handler, absl::string_view method, int code);
  metrics::Gauge& InFlight(const std::string& handler);

  metrics::Registry& registry_;
  absl::flat_hash_map<std::string, Series> series_;
  absl::flat_hash_map<std::string, metrics::Gauge*> in_flight_;
};

}  // namespace datong::http
