#include <utility>

#include "absl/strings/str_cat.h"
#include "common/server/process.h"
#include "common/status/macros.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/dev_services.h"
#include "tools/datong/reserved_port.h"

namespace datong::tools {
namespace {

constexpr absl::Duration kMostStartTime = absl::Seconds(60);

class OneProcess final : public DevServices {
 public:
  explicit OneProcess(const DevServicesOptions& options)
      : process_({.component = "all-in-one",
                  .modules = all_in_one::AllModules(),
                  .sources = {.toml_file = "", .environment = {}, .flags = Settings(options)},
                  .clock = nullptr}) {}
  ~OneProcess() override { process_.Stop(); }

  absl::Status Start() {
    DATONG_RETURN_IF_ERROR(process_.Build());
    DATONG_RETURN_IF_ERROR(process_.Start());
    const server::Ports ports = process_.ports();
    doors_.gateway_url = doors_.collector_url = absl::StrCat("http://127.0.0.1:", ports.http);
    for (const server::ModuleDefinition& module : all_in_one::AllModules()) {
      doors_.services[module.name] = {absl::StrCat("127.0.0.1:", ports.grpc),
                                      absl::StrCat("http://127.0.0.1:", ports.metrics), log_file_};
    }
    return process_.WaitReady(Deadline::After(kMostStartTime));
  }

  const Doors& doors() const override { return doors_; }
  std::string PrintSettings() override { return process_.settings().Print(); }
  absl::Status Check() override { return process_.failure(); }
  void Stop() override { process_.Stop(); }

 private:
  std::map<std::string, std::string> Settings(const DevServicesOptions& options) {
    log_file_ = options.folder + "/datong.log";
    const int http_port = options.http_port != 0 ? options.http_port : reserved_.port();
    std::map<std::string, std::string> settings = {
        {"server.http_port", absl::StrCat(http_port)},
        {"public_url", absl::StrCat("http://127.0.0.1:", http_port)},
        {"log.file", log_file_}};
    settings.insert(options.settings.begin(), options.settings.end());
    return settings;
  }

  const ReservedPort reserved_;
  std::string log_file_;
  server::Process process_;
  Doors doors_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DevServices>> StartInOneProcess(const DevServicesOptions& options) {
  auto services = std::make_unique<OneProcess>(options);
  DATONG_RETURN_IF_ERROR(services->Start());
  return services;
}

}  // namespace datong::tools
