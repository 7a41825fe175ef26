#include "tools/datong/dev_stack.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/postgres/private_cluster.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/connection.h"
#include "tools/datong/dev_identity.h"
#include "tools/datong/dev_services.h"

namespace datong::tools {
namespace {

namespace fs = std::filesystem;

absl::Status FolderError(const std::string& folder, const std::string& problem) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("Cannot use the folder ", folder, ": ", problem, "."),
                   {"datong", "DATA_FOLDER_UNUSABLE", {{"folder", folder}}});
}

// One key that is made once and kept, since what it sealed is kept too.
absl::Status MakeKeys(const fs::path& folder) {
  std::error_code failed;
  if (fs::exists(folder / "active", failed)) return absl::OkStatus();
  fs::create_directories(folder, failed);
  chmod(folder.c_str(), 0700);
  DATONG_RETURN_IF_ERROR(
      WritePrivateFile(folder / "dev", absl::Base64Escape(HexToBytes(RandomHex(32))) + "\n"));
  return WritePrivateFile(folder / "active", "dev\n");
}

}  // namespace

struct DevStack::State {
  explicit State(DevStackOptions options_in) : options(std::move(options_in)) {}

  void Say(const std::string& line) const {
    if (options.progress) options.progress(line);
  }
  absl::Status MakeFolder();
  std::map<std::string, std::string> Settings() const;

  DevStackOptions options;
  fs::path folder;
  bool is_temporary = false;
  int folder_lock = -1;
  DevIdentity identity;
  std::unique_ptr<postgres::PrivateCluster> cluster;
  std::unique_ptr<wechat_sim::Simulator> simulator;
  std::unique_ptr<DevServices> services;
};

absl::Status DevStack::State::MakeFolder() {
  std::error_code failed;
  if (options.folder.empty()) {
    is_temporary = true;
    std::string pattern = fs::temp_directory_path(failed) / "datong-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) return FolderError(pattern, "cannot make it");
    folder = pattern;
    return absl::OkStatus();
  }
  folder = fs::absolute(options.folder, failed).lexically_normal();
  fs::create_directories(folder, failed);
  if (failed) return FolderError(folder, failed.message());
  folder_lock = open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (folder_lock < 0) return FolderError(folder, "nothing can be written there");
  if (flock(folder_lock, LOCK_EX | LOCK_NB) != 0) {
    return FolderError(folder, "another `datong dev` or `datong demo` runs in it");
  }
  return absl::OkStatus();
}

std::map<std::string, std::string> DevStack::State::Settings() const {
  std::map<std::string, std::string> settings = {
      {"server.address", "127.0.0.1"},
      {"server.grpc_port", absl::StrCat(options.grpc_port)},
      {"server.health_port", "0"},
      {"server.metrics_port", absl::StrCat(options.metrics_port)},
      {"server.reflection", "true"},
      {"server.drain_wait", "0"},
      {"server.shutdown_grace", "3s"},
      {"server.core_dumps", "true"},
      {"database.dsn_file", folder / "dsn"},
      {"keys.folder", folder / "keys"},
      {"wechat.api_url", simulator->url()},
      {"wechat.mp_url", simulator->url()},
      {"wechat.open_url", simulator->url()},
      {"wechat.wecom_url", simulator->url()},
      {"wechat.work_url", simulator->url()},
      {"wechat.allow_private_upstream", "true"},
      {"clock.url", simulator->url()},
      {"insecure.allow", options.authenticate ? "false" : "true"},
      {"auth.mode", "api_key"},
      {"auth.api_keys_file", identity.api_keys_file},
      {"auth.policy_file", identity.policy_file},
      // Without it no token is handed out while the database is away.
      {"broker.audit_spool", folder / "audit.spool"},
      // The simulator takes any rate, and a clock that moves by hours wants quick eyes.
      {"broker.app_calls_per_second", "0"},
      {"broker.poll_interval", "100ms"},
      {"broker.work_interval", "50ms"},
      {"datacube.wake_interval", "200ms"},
      {"datacube.follow_interval", "500ms"},
      {"datacube.calls_per_second", "10000"},
      {"datacube.app_calls_per_second", "10000"},
      {"datacube.app_call_burst", "1000"},
      {"datacube.app_calls_in_flight", "2"},
  };
  for (const auto& [key, value] : options.settings) settings[key] = value;
  return settings;
}

