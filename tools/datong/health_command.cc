#include <iostream>
#include <memory>
#include <string>

#include "common/rpc/client.h"
#include "tools/datong/commands.h"
#include "tools/datong/selftest.h"

namespace datong::tools {

void AddHealthCommand(CLI::App& app, int& exit_code) {
  CLI::App* health = app.add_subcommand(
      "health", "Asks a process's health port: exit code 0 when it serves, 1 otherwise");
  struct Arguments {
    std::string address = "127.0.0.1:9001";
    std::string service = "readiness";
    int timeout_seconds = 2;
  };
  auto arguments = std::make_shared<Arguments>();
  health->add_option("--address", arguments->address, "Its server.health_port")
      ->capture_default_str();
  health->add_option("--service", arguments->service, "readiness or liveness")
      ->capture_default_str();
  health->add_option("--timeout", arguments->timeout_seconds, "Seconds to wait for it")
      ->capture_default_str();
  health->callback([arguments, &exit_code] {
    // The health port is plaintext everywhere.
    const absl::Status status =
        CheckHealth(rpc::CreateChannel(arguments->address), arguments->service,
                    Deadline::After(absl::Seconds(arguments->timeout_seconds)));
    if (!status.ok()) std::cerr << std::string(status.message()) << "\n";
    exit_code = status.ok() ? kExitOk : kExitFailed;
  });
}

}  // namespace datong::tools
