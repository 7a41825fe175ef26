#include <iostream>
#include <memory>
#include <vector>

#include "tools/datong/commands.h"
#include "tools/datong/connection.h"
#include "tools/datong/selftest.h"

namespace datong::tools {

void AddSelftestCommand(CLI::App& app, int& exit_code) {
  CLI::App* selftest = app.add_subcommand(
      "selftest",
      "Checks a running installation: every component serves, strangers get no token, an event "
      "makes its way");
  struct Arguments {
    SelftestOptions options;
    std::vector<std::string> components;
    int timeout_seconds = 30;
  };
  auto arguments = std::make_shared<Arguments>();
  arguments->options.address = "127.0.0.1:9000";
  selftest->add_option("--address", arguments->options.address, "Where the components listen")
      ->envname("DATONG_ADDRESS")
      ->capture_default_str();
  selftest
      ->add_option("--component", arguments->components,
                   "One that listens elsewhere, as broker=host:port; may be repeated")
      ->allow_extra_args(false);
  selftest->add_option("--project", arguments->options.project, "The project of the test's event")
      ->capture_default_str();
  selftest->add_option("--timeout", arguments->timeout_seconds, "Seconds for each check")
      ->capture_default_str();
  selftest->add_flag("--insecure", arguments->options.insecure,
                     "The installation runs with insecure.allow: who brings no credentials is let "
                     "in, and that is not a fault");
  selftest->callback([arguments, &exit_code] {
    arguments->options.timeout = absl::Seconds(arguments->timeout_seconds);
    for (const std::string& component : arguments->components) {
      const size_t sign = component.find('=');
      if (sign == std::string::npos) {
        std::cerr << "--component takes name=host:port, not \"" << component << "\"\n";
        exit_code = kExitUsage;
        return;
      }
      arguments->options.components[component.substr(0, sign)] = component.substr(sign + 1);
    }
    const absl::StatusOr<Secret> api_key = ApiKeyFor(arguments->options.address);
    if (!api_key.ok()) {
      std::cerr << std::string(api_key.status().message()) << "\n";
      exit_code = kExitUsage;
      return;
    }
    arguments->options.api_key = *api_key;
    const bool passed = Selftest(arguments->options,
                                 [](const std::string& line) { std::cout << line << std::endl; });
    exit_code = passed ? kExitOk : kExitFailed;
  });
}

}  // namespace datong::tools
