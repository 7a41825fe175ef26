#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/exec/child_process.h"
#include "common/http/client.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/dev_certificates.h"
#include "tools/datong/dev_identity.h"
#include "tools/datong/dev_services.h"
#include "tools/datong/reserved_port.h"

namespace datong::tools {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kMostStartTime = absl::Seconds(60);
constexpr absl::Duration kMostStopTime = absl::Seconds(15);
constexpr absl::Duration kLookEvery = absl::Milliseconds(20);
constexpr size_t kTail = 2000;

std::string Read(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class Processes final : public DevServices {
 public:
  explicit Processes(DevServicesOptions options) : options_(std::move(options)) {
    for (const server::ModuleDefinition& module : all_in_one::AllModules()) {
      services_.push_back(std::make_unique<Service>(module.name));
    }
  }
  ~Processes() override { Stop(); }

  absl::Status Start() {
    DATONG_RETURN_IF_ERROR(MakeCertificates());
    OpenDoors();
    for (const auto& service : services_) {
      DATONG_RETURN_IF_ERROR(WriteSettings(*service));
      DATONG_RETURN_IF_ERROR(Launch(*service));
    }
    return AwaitReady();
  }

  const Doors& doors() const override { return doors_; }
  std::string PrintSettings() override {
    std::string text;
    for (const auto& service : services_) absl::StrAppend(&text, Read(SettingsFile(*service)));
    return text;
  }
  absl::Status Check() override {
    for (const auto& service : services_) DATONG_RETURN_IF_ERROR(CheckOne(*service));
    return absl::OkStatus();
  }
  void Stop() override {
    for (const auto& service : services_) service->process.Signal(SIGTERM);
    for (const auto& service : services_) service->process.Await(kMostStopTime).IgnoreError();
    services_.clear();
  }

 private:
  struct Service {
    explicit Service(std::string name_in) : name(std::move(name_in)) {}
    const std::string name;
    const ReservedPort grpc, health, metrics, http;
    ChildProcess process;
    absl::Status end;  // OK while it runs
  };

  fs::path Folder() const { return options_.folder; }
  fs::path SettingsFile(const Service& service) const {
    return Folder() / "services" / (service.name + ".toml");
  }
  int HttpPort(const Service& service) const {
    const bool is_given = service.name == "gateway" && options_.http_port != 0;
    return is_given ? options_.http_port : service.http.port();
  }
  std::string HttpUrl(const std::string& name) const {
    for (const auto& service : services_) {
      if (service->name == name) return absl::StrCat("http://127.0.0.1:", HttpPort(*service));
    }
    return "";
  }

  absl::Status MakeCertificates() {
    std::vector<std::string> names;
    for (const auto& service : services_) names.push_back(service->name);
    return MakeDevCertificates(Folder() / "tls", names);
  }

  void OpenDoors() {
    doors_.gateway_url = HttpUrl("gateway");
    doors_.collector_url = HttpUrl("ingest");
    doors_.ca_file = Folder() / "tls" / "ca.crt";
    for (const auto& service : services_) {
      doors_.services[service->name] = {absl::StrCat("127.0.0.1:", service->grpc.port()),
                                        absl::StrCat("http://127.0.0.1:", service->metrics.port()),
                                        Folder() / (service->name + ".log")};
    }
  }

  std::map<std::string, std::string> SettingsOf(const Service& service) const {
    const fs::path tls = Folder() / "tls" / service.name;
    std::map<std::string, std::string> settings = {
        {"server.grpc_port", absl::StrCat(service.grpc.port())},
        {"server.health_port", absl::StrCat(service.health.port())},
        {"server.metrics_port", absl::StrCat(service.metrics.port())},
        {"server.http_port", absl::StrCat(HttpPort(service))},
        {"public_url", doors_.gateway_url},
        {"tls.cert_file", tls / "tls.crt"},
        {"tls.key_file", tls / "tls.key"},
        {"tls.ca_file", tls / "ca.crt"},
        {"auth.mode", "mtls,api_key"},
        {"auth.trust_domain", kDevTrustDomain}};
    for (const auto& [name, door] : doors_.services) {
      settings["auth.services." + name] = DevSpiffeId(name);
      if (name != service.name && name != "gateway") settings["peers." + name] = door.grpc_address;
    }
    for (const auto& [key, value] : options_.settings) {
      const std::string owner = key.substr(0, key.find('.'));
      if (owner == service.name || doors_.services.count(owner) == 0) settings.emplace(key, value);
    }
    return settings;
  }

  absl::Status WriteSettings(const Service& service) const {
    std::error_code failed;
    fs::create_directories(SettingsFile(service).parent_path(), failed);
    std::string text;
    for (const auto& [key, value] : SettingsOf(service)) {
      absl::StrAppend(&text, key, " = ", nlohmann::json(value).dump(), "\n");
    }
    return WritePrivateFile(SettingsFile(service), text);
  }

  absl::Status Launch(Service& service) const {
    const fs::path program = fs::path(options_.programs) / ("datong-" + service.name);
    if (access(program.c_str(), X_OK) != 0) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       absl::StrCat("There is no program ", program.native(),
                                    "; each service is one, beside the others."),
                       {"datong", "PROGRAM_MISSING", {{"program", program.native()}}});
    }
    DATONG_ASSIGN_OR_RETURN(
        service.process,
        ChildProcess::Start({program.native(), "--config", SettingsFile(service).native()},
                            doors_.services.at(service.name).log_file));
    return absl::OkStatus();
  }

  absl::Status CheckOne(Service& service) const {
    if (!service.end.ok()) return service.end;
    const absl::StatusOr<int> code = service.process.Await(absl::ZeroDuration());
    if (!code.ok()) return absl::OkStatus();
    const std::string& file = doors_.services.at(service.name).log_file;
    const std::string log = Read(file);
    service.end = MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("datong-", service.name, " ended with ", *code, ". The end of its log, ", file,
                     ":\n", log.substr(log.size() - std::min(log.size(), kTail))),
        {"datong", "SERVICE_FAILED", {{"service", service.name}}});
    return service.end;
  }

  absl::Status AwaitReady() {
    const Deadline deadline = Deadline::After(kMostStartTime);
    http::Client client({.allow_private = true});
    for (const auto& service : services_) {
      while (true) {
        DATONG_RETURN_IF_ERROR(Check());
        const auto answer = client.Send(
            {.method = "GET", .url = doors_.services.at(service->name).metrics_url + "/readyz"},
            deadline.AtMost(absl::Seconds(2)));
        if (answer.ok() && answer->status == 200) break;
        if (deadline.Passed()) {
          return MakeError(absl::StatusCode::kDeadlineExceeded,
                           absl::StrCat("datong-", service->name, " is not ready: ",
                                        answer.ok() ? answer->body : "no answer"),
                           {"datong", "NOT_READY", {{"service", service->name}}});
        }
        absl::SleepFor(kLookEvery);
      }
    }
    return absl::OkStatus();
  }

  const DevServicesOptions options_;
  std::vector<std::unique_ptr<Service>> services_;
  Doors doors_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DevServices>> StartAsProcesses(const DevServicesOptions& options) {
  auto services = std::make_unique<Processes>(options);
  DATONG_RETURN_IF_ERROR(services->Start());
  return services;
}

}  // namespace datong::tools
