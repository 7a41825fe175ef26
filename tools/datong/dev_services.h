#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "tools/datong/doors.h"

namespace datong::tools {

// What the services of a development stack are run with.
struct DevServicesOptions {
  // The stack's: logs, settings files and certificates go there.
  std::string folder;
  // Of the services; what belongs to one of them goes to that one alone ("broker.…").
  std::map<std::string, std::string> settings;
  // Of the gateway, and in one process of the collector; 0: any free one.
  int http_port = 0;
  // The folder of the services' programs, where each runs in a process of its own.
  std::string programs = {};
};

// The services of a development stack, running and ready. Driven by the thread that started them,
// which must outlive them.
class DevServices {
 public:
  // Stops.
  virtual ~DevServices() = default;
  virtual const Doors& doors() const = 0;
  // What they are set to, secrets as ***.
  virtual std::string PrintSettings() = 0;
  // Errors: what ended one of them.
  virtual absl::Status Check() = 0;
  // Idempotent.
  virtual void Stop() = 0;
};

// All in this process: one gRPC and one HTTP port.
// Errors: those of server::Process.
absl::StatusOr<std::unique_ptr<DevServices>> StartInOneProcess(const DevServicesOptions& options);

// Each as a process of its own, as in production: its own ports and settings file, TLS and SPIFFE
// identities of an authority in the folder.
// Errors: FAILED_PRECONDITION/PROGRAM_MISSING, SERVICE_FAILED with the end of its log;
// DEADLINE_EXCEEDED/NOT_READY.
absl::StatusOr<std::unique_ptr<DevServices>> StartAsProcesses(const DevServicesOptions& options);

}  // namespace datong::tools
