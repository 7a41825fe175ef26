#include <signal.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/time.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::wechat_sim {
namespace {

// {"apps":[…],"users":{"wx…":[…]}}
absl::Status LoadWorld(Simulator& simulator, const std::string& file) {
  std::ifstream stream(file);
  const nlohmann::json world = nlohmann::json::parse(stream, nullptr, false);
  if (!world.is_object()) return absl::InvalidArgumentError(file + " holds no JSON object");
  if (world.contains("apps")) {
    const auto answer = simulator.Admin("POST", "/admin/apps", {{"apps", world["apps"]}});
    if (!answer.ok()) return answer.status();
  }
  if (world.contains("users") && world["users"].is_object()) {
    for (const auto& [appid, users] : world["users"].items()) {
      const auto answer =
          simulator.Admin("POST", "/admin/users", {{"appid", appid}, {"users", users}});
      if (!answer.ok()) return answer.status();
    }
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App cli(
      "A WeChat server for development and tests; README.md of tools/wechat_sim says what "
      "it serves.");
  SimulatorOptions options;
  std::string start, world;
  cli.add_option("--port", options.port, "Port; 0 takes any free one")->capture_default_str();
  cli.add_option("--address", options.address, "Address to listen on")->capture_default_str();
  cli.add_option("--start", start, "Where its clock begins, as 2026-03-01T07:00:00+08:00");
  cli.add_option("--world", world, "A JSON file with apps and users to begin with");
  CLI11_PARSE(cli, argc, argv);
  if (!start.empty()) {
    absl::Time time;
    std::string problem;
    if (!absl::ParseTime(absl::RFC3339_full, start, &time, &problem)) {
      std::cerr << "--start: " << problem << "\n";
      return 2;
    }
    options.start_time = time;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread is made
  Simulator simulator(options);
  if (!world.empty()) {
    if (const absl::Status loaded = LoadWorld(simulator, world); !loaded.ok()) {
      std::cerr << "--world: " << loaded.message() << "\n";
      return 2;
    }
  }
  if (const absl::Status started = simulator.Start(); !started.ok()) {
    std::cerr << started.message() << "\n";
    return 1;
  }
  std::cout << simulator.url() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  simulator.Stop();
  return 0;
}

}  // namespace
}  // namespace datong::wechat_sim

int main(int argc, char** argv) { return datong::wechat_sim::Main(argc, argv); }
