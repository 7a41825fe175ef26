#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "tools/datong/doors.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::tools {

struct DevStackOptions {
  // Where everything is kept: cluster, keys, log. Made when missing; used again otherwise.
  // "": a folder for this once, removed at the end.
  std::string folder = {};
  // The folder of the services' programs, to run each in a process of its own, with TLS between
  // them. "": all services in this process.
  std::string programs = {};
  // 0: any free one. Processes of their own have their own ports; only http_port is then the
  // gateway's.
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

// The whole suite for development, stories and tests: a private PostgreSQL, the migrations,
// wechat-sim, and every service. Business time follows the simulator's clock. Thread-safe but for
// Check and Stop, which belong to the thread that started it; processes end with that thread.
class DevStack {
 public:
  // Returns when every service is ready.
  // Errors: those of PrivateCluster, Migrate, StartInOneProcess and StartAsProcesses.
  static absl::StatusOr<std::unique_ptr<DevStack>> Start(DevStackOptions options);
  // Stops.
  ~DevStack();

  const Doors& doors() const;
  // Where all services are in one process, its only door; of broker, or gateway, otherwise.
  const std::string& grpc_address() const { return broker().grpc_address; }
  const std::string& metrics_url() const { return broker().metrics_url; }
  const std::string& log_file() const { return broker().log_file; }
  const std::string& http_url() const { return doors().gateway_url; }
  // What the services are set to, secrets as ***.
  std::string PrintSettings() const;
  wechat_sim::Simulator& simulator();
  // Of the database "datong", as superuser.
  Secret dsn() const;
  const std::string& folder() const;
  // May do everything. It is there, and taken, even where callers need none.
  const Secret& api_key() const;
  std::string api_key_file() const;

  // Business time, the same at WeChat and in the suite: whoever sets it goes on when it is.
  absl::Time Now() const;
  void SetNow(absl::Time now);
  void Advance(absl::Duration by);

  // For tests of what happens without a database. Commits survive only with `fsync`.
  void CrashDatabase();
  // Errors: those of PrivateCluster::Restart.
  absl::Status RestoreDatabase();

  // Errors: what ended a service.
  absl::Status Check();
  // Ends services, simulator and database in this order. Idempotent.
  void Stop();

 private:
  const Door& broker() const { return doors().services.at("broker"); }

  struct State;
  explicit DevStack(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace datong::tools