DevStack::DevStack(std::unique_ptr<State> state) : state_(std::move(state)) {}

DevStack::~DevStack() { Stop(); }

absl::StatusOr<std::unique_ptr<DevStack>> DevStack::Start(DevStackOptions options) {
  std::unique_ptr<DevStack> stack(new DevStack(std::make_unique<State>(std::move(options))));
  State& s = *stack->state_;
  DATONG_RETURN_IF_ERROR(s.MakeFolder());
  DATONG_RETURN_IF_ERROR(MakeKeys(s.folder / "keys"));
  DATONG_ASSIGN_OR_RETURN(s.identity, MakeDevIdentity(s.folder));

  s.Say("Starting PostgreSQL");
  DATONG_ASSIGN_OR_RETURN(
      s.cluster,
      // It removes what is temporary, also when this process is killed.
      postgres::PrivateCluster::Start({.folder = s.is_temporary ? s.folder : s.folder / "postgres",
                                       .fsync = s.options.fsync,
                                       .temporary = s.is_temporary}));
  DATONG_RETURN_IF_ERROR(WritePrivateFile(s.folder / "dsn", s.cluster->Dsn().Expose()));
  s.Say("Migrating");
  DATONG_RETURN_IF_ERROR(postgres::Migrate(s.cluster->Dsn(), all_in_one::AllMigrations()).status());
  s.Say("Starting wechat-sim");
  s.simulator = std::make_unique<wechat_sim::Simulator>(
      wechat_sim::SimulatorOptions{.port = s.options.simulator_port,
                                   .start_time = s.options.start_time,
                                   .push_threads = s.options.push_threads});
  DATONG_RETURN_IF_ERROR(s.simulator->Start());
  const DevServicesOptions services = {.folder = s.folder,
                                       .settings = s.Settings(),
                                       .http_port = s.options.http_port,
                                       .programs = s.options.programs};
  s.Say("Starting the services");
  DATONG_ASSIGN_OR_RETURN(s.services, s.options.programs.empty() ? StartInOneProcess(services)
                                                                 : StartAsProcesses(services));
  return stack;
}

const Doors& DevStack::doors() const { return state_->services->doors(); }
std::string DevStack::PrintSettings() const { return state_->services->PrintSettings(); }
wechat_sim::Simulator& DevStack::simulator() { return *state_->simulator; }
Secret DevStack::dsn() const { return state_->cluster->Dsn(); }
const std::string& DevStack::folder() const { return state_->folder.native(); }
const Secret& DevStack::api_key() const { return state_->identity.api_key; }
std::string DevStack::api_key_file() const { return state_->folder / kDevApiKeyFile; }

absl::Time DevStack::Now() const { return state_->simulator->Now(); }

void DevStack::SetNow(absl::Time now) { state_->simulator->SetNow(now); }
void DevStack::Advance(absl::Duration by) { state_->simulator->Advance(by); }

void DevStack::CrashDatabase() { state_->cluster->Crash(); }
absl::Status DevStack::RestoreDatabase() { return state_->cluster->Restart(); }

absl::Status DevStack::Check() { return state_->services->Check(); }

void DevStack::Stop() {
  State& s = *state_;
  if (s.services != nullptr) s.services->Stop();
  if (s.simulator != nullptr) s.simulator->Stop();
  if (s.cluster != nullptr) s.cluster->Stop();
  std::error_code ignored;
  if (s.is_temporary && !s.folder.empty()) fs::remove_all(s.folder, ignored);
  if (s.folder_lock >= 0) close(std::exchange(s.folder_lock, -1));
}

}  // namespace datong::tools
