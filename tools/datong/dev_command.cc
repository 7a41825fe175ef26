#include <pthread.h>
#include <signal.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/datong/commands.h"
#include "tools/datong/dev_addresses.h"
#include "tools/datong/dev_stack.h"
#include "tools/datong/program_path.h"

namespace datong::tools {
namespace {

// Everything a person needs to go on.
void PrintAddresses(DevStack& stack, absl::Duration took) {
  const std::string datong = "  " + ProgramPath() + " ";
  const std::string at = absl::StrCat(" --address ", stack.grpc_address(), "\n");
  std::cout << "\nDatong is ready after "
            << absl::FormatDuration(absl::Trunc(took, absl::Milliseconds(10)))
            << ". Ctrl-C stops it.\n\n"
            << AddressLines(stack) << "  data        " << stack.folder()
            << "   kept; remove it to begin anew\n"
            << "  API key     " << stack.api_key_file() << "   the policy is beside it\n\n"
            << "Try, in another terminal:\n"
            << ExportLines(stack) << datong
            << "broker create-project --project-id demo --project.display-name Demo" << at << datong
            << "broker list-projects" << at << datong << SelftestArguments(stack) << "\n  curl -s "
            << stack.http_url()
            << "/datong.broker.v1.ProjectService/ListProjects -H 'content-type: application/json' "
               "-H \"authorization: Bearer $(cat \"$DATONG_API_KEY_FILE\")\" -d '{}'\n"
            << std::endl;
}

int RunDev(const DevStackOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const absl::Time begin = absl::Now();
  absl::StatusOr<std::unique_ptr<DevStack>> stack = DevStack::Start(options);
  if (!stack.ok()) {
    std::cerr << std::string(stack.status().message()) << "\n";
    return kExitFailed;
  }
  PrintAddresses(**stack, absl::Now() - begin);
  absl::Status running;
  const timespec look_every = absl::ToTimespec(absl::Milliseconds(500));
  while (running.ok() && sigtimedwait(&signals, nullptr, &look_every) < 0) {
    running = (*stack)->Check();
  }
  if (!running.ok()) std::cerr << std::string(running.message()) << "\n";
  std::cout << "Stopping" << std::endl;
  // Whoever asks twice will not wait.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*stack)->Stop();
  return running.ok() ? kExitOk : kExitFailed;
}

}  // namespace

void AddDevCommand(CLI::App& app, int& exit_code) {
  CLI::App* dev = app.add_subcommand(
      "dev", "Runs everything for development: a private PostgreSQL, wechat-sim and all services");
  auto options = std::make_shared<DevStackOptions>();
  options->folder = ".datong";
  options->authenticate = true;
  options->progress = [](const std::string& line) { std::cout << line << std::endl; };
  auto settings = std::make_shared<std::vector<std::string>>();
  dev->add_option("--data", options->folder, "Folder that everything is kept in")
      ->capture_default_str();
  dev->footer(
      "Prints the addresses when it is ready. With --grpc-port 9000 the other commands find it "
      "without --address.\nCtrl-C stops it; what is in --data is there again at the next start.");
  CLI::Option* processes = dev->add_flag_callback(
      "--processes", [options] { options->programs = ProgramFolder(); },
      "Each service as a process of its own, with its own ports and TLS; otherwise all in one");
  dev->add_option("--grpc-port", options->grpc_port, "Default: any free one")->excludes(processes);
  dev->add_option("--http-port", options->http_port, "Default: any free one");
  dev->add_option("--metrics-port", options->metrics_port, "Default: any free one")
      ->excludes(processes);
  dev->add_option("--simulator-port", options->simulator_port, "Default: any free one");
  dev->add_option("--set", *settings, "A setting of the services: --set broker.refresh_ahead=60s")
      ->allow_extra_args(false);
  dev->callback([options, settings, &exit_code] {
    for (const std::string& setting : *settings) {
      const size_t sign = setting.find('=');
      if (sign == std::string::npos) {
        std::cerr << "--set takes key=value, not \"" << setting << "\"\n";
        exit_code = kExitUsage;
        return;
      }
      options->settings[setting.substr(0, sign)] = setting.substr(sign + 1);
    }
    exit_code = RunDev(*options);
  });
}

}  // namespace datong::tools
