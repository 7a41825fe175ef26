#include "tools/datong/dev_stack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/postgres/private_cluster.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/connection.h"
#include "tools/datong/dev_identity.h"

namespace datong::tools {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kFollowEvery = absl::Milliseconds(50);
constexpr absl::Duration kMostDrift = absl::Milliseconds(5);
constexpr absl::Duration kMostStartTime = absl::Seconds(60);

absl::Status FolderError(const std::string& folder, const std::string& problem) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("Cannot use the folder ", folder, ": ", problem, "."),
                   {"datong", "DATA_FOLDER_UNUSABLE", {{"folder", folder}}});
}

// A port that is free now. Public addresses have to be known before anything listens.
int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
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
  absl::Status StartProcess();
  std::map<std::string, std::string> Settings() const;
  void SyncClock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(clock_mutex);
  void FollowClock();

  DevStackOptions options;
  fs::path folder;
  bool is_temporary = false;
  int folder_lock = -1;
  SystemClock clock;  // outlives the process
  DevIdentity identity;
  std::unique_ptr<postgres::PrivateCluster> cluster;
  std::unique_ptr<wechat_sim::Simulator> simulator;
  std::unique_ptr<server::Process> process;
  int http_port = 0;

  Mutex clock_mutex;
  absl::Duration offset ABSL_GUARDED_BY(clock_mutex);
  bool stopping ABSL_GUARDED_BY(clock_mutex) = false;
  std::thread follower;
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
      {"server.http_port", absl::StrCat(http_port)},
      {"server.reflection", "true"},
      {"server.drain_wait", "0"},
      {"server.shutdown_grace", "3s"},
      {"server.core_dumps", "true"},
      {"log.file", folder / "datong.log"},
      {"database.dsn_file", folder / "dsn"},
      {"keys.folder", folder / "keys"},
      {"wechat.api_url", simulator->url()},
      {"wechat.mp_url", simulator->url()},
      {"wechat.open_url", simulator->url()},
      {"wechat.wecom_url", simulator->url()},
      {"wechat.work_url", simulator->url()},
      {"wechat.allow_private_upstream", "true"},
      {"public_url", absl::StrCat("http://127.0.0.1:", http_port)},
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

absl::Status DevStack::State::StartProcess() {
  // Somebody else may take the port that was free a moment ago.
  for (int tries = 1;; ++tries) {
    http_port = options.http_port != 0 ? options.http_port : FreePort();
    process = std::make_unique<server::Process>(
        server::ProcessOptions{.component = "all-in-one",
                               .modules = all_in_one::AllModules(),
                               .sources = {.toml_file = "", .environment = {}, .flags = Settings()},
                               .clock = &clock});
    DATONG_RETURN_IF_ERROR(process->Build());
    const absl::Status started = process->Start();
    if (started.ok()) break;
    if (options.http_port != 0 || tries == 5) return started;
  }
  return process->WaitReady(Deadline::After(kMostStartTime));
}

void DevStack::State::SyncClock() {
  const absl::Duration wanted = simulator->Now() - absl::Now();
  if (wanted - offset < kMostDrift && offset - wanted < kMostDrift) return;
  offset = wanted;
  clock.SetOffset(wanted);
}

// The clock may also be moved over the simulator's admin API.
void DevStack::State::FollowClock() {
  MutexLock lock(&clock_mutex);
  while (!stopping) {
    SyncClock();
    clock_mutex.AwaitWithTimeout(absl::Condition(&stopping), kFollowEvery);
  }
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
  {
    MutexLock lock(&s.clock_mutex);
    s.SyncClock();
  }
  s.follower = std::thread([&s] { s.FollowClock(); });
  s.Say("Starting the services");
  DATONG_RETURN_IF_ERROR(s.StartProcess());
  return stack;
}

std::string DevStack::grpc_address() const {
  return absl::StrCat("127.0.0.1:", state_->process->ports().grpc);
}
std::string DevStack::http_url() const {
  return absl::StrCat("http://127.0.0.1:", state_->http_port);
}
std::string DevStack::metrics_url() const {
  return absl::StrCat("http://127.0.0.1:", state_->process->ports().metrics);
}
wechat_sim::Simulator& DevStack::simulator() { return *state_->simulator; }
server::Process& DevStack::process() { return *state_->process; }
Secret DevStack::dsn() const { return state_->cluster->Dsn(); }
const std::string& DevStack::folder() const { return state_->folder.native(); }
const Secret& DevStack::api_key() const { return state_->identity.api_key; }
std::string DevStack::api_key_file() const { return state_->folder / kDevApiKeyFile; }
std::string DevStack::log_file() const { return state_->folder / "datong.log"; }

absl::Time DevStack::Now() const { return state_->simulator->Now(); }

void DevStack::SetNow(absl::Time now) {
  MutexLock lock(&state_->clock_mutex);
  state_->simulator->SetNow(now);
  state_->SyncClock();
}

void DevStack::Advance(absl::Duration by) {
  MutexLock lock(&state_->clock_mutex);
  state_->simulator->Advance(by);
  state_->SyncClock();
}

void DevStack::CrashDatabase() { state_->cluster->Crash(); }
absl::Status DevStack::RestoreDatabase() { return state_->cluster->Restart(); }

void DevStack::Stop() {
  State& s = *state_;
  {
    MutexLock lock(&s.clock_mutex);
    s.stopping = true;
  }
  if (s.follower.joinable()) s.follower.join();
  if (s.process != nullptr) s.process->Stop();
  if (s.simulator != nullptr) s.simulator->Stop();
  if (s.cluster != nullptr) s.cluster->Stop();
  std::error_code ignored;
  if (s.is_temporary && !s.folder.empty()) fs::remove_all(s.folder, ignored);
  if (s.folder_lock >= 0) close(std::exchange(s.folder_lock, -1));
}

}  // namespace datong::tools
