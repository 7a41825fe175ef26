#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "common/metrics/registry.h"
#include "common/server/module.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"

namespace datong::server {

struct ProcessOptions {
  // The name in logs and metrics: "broker", "all-in-one".
  std::string component;
  std::vector<ModuleDefinition> modules;
  config::Sources sources;
  // Business time; the process has a SystemClock of its own when this is null. Must outlive it.
  SystemClock* clock = nullptr;
};

// Where a process listens. 0: not at all.
struct Ports {
  int grpc = 0;
  int health = 0;
  int metrics = 0;
  int http = 0;
};

// Modules with all that they need to serve: settings, pools, the gRPC server, health on a port of
// its own, /metrics and probes, the HTTP port when a module has routes. The body of every service's
// binary, and, as a library, of the all-in-one, of `datong dev` and of tests.
// Life: constructed → Build → Start → (WaitReady) → Drain → Stop → destroyed. One thread drives it.
class Process {
 public:
  explicit Process(ProcessOptions options);
  // Stops.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Reads the settings and makes the modules; touches no network.
  // Errors: INVALID_ARGUMENT/SETTINGS_INVALID with every fault on a line of its own; the modules'
  // own.
  absl::Status Build();

  // Listens, and lets the modules start in the background: as long as one of them finds no database
  // the process waits and is not ready.
  // Errors: UNAVAILABLE/LISTEN_FAILED.
  absl::Status Start();

  // Returns when every module can serve. Errors: DEADLINE_EXCEEDED/NOT_READY with the cause; what a
  // module's Start said when it cannot work at all.
  absl::Status WaitReady(Deadline deadline);
  // Set when a module's Start failed for good: the process should end.
  absl::Status failure() const;

  // Says "not ready" and waits until nobody sends new calls (server.drain_wait). May be interrupted
  // by Stop of another thread.
  void Drain();
  // Open streams end with UNAVAILABLE, running calls get server.shutdown_grace, background work
  // stops. Idempotent.
  void Stop();

  // After Build.
  config::Settings& settings();
  metrics::Registry& metrics();
  const SharedSettings& shared() const;
  // After Start.
  Ports ports() const;
  // A channel to the services of this process.
  std::shared_ptr<grpc::Channel> channel() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datong::server
