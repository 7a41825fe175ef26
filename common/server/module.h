#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/config/settings.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"
#include "common/postgres/migrator.h"
#include "common/server/shared_settings.h"
#include "common/time/clock.h"

namespace grpc {
class Channel;
class Service;
}  // namespace grpc

namespace datong::auth {
class Access;
}

namespace datong::rpc {
class Calls;
class Gate;
}  // namespace datong::rpc

namespace datong::server {

// What a process gives to each of its modules. Outlives them.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual config::Settings& settings() = 0;
  // The settings that several modules need: database, addresses of WeChat, folder of keys.
  virtual const SharedSettings& shared() = 0;
  virtual metrics::Registry& metrics() = 0;
  virtual const Clock& clock() = 0;
  // Where unary and streaming handlers run: a pool of this module's own, so that modules of one
  // process that call each other cannot wait for each other's threads.
  virtual rpc::Calls& calls() = 0;
  // Who may call: for the one service that knows the kinds of apps, and keeps the audit of denials.
  virtual auth::Access& access() = 0;
  virtual rpc::Gate& gate() = 0;
  // A channel to the named service ("identity"): its address is the setting `peers.<service>`, or
  // the same process when that service runs here. Calls prove that they come from this module.
  // Usable from Module::Start on.
  virtual std::shared_ptr<grpc::Channel> PeerChannel(absl::string_view service) = 0;
};

// One service: its object graph, from settings to handlers.
// Life: constructed → services and routes registered → Start (background work may call peers) →
// CheckReady asked often → Stop (background work ends; handlers may still be running) → destroyed.
class Module {
 public:
  virtual ~Module() = default;

  virtual std::string name() const = 0;  // "broker"; also its schema
  virtual std::vector<grpc::Service*> GrpcServices() { return {}; }
  virtual void RegisterRoutes(http::Router& router) { static_cast<void>(router); }
  // UNAVAILABLE (a database that is not there yet) is tried again until it works; any other error
  // ends the process.
  virtual absl::Status Start() { return absl::OkStatus(); }
  virtual void Stop() {}
  // OK once the module can serve; the sentence of the error is shown by /readyz.
  virtual absl::Status CheckReady() { return absl::OkStatus(); }
};

// A service as its main.cc and the all-in-one know it.
struct ModuleDefinition {
  std::string name;
  // Reads its settings (faults are collected in them, not thrown) and builds the module.
  absl::StatusOr<std::unique_ptr<Module>> (*make)(Environment& environment);
  // Its schema, or empty.
  std::vector<postgres::Migration> (*migrations)();
  // The longest message that its RPCs take.
  int max_message_bytes = 4 << 20;
};

// The body of a service's main(): options (--help, --config, --check-config, --print-config, and
// any setting as --section.key=value), start-up, probes, draining; returns the exit code.
int Run(int argc, char** argv, const std::vector<ModuleDefinition>& modules);

}  // namespace datong::server
