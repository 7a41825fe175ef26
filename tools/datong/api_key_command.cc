#include <iostream>
#include <memory>

#include "absl/time/clock.h"
#include "common/auth/api_keys.h"
#include "tools/datong/commands.h"

namespace datong::tools {

void AddApiKeyCommand(CLI::App& app, int& exit_code) {
  CLI::App* group = app.add_subcommand("api-key", "Makes API keys for callers of the services");
  group->require_subcommand(1);
  CLI::App* make = group->add_subcommand(
      "new", "Prints a new key, and the line for auth.api_keys_file that lets it in");
  struct Arguments {
    std::string id;
    int days = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  make->add_option("--id", arguments->id, "The caller: \"key:<id>\" to the policy and the audit")
      ->required();
  make->add_option("--days", arguments->days, "Days until it expires; 0: never")
      ->check(CLI::Range(0, 3650))
      ->capture_default_str();
  make->footer(
      "The services keep the key's SHA-256 only, so store the key now. An id may have two keys: "
      "add "
      "the new line,\ngive the new key to the caller, then remove the old line. Nothing restarts.");
  make->callback([arguments, &exit_code] {
    const absl::StatusOr<auth::NewApiKey> made = auth::MakeApiKey(
        arguments->id, arguments->days == 0 ? absl::InfiniteFuture()
                                            : absl::Now() + absl::Hours(24 * arguments->days));
    if (!made.ok()) {
      std::cerr << std::string(made.status().message()) << "\n";
      exit_code = kExitUsage;
      return;
    }
    std::cout << "key:  " << made->key.Expose() << "\nline: " << made->line << std::endl;
  });
}

}  // namespace datong::tools
