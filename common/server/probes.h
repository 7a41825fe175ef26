#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"

namespace datong::server {

// What the metrics port answers: /metrics, /livez, /readyz and /version.
class Probes {
 public:
  Probes(metrics::Registry& registry, std::string component);

  // `check` tells whether the process can serve, and why not.
  void Register(http::Router& router, std::function<absl::Status()> check);

 private:
  std::string Scrape();

  metrics::Registry& registry_;
  const std::string component_;
  metrics::ProcessMetrics process_;
  metrics::Counter& dropped_lines_;
};

}  // namespace datong::server
