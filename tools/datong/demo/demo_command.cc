#include <semaphore.h>
#include <signal.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tools/datong/commands.h"
#include "tools/datong/demo/run.h"
#include "tools/datong/dev_addresses.h"
#include "tools/datong/program_path.h"

namespace datong::tools {
namespace {

struct DemoOptions {
  demo::EstateOptions estate;
  DevStackOptions stack;
  bool keep = false;
};

// Everything a person needs to go on; each line can be typed as it stands.
void PrintHowToGoOn(DevStack& stack, const insight::v1::TrafficRow& whole_time) {
  const auto curl = [&](const std::string& body, const char* method) {
    std::cout << "  curl -s " << stack.http_url() << "/" << method
              << " -H 'content-type: application/json' -H \"authorization: Bearer $(cat "
              << "\"$DATONG_API_KEY_FILE\")\" -d '" << body << "'\n";
  };
  const std::string program = ProgramPath();
  const auto command = [&](const std::string& arguments) {
    const std::string service = arguments.substr(0, arguments.find(' '));
    std::cout << "  " << program << " " << arguments << " --address "
              << stack.doors().services.at(service).grpc_address << "\n";
  };
  const std::string& begin = whole_time.begin_day();
  const std::string& end = whole_time.end_day();
  const std::string project = R"({"project":"projects/demo"})";
  std::cout << "\nEverything is still running: Ctrl-C stops it, and so does `kill " << getpid()
            << "`.\n\n"
            << AddressLines(stack) << "\nType these in another terminal.\n\n"
            << ExportLines(stack) << "\nbroker: accounts and tokens\n";
  command("broker list-apps --project projects/demo");
  curl(project, "datong.broker.v1.ProjectService/ListApps");
  std::cout << "ingest: what came in, and what was refused\n";
  command("ingest list-quarantined-events --project projects/demo");
  curl(project, "datong.ingest.v1.SourceService/ListSources");
  std::cout << "identity: who is who\n";
  command("identity list-refusals --project projects/demo");
  curl(project, "datong.identity.v1.IdentityService/GetGraphStats");
  std::cout << "datacube: WeChat's own statistics\n";
  command("datacube get-freshness --project projects/demo");
  curl(project, "datong.datacube.v1.StatisticsService/GetFreshness");
  std::cout << "insight: the answers\n";
  command(absl::StrCat("insight query-overlap --project projects/demo --begin-day ", begin,
                       " --end-day ", end));
  curl(absl::StrCat(R"({"project":"projects/demo","beginDay":")", begin, R"(","endDay":")", end,
                    R"("})"),
       "datong.insight.v1.InsightService/QueryOverlap");
  std::cout << "gateway: the HTTP door of all of them\n";
  std::cout << "  " << program << " " << SelftestArguments(stack) << "\n  curl -s "
            << stack.http_url() << "/\n"
            << std::endl;
}

sem_t end_asked;

// Until SIGINT or SIGTERM comes; the second one ends the process. Before this is called the first
// one does: what is temporary is removed then too.
void AwaitEnd() {
  sem_init(&end_asked, 0, 0);
  struct sigaction action {};
  action.sa_handler = [](int) { sem_post(&end_asked); };
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  while (sem_wait(&end_asked) != 0) {
  }
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

int RunDemo(const DemoOptions& options) {
  signal(SIGPIPE, SIG_IGN);

  const absl::Time begun = absl::Now();
  const auto progress = [begun](const std::string& line) {
    std::cout << absl::StrFormat("%6.1fs  ", absl::ToDoubleSeconds(absl::Now() - begun)) << line
              << std::endl;
  };
  absl::StatusOr<demo::Performance> performance =
      demo::Perform(options.estate, options.stack, progress);
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
    PrintHowToGoOn(*performance->stack, performance->answers.traffic_total.rows(0));
    AwaitEnd();
    std::cout << "Stopping" << std::endl;
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
  demo->add_option("--data", options->stack.folder,
                   "Empty folder to keep everything in. Default: one that is removed at the end");
  demo->add_flag_callback(
      "--processes", [options] { options->stack.programs = ProgramFolder(); },
      "Each service as a process of its own, with its own ports and TLS; otherwise all in one");
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
