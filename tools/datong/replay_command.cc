#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "tools/datong/commands.h"
#include "tools/datong/connection.h"
#include "tools/datong/replay.h"

namespace datong::tools {
namespace {

bool ReadFile(const std::string& path, std::string& content) {
  std::ifstream file(path);
  if (!file) {
    std::cerr << "datong identity replay: cannot read " << path << "\n";
    return false;
  }
  std::stringstream text;
  text << file.rdbuf();
  content = text.str();
  return true;
}

}  // namespace

void AddReplayCommand(CLI::App& app, int& exit_code) {
  CLI::App* replay = app.get_subcommand("identity")
                         ->add_subcommand("replay",
                                          "Runs worked scenarios in fresh projects and shows where "
                                          "persons or refusals differ from what "
                                          "the file expects");
  struct Arguments {
    ReplayOptions options;
    std::string address = "127.0.0.1:9000";
    std::string file;
    std::string policy_file;
  };
  auto arguments = std::make_shared<Arguments>();
  replay->add_option("FILE", arguments->file, "The scenarios, as JSON")->required();
  replay->add_option("--policy", arguments->policy_file,
                     "A policy, as JSON: shows what it would make of the scenarios");
  replay->add_option("--scenario", arguments->options.only, "Only the one of this name");
  replay->add_option("--address", arguments->address, "Where identity listens")
      ->envname("DATONG_ADDRESS")
      ->capture_default_str();
  replay->footer(
      "The format is that of services/identity/testdata/scenarios.json: a list of {name, policy?,\n"
      "steps}, each step an operation with its time and the persons and refusals `after` it.\n"
      "Exit codes: 0 all as expected, 1 differences or failed.");
  replay->callback([arguments, &exit_code] {
    exit_code = kExitFailed;
    ReplayOptions& options = arguments->options;
    if (!ReadFile(arguments->file, options.scenarios)) return;
    if (!arguments->policy_file.empty() && !ReadFile(arguments->policy_file, options.policy)) {
      return;
    }
    const absl::StatusOr<Secret> api_key = ApiKeyFor(arguments->address);
    if (!api_key.ok()) {
      std::cerr << "datong identity replay: " << api_key.status().message() << "\n";
      return;
    }
    options.channel = OpenChannel(arguments->address, *api_key);
    const absl::StatusOr<ReplayResult> result =
        Replay(options, [](const std::string& line) { std::cout << line << std::endl; });
    if (!result.ok()) {
      std::cerr << "datong identity replay: " << result.status().message() << "\n";
      return;
    }
    std::cout << result->scenarios << " scenarios, " << result->steps << " steps, "
              << result->differences << " with differences" << std::endl;
    exit_code = result->differences == 0 && result->scenarios > 0 ? kExitOk : kExitFailed;
  });
}

}  // namespace datong::tools
