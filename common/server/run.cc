#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "common/server/process.h"

namespace datong::server {
namespace {

constexpr char kUsage[] =
    "Settings come from these flags, over the environment (DATONG_…: upper case, '_' for '.' and "
    "'-'), over the file of --config.\n\n"
    "  --config=FILE    TOML file with settings\n"
    "  --check-config   reads the settings, says what is wrong with them, and ends\n"
    "  --print-config   prints the settings that count, secrets as ***, and ends\n"
    "  --help           this text\n\nSettings:\n";

struct Options {
  config::Sources sources;
  bool check = false;
  bool print = false;
  bool help = false;
  std::string fault;
};

Options Parse(int argc, char** argv) {
  Options options;
  options.sources.environment = config::DatongEnvironment();
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (!absl::StartsWith(argument, "--")) {
      options.fault = absl::StrCat("\"", argument, "\" is no option; all begin with --");
      return options;
    }
    argument.remove_prefix(2);
    std::string name(argument);
    std::string value;
    if (const size_t sign = name.find('='); sign != std::string::npos) {
      value = name.substr(sign + 1);
      name.resize(sign);
    } else if (name == "check-config" || name == "print-config" || name == "help") {
      value = "true";
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      options.fault = absl::StrCat("--", name, " needs a value");
      return options;
    }
    if (name == "config") {
      options.sources.toml_file = value;
    } else if (name == "check-config") {
      options.check = true;
    } else if (name == "print-config") {
      options.print = true;
    } else if (name == "help") {
      options.help = true;
    } else {
      options.sources.flags[name] = value;
    }
  }
  if (options.sources.toml_file.empty()) {
    const auto file = options.sources.environment.find("DATONG_CONFIG");
    if (file != options.sources.environment.end()) options.sources.toml_file = file->second;
  }
  options.sources.environment.erase("DATONG_CONFIG");
  // For the command line alone.
  options.sources.environment.erase("DATONG_ADDRESS");
  options.sources.environment.erase("DATONG_API_KEY_FILE");
  return options;
}

// SIGTERM and SIGINT, which no thread of the process takes but through Wait.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }
  // False when none came within `wait`.
  bool Wait(absl::Duration wait) const {
    const timespec limit = absl::ToTimespec(wait);
    return sigtimedwait(&set_, nullptr, &limit) > 0;
  }
  // From now on the next signal ends the process at once.
  void ExitOnNext() const {
    std::thread([set = set_] {
      int which = 0;
      sigwait(&set, &which);
      _exit(128 + which);
    }).detach();
  }

 private:
  sigset_t set_;
};

std::string ComponentOf(const std::vector<ModuleDefinition>& modules) {
  return modules.size() == 1 ? modules[0].name : "all-in-one";
}

int Fail(const absl::Status& status) {
  std::cerr << ToStd(status.message()) << "\n";
  return 1;
}

}  // namespace

int Run(int argc, char** argv, const std::vector<ModuleDefinition>& modules) {
  // Before any secret is read; `server.core_dumps` may allow it again.
  prctl(PR_SET_DUMPABLE, 0);
  const Signals signals;
  const Options options = Parse(argc, argv);
  if (!options.fault.empty()) {
    std::cerr << options.fault << "\n";
    return 2;
  }
  Process process({.component = ComponentOf(modules),
                   .modules = modules,
                   .sources = options.help ? config::Sources{} : options.sources,
                   .clock = nullptr});
  const absl::Status built = process.Build();
  if (options.help) {
    std::cout << "Usage: " << argv[0] << " [--section.key=value …]\n\n"
              << kUsage << process.settings().Help();
    return 0;
  }
  if (!built.ok()) return Fail(built);
  if (options.print) std::cout << process.settings().Print();
  if (options.check || options.print) return 0;

  if (const absl::Status started = process.Start(); !started.ok()) {
    FlushLogs();
    return Fail(started);
  }
  while (!signals.Wait(absl::Milliseconds(200))) {
    if (const absl::Status failure = process.failure(); !failure.ok()) {
      process.Stop();
      return Fail(failure);
    }
  }
  signals.ExitOnNext();
  process.Drain();
  process.Stop();
  return 0;
}

}  // namespace datong::server
