#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"
#include "common/postgres/private_cluster.h"
#include "common/rpc/call_context.h"
#include "common/server/module.h"
#include "common/server/process.h"
#include "common/time/clock.h"

namespace datong::bench {

// A private database with fsync on, migrated for `modules`; the folder of keys; callers that must
// prove who they are, as in production, and one API key that may do everything; a platform that
// hands out tokens, each another one; all gone at the end.
class Estate {
 public:
  // Errors: those of the cluster and of the migrations.
  static absl::StatusOr<std::unique_ptr<Estate>> Make(
      const std::vector<server::ModuleDefinition>& modules);
  ~Estate();

  Secret dsn() const { return cluster_->Dsn(); }
  const std::string& folder() const { return folder_; }
  // What callers send as `authorization`.
  const std::string& authorization() const { return authorization_; }
  // For calls that are not measured.
  rpc::CallContext Call() const;
  // The settings that let a process of any services run here, on free ports.
  std::map<std::string, std::string> Flags() const;
  // The modules in one process of this program, ready. They live by `clock` where it is given.
  absl::StatusOr<std::unique_ptr<server::Process>> StartProcess(
      const std::string& component, const std::vector<server::ModuleDefinition>& modules,
      SystemClock* clock = nullptr, const std::map<std::string, std::string>& settings = {});
  // How often the platform was asked.
  int64_t platform_calls() const { return platform_calls_; }

 private:
  Estate() = default;
  absl::Status StartPlatform();
  absl::Status MakeCaller();

  std::string folder_;
  std::string authorization_;
  std::unique_ptr<postgres::PrivateCluster> cluster_;
  metrics::Registry registry_;
  std::atomic<int64_t> platform_calls_{0};
  http::Router router_;
  std::unique_ptr<http::Server> platform_;
};

}  // namespace datong::bench
