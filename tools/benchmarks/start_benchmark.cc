#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status/macros.h"
#include "services/broker/module.h"
#include "services/datacube/module.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "services/insight/module.h"
#include "tools/benchmarks/benchmarks.h"
#include "tools/benchmarks/estate.h"

extern char** environ;

namespace datong::bench {
namespace {

constexpr const char* kServices[] = {"broker",   "ingest",  "identity",
                                     "datacube", "insight", "gateway"};
constexpr double kLongestStart = 1.0;  // seconds
constexpr double kLargestIdle = 64;    // MiB
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr std::chrono::seconds kIdleTime(3);

// A program under measurement; ended with this object.
class Child {
 public:
  Child(const std::string& binary, const std::vector<std::string>& arguments) {
    std::vector<char*> argv = {const_cast<char*>(binary.c_str())};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, binary.c_str(), nullptr, nullptr, argv.data(), environ) != 0) pid_ = -1;
  }
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    for (int i = 0; i < 500; ++i) {
      if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool running() const { return pid_ > 0 && kill(pid_, 0) == 0; }
  double ResidentMib() const {
    std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
    for (std::string line; std::getline(status, line);) {
      if (absl::StartsWith(line, "VmRSS:")) return std::stod(line.substr(6)) / 1024;
    }
    return 0;
  }

 private:
  pid_t pid_ = -1;
};

// The port on which the program tells whether it is ready, once its log says so; else 0.
int MetricsPort(const std::string& log) {
  std::ifstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (entry.is_object() && entry.value("msg", "") == "listening") {
      return entry.value("metrics_port", 0);
    }
  }
  return 0;
}

bool IsReady(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer(12, '\0');
  const std::string request = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const bool asked = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
                     send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
                     recv(fd, answer.data(), answer.size(), MSG_WAITALL) > 0;
  close(fd);
  return asked && answer == "HTTP/1.1 200";
}

absl::StatusOr<std::vector<Figure>> BenchService(const Estate& estate, const std::string& name,
                                                 const std::string& binary) {
  const std::string log = absl::StrCat(estate.folder(), "/", name, "-start.log");
  std::vector<std::string> arguments;
  for (const auto& [key, value] : estate.Flags()) {
    arguments.push_back(absl::StrCat("--", key, "=", value));
  }
  arguments.push_back(absl::StrCat("--log.file=", log));
  // Without certificates services do not start beside each other.
  arguments.push_back("--insecure.allow=true");
  for (const char* peer : kServices) {
    // Nobody listens there: the service alone is measured.
    arguments.push_back(absl::StrCat("--peers.", peer, "=127.0.0.1:1"));
  }
  const auto begin = std::chrono::steady_clock::now();
  const Child child(binary, arguments);
  const Deadline deadline = Deadline::After(kPatience);
  int port = 0;
  while (port == 0 || !IsReady(port)) {
    if (!child.running() || deadline.Passed()) {
      return absl::UnavailableError(absl::StrCat(name, " does not become ready."));
    }
    if (port == 0) port = MetricsPort(log);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::this_thread::sleep_for(kIdleTime);
  return std::vector<Figure>{
      {absl::StrCat("start to ready, ", name), seconds, "s", kLongestStart, false, ""},
      {absl::StrCat("idle memory, ", name), child.ResidentMib(), "MiB", kLargestIdle, false, ""}};
}

}  // namespace

absl::StatusOr<std::vector<Figure>> BenchStart() {
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<Estate> estate,
                          Estate::Make({broker::kModule, ingest::kModule, identity::kModule,
                                        datacube::kModule, insight::kModule}));
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::vector<Figure> figures;
  for (const char* name : kServices) {
    const std::string binary = folder / absl::StrCat("datong-", name);
    if (!std::filesystem::exists(binary)) {
      return absl::NotFoundError(absl::StrCat(binary, " is missing; build it first."));
    }
    DATONG_ASSIGN_OR_RETURN(const std::vector<Figure> of_service,
                            BenchService(*estate, name, binary));
    figures.insert(figures.end(), of_service.begin(), of_service.end());
  }
  return figures;
}

}  // namespace datong::bench
