#include <pthread.h>
#include <signal.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tools/datong/commands.h"
#include "tools/datong/demo/run.h"

namespace datong::tools {
namespace {

struct DemoOptions {
  demo::EstateOptions estate;
  std::string folder;
  bool keep = false;
};

void PrintHowToGoOn(DevStack& stack) {
  const auto curl = [&](const char* body, const char* method) {
    std::cout << "  curl -s " << stack.http_url() << "/" << method
              << " -H 'content-type: application/json' -d '" << body << "'\n";
  };
  const auto command = [&](const char* arguments) {
    std::cout << "  datong " << arguments << " --address " << stack.grpc_address() << "\n";
  };
  std::cout << "\nEverything is still running; Ctrl-C stops it.\n\n"
            << "  gRPC        " << stack.grpc_address() << "\n"
            << "  HTTP        " << stack.http_url() << "\n"
            << "  wechat-sim  " << stack.simulator().url() << "\n"
            << "  metrics     " << stack.metrics_url() << "/metrics\n"
            << "  log         " << stack.log_file() << "\n\nbroker\n";
  command("broker list-apps --project projects/demo");
  curl(R"({"project":"projects/demo"})", "datong.broker.v1.ProjectService/ListApps");
  std::cout << "ingest\n";
  command("ingest list-quarantined-events --project projects/demo");
  curl(R"({"project":"projects/demo"})", "datong.ingest.v1.SourceService/ListSources");
  std::cout << "identity\n";
  command("identity list-refusals --project projects/demo");
  curl(R"({"project":"projects/demo"})", "datong.identity.v1.IdentityService/GetGraphStats");
  std::cout << "datacube\n";
  command("datacube get-freshness --project projects/demo");
  curl(R"({"project":"projects/demo"})", "datong.datacube.v1.StatisticsService/GetFreshness");
  std::cout << "insight\n";
  command(
      "insight query-overlap --project projects/demo --begin-day 2026-08-03 --end-day 2026-10-31");
  curl(R"({"project":"projects/demo","beginDay":"2026-08-03","endDay":"2026-10-31"})",
       "datong.insight.v1.InsightService/QueryOverlap");
  std::cout << "gateway\n  curl -s " << stack.http_url() << "/\n" << std::endl;
}

int RunDemo(const DemoOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (options.keep) pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const absl::Time begun = absl::Now();
  const auto progress = [begun](const std::string& line) {
    std::cout << absl::StrFormat("%6.1fs  ", absl::ToDoubleSeconds(absl::Now() - begun)) << line
              << std::endl;
  };
  absl::StatusOr<demo::Performance> performance =
      demo::Perform(options.estate, options.folder, progress);
  if (!performance.ok()) {
    std::cerr << "The demo did not come to its end: " << std::string(performance.status().message())
              << "\n";
    return kExitFailed;
  }
  std::cout << performance->report;
  if (performance->differences.empty()) {
    std::cout << "   Every figure equals the simulator's own truth.\n";
  } else {
    std::cout << "   " << performance->differences.size() << " figures differ from the truth:\n";
    size_t shown = 0;
    for (const std::string& difference : performance->differences) {
      if (++shown <= 20) std::cout << "     " << difference << "\n";
    }
  }
  std::cout << "   Done in "
            << absl::FormatDuration(absl::Trunc(absl::Now() - begun, absl::Seconds(1))) << "."
            << std::endl;
  if (options.keep) {
    PrintHowToGoOn(*performance->stack);
    int which = 0;
    sigwait(&signals, &which);
    std::cout << "Stopping" << std::endl;
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }
  performance->stack->Stop();
  return performance->differences.empty() ? kExitOk : kExitFailed;
}

}  // namespace

void AddDemoCommand(CLI::App& app, int& exit_code) {
  CLI::App* demo = app.add_subcommand(
      "demo",
      "Tells the story of 90 days on a simulated estate, and reports what the suite answers");
  auto options = std::make_shared<DemoOptions>();
  demo->add_flag("--keep", options->keep, "Leave everything running and print how to use it");
  demo->add_option("--data", options->folder,
                   "Empty folder to keep everything in. Default: one that is removed at the end");
  demo->add_option("--persons", options->estate.persons, "People of the estate")
      ->check(CLI::Range(100, 1'000'000))
      ->capture_default_str();
  demo->add_option("--days", options->estate.days, "Days that pass")
      ->check(CLI::Range(70, 365))
      ->capture_default_str();
  demo->add_option("--events", options->estate.events, "SDK events at least")
      ->check(CLI::Range(1000, 100'000'000))
      ->capture_default_str();
  demo->callback([options, &exit_code] { exit_code = RunDemo(*options); });
}

}  // namespace datong::tools
