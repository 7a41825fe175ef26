#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/server/process.h"
#include "common/time/clock.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::tools {

struct DevStackOptions {
  // Where everything is kept: cluster, keys, log. Made when missing; used again otherwise.
  // "": a folder for this once, removed at the end.
  std::string folder = {};
  // 0: any free one.
  int grpc_port = 0;
  int http_port = 0;
  int metrics_port = 0;
  int simulator_port = 0;
  // Off only for tests and stories.
  bool fsync = true;
  // Where business time begins; absent: the real time.
  std::optional<absl::Time> start_time = std::nullopt;
  int push_threads = 4;
  // Callers need the development API key; otherwise whoever comes without one is let in.
  bool authenticate = false;
  // More settings, or others than the stack's own: {"broker.refresh_ahead", "60s"}.
  std::map<std::string, std::string> settings = {};
  // Gets a line for each step.
  std::function<void(const std::string&)> progress = nullptr;
};

// The whole suite in this process, for development, stories and tests: a private PostgreSQL, the
// migrations, wechat-sim, and every service on one gRPC and one HTTP port. Business time follows
// the simulator's clock. Thread-safe but for Stop.
class DevStack {
 public:
  // Returns when every service is ready.
  // Errors: those of PrivateCluster, Migrate and Process; UNAVAILABLE/LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<DevStack>> Start(DevStackOptions options);
  // Stops.
  ~DevStack();

  std::string grpc_address() const;  // "127.0.0.1:41234"
  std::string http_url() const;      // gateway and collector; no slash at the end
  std::string metrics_url() const;
  wechat_sim::Simulator& simulator();
  server::Process& process();
  // Of the database "datong", as superuser.
  Secret dsn() const;
  const std::string& folder() const;
  std::string log_file() const;
  // May do everything. It is there, and taken, even where callers need none.
  const Secret& api_key() const;
  std::string api_key_file() const;

  // Business time, the same at WeChat and in the suite. Setting it moves both at once.
  absl::Time Now() const;
  void SetNow(absl::Time now);
  void Advance(absl::Duration by);

  // For tests of what happens without a database. Commits survive only with `fsync`.
  void CrashDatabase();
  // Errors: those of PrivateCluster::Restart.
  absl::Status RestoreDatabase();

  // Ends services, simulator and database in this order. Idempotent.
  void Stop();

 private:
  struct State;
  explicit DevStack(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace datong::tools
