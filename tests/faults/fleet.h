#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/envelope.h"
#include "common/exec/child_process.h"
#include "common/http/client.h"
#include "common/postgres/private_cluster.h"
#include "common/server/process.h"
#include "tests/faults/history.h"
#include "tests/faults/tcp_proxy.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::faults {

struct FleetOptions {
  int replicas = 2;
  int own_apps = 3;  // with secrets of their own: "wxown0" …
  int authorizers =
      0;  // behind the component "wxcomp", with refresh tokens that rotate: "wxauth0" …
  bool fsync = false;
  bool standby = false;  // a second database that follows the first, commit by commit
  std::map<std::string, std::string> settings = {};  // of every replica
  uint64_t seed = 1;
};

class Fleet;

// One broker process, under an address that outlives it.
class Replica {
 public:
  // Starts the program and waits until it listens. Errors: UNAVAILABLE, with the end of its log.
  absl::Status Start();
  absl::Status WaitReady(absl::Duration patience = absl::Seconds(60));
  bool IsReady() const;
  void Kill() { process_.Kill(); }
  void Signal(int signal) const { process_.Signal(signal); }
  // SIGTERM, and waits for an exit code of 0.
  absl::Status Stop(absl::Duration patience = absl::Seconds(60));
  const ChildProcess& process() const { return process_; }
  // Waits for its end; whether it left a core file.
  absl::StatusOr<bool> AwaitCrash();

  std::string address() const { return door_->address(); }  // of gRPC, for its whole life
  std::string direct_address() const;                       // of the process that runs now
  // The sum of the series whose line begins with `series`; 0 when there is none or no answer.
  double Metric(const std::string& series) const;
  std::string log() const;
  // By which its business time differs from the real one, as it last told the simulator.
  int64_t clock_offset_ms() const { return clock_offset_ms_; }

 private:
  friend class Fleet;
  Replica(Fleet& fleet, int index) : fleet_(fleet), index_(index) {}
  Fleet& fleet_;
  const int index_;
  int starts_ = 0;
  int grpc_port_ = 0;
  int metrics_port_ = 0;
  std::unique_ptr<TcpProxy> door_;
  std::unique_ptr<TcpProxy> clock_;
  std::atomic<int64_t> clock_offset_ms_{0};
  ChildProcess process_;
};

// Brokers as processes against a PostgreSQL of their own and the simulator, with a TcpProxy on
// every way: callers → broker, broker → PostgreSQL, broker → WeChat. The database records each
// write of a token and each lease. Driven by one thread, the one that made it: processes die with
// it.
class Fleet {
 public:
  static absl::StatusOr<std::unique_ptr<Fleet>> Start(FleetOptions options);
  ~Fleet();

  size_t size() const { return replicas_.size(); }
  Replica& replica(size_t index) { return *replicas_[index]; }
  // Those with a token: "wxown0", …, "wxcomp", "wxauth0", …
  const std::vector<std::string>& appids() const { return appids_; }
  static std::string AppName(const std::string& appid) { return "projects/demo/apps/" + appid; }

  wechat_sim::Simulator& simulator() { return simulator_; }
  TcpProxy& wechat() { return *wechat_; }
  TcpProxy& database() { return *database_; }  // the way to the primary
  postgres::PrivateCluster& cluster() { return *cluster_; }
  postgres::PrivateCluster& standby() { return *standby_; }

  // Moves everybody's clock; returns when each running replica has followed. Until then WeChat
  // answers nobody: clocks of real replicas agree, so nobody may work by the new time before all
  // do.
  absl::Status MoveClock(absl::Duration by);
  // Counts up while the clock moves and until all have followed: a read that saw two values of it,
  // or an odd one, cannot be held to the clock.
  int64_t clock_turns() const { return clock_turns_; }

  // One value of the database that counts now, past all proxies. Throws what libpqxx throws.
  std::string Ask(const std::string& sql) const;
  void UseStandby() { asked_ = standby_.get(); }
  absl::StatusOr<std::vector<TokenWrite>> Writes() const;

 private:
  friend class Replica;
  explicit Fleet(FleetOptions options);
  absl::Status MakeDatabase();
  absl::Status MakeDoors();
  absl::Status CreateApps();
  absl::Status ConnectAuthorizers();
  std::map<std::string, std::string> Settings() const;

  const FleetOptions options_;
  std::string folder_;
  std::unique_ptr<postgres::PrivateCluster> cluster_;
  std::unique_ptr<postgres::PrivateCluster> standby_;
  postgres::PrivateCluster* asked_ = nullptr;
  wechat_sim::Simulator simulator_;
  std::unique_ptr<TcpProxy> wechat_;
  std::unique_ptr<TcpProxy> database_;
  std::unique_ptr<TcpProxy> second_database_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<server::Process> gateway_;
  mutable http::Client http_{{.allow_private = true}};
  std::vector<std::string> appids_;
  std::unique_ptr<crypto::Envelope> envelope_;
  std::atomic<int64_t> clock_turns_{0};
};

// Waits for a condition. False when it does not come to hold within the patience.
bool Eventually(const std::function<bool()>& holds, absl::Duration patience = absl::Seconds(60));

}  // namespace datong::faults
