#include "common/server/process.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/auth/access.h"
#include "common/base/strings.h"
#include "common/exec/periodic_task.h"
#include "common/http/server.h"
#include "common/log/log.h"
#include "common/rpc/client.h"
#include "common/rpc/gate.h"
#include "common/rpc/server_calls.h"
#include "common/server/clock_follower.h"
#include "common/server/otlp_exporter.h"
#include "common/server/probes.h"
#include "common/server/process_settings.h"
#include "common/server/readiness.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/trace/trace.h"

#ifndef DATONG_VERSION
#define DATONG_VERSION "unknown"
#endif

namespace datong::server {
namespace {

// The reflection library puts its plugin into every server of a process that links it; where it is
// not wanted it is taken out again.
class ReflectionOption final : public grpc::ServerBuilderOption {
 public:
  explicit ReflectionOption(bool wanted) : wanted_(wanted) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->erase(std::remove_if(plugins->begin(), plugins->end(),
                                  [](const auto& plugin) {
                                    return plugin->name() == "proto_server_reflection";
                                  }),
                   plugins->end());
    if (!wanted_) return;
    plugins->push_back(std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>());
  }

 private:
  const bool wanted_;
};

absl::Status ListenFailed(const std::string& what, int port) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("Cannot listen on ", what, " (port ", port, "); is another process using it?"),
      {"datong", "LISTEN_FAILED", {{"port", absl::StrCat(port)}}});
}

LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

void SetHealth(grpc::Server& server, bool ready) {
  grpc::HealthCheckServiceInterface* health = server.GetHealthCheckService();
  health->SetServingStatus("", ready);
  health->SetServingStatus("readiness", ready);
}

}  // namespace

struct Process::State {
  explicit State(ProcessOptions options_in) : options(std::move(options_in)) {}

  // One module with what belongs to it alone.
  class Room final : public Environment {
   public:
    Room(State& state, std::string name)
        : state_(state),
          name_(std::move(name)),
          calls_(std::make_unique<rpc::Calls>(
              rpc::CallsOptions{.threads = state.process.threads,
                                .queue_capacity = static_cast<size_t>(state.process.queue)},
              state.registry, &*state.gate)) {}

    config::Settings& settings() override { return *state_.settings; }
    const SharedSettings& shared() override { return state_.shared; }
    metrics::Registry& metrics() override { return state_.registry; }
    const Clock& clock() override { return state_.clock(); }
    rpc::Calls& calls() override { return *calls_; }
    auth::Access& access() override { return *state_.access; }
    rpc::Gate& gate() override { return *state_.gate; }
    std::shared_ptr<grpc::Channel> PeerChannel(absl::string_view service) override {
      return state_.PeerChannel(name_, std::string(service));
    }

    State& state_;
    const std::string name_;
    std::unique_ptr<rpc::Calls> calls_;
    std::unique_ptr<Module> module;  // uses calls_, so it goes first
  };

  SystemClock& clock() { return options.clock != nullptr ? *options.clock : own_clock; }

  std::shared_ptr<grpc::Channel> PeerChannel(const std::string& from, const std::string& service) {
    for (const ModuleDefinition& module : options.modules) {
      if (module.name == service) {
        return rpc::CreateChannel(
            socket_name, {.headers = {{rpc::kServiceHeader, gate->ServiceCredential(from)}}});
      }
    }
    const auto peer = process.peers.find(service);
    if (peer == process.peers.end() || peer->second.empty()) {
      settings->AddFault("peers." + service, "is missing: where does " + service + " listen?");
      return rpc::CreateChannel("127.0.0.1:1");
    }
    if (!process.tls.enabled()) return rpc::CreateChannel(peer->second);
    return rpc::CreateChannel(peer->second,
                              {.credentials = rpc::MakeChannelCredentials(process.tls)});
  }

  // A file that has become wrong is told of once, not every two seconds.
  void ReloadAuth() {
    const absl::Status loaded = access->Load();
    if (!loaded.ok() && loaded != last_reload) {
      LogError("files of auth.* changed and are not taken",
               {{"key", GetErrorInfo(loaded)->metadata["key"]}, {"cause", loaded.message()}});
    }
    last_reload = loaded;
  }
  absl::Status StartGrpc();
  absl::Status StartHealth();
  absl::Status StartHttp();

  ProcessOptions options;
  metrics::Registry registry;
  metrics::Registry probe_registry;  // requests for metrics are no metric
  SystemClock own_clock;
  SystemClock steady_clock;  // never moved
  absl::Status last_reload;
  std::optional<config::Settings> settings;
  SharedSettings shared;
  ProcessSettings process;
  std::optional<auth::Access> access;
  std::optional<rpc::Gate> gate;
  std::unique_ptr<Probes> probes;
  std::string socket_name;  // in the abstract namespace, for calls within the process
  std::shared_ptr<grpc::Channel> own_channel;
  std::vector<std::unique_ptr<Room>> rooms;
  http::Router router;
  http::Router probe_router;
  // Answer UNIMPLEMENTED: gRPC starts no server without any service, and its own health service
  // does not count.
  grpc::CallbackGenericService no_service;
  grpc::CallbackGenericService no_health_service;
  std::unique_ptr<grpc::Server> grpc_server;
  std::unique_ptr<grpc::Server> health_server;
  std::unique_ptr<http::Server> http_server;
  std::unique_ptr<http::Server> probe_server;
  std::unique_ptr<OtlpExporter> exporter;
  std::unique_ptr<Readiness> readiness;
  std::unique_ptr<ClockFollower> follower;
  std::optional<rpc::CertificateTimes> certificate_times;
  std::unique_ptr<PeriodicTask> auth_reload;
  std::unique_ptr<PeriodicTask> certificate_watch;
  Ports ports;
  std::once_flag stopped;
};

Process::Process(ProcessOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Process::~Process() { Stop(); }

absl::Status Process::Build() {
  State& s = *state_;
  DATONG_ASSIGN_OR_RETURN(config::Settings settings, config::Settings::Load(s.options.sources));
  s.settings.emplace(std::move(settings));
  s.process = ProcessSettings::FromSettings(*s.settings);
  s.shared = SharedSettings::FromSettings(*s.settings);
  auth::AccessSettings access =
      auth::AccessSettings::FromSettings(*s.settings, s.shared.insecure_allow);
  if (s.process.tls.enabled()) {
    s.certificate_times.emplace(s.process.tls, s.registry);
    if (const absl::Status usable = s.certificate_times->Update(); !usable.ok()) {
      s.settings->AddFault("tls.cert_file", std::string(usable.message()));
    }
  } else if (!s.shared.insecure_allow && !s.process.is_local) {
    s.settings->AddFault("tls.cert_file",
                         "is missing: other machines reach this port; plaintext needs "
                         "insecure.allow");
  } else if (!s.shared.insecure_allow && !s.process.peers.empty()) {
    s.settings->AddFault("tls.cert_file",
                         "is missing: services prove to each other who they are by certificates");
  }
  s.access.emplace(std::move(access), s.clock(), s.registry);
  s.gate.emplace(*s.access);
  if (const absl::Status loaded = s.access->Load(); !loaded.ok()) {
    s.settings->AddFault(GetErrorInfo(loaded)->metadata["key"], std::string(loaded.message()));
  }
  s.socket_name = absl::StrCat("unix-abstract:datong-", RandomHex(16));
  s.own_channel = rpc::CreateChannel(s.socket_name);

  absl::Status first_failure;
  bool needs_database = false;
  for (const ModuleDefinition& definition : s.options.modules) {
    needs_database = needs_database || !definition.migrations().empty();
    auto room = std::make_unique<State::Room>(s, definition.name);
    absl::StatusOr<std::unique_ptr<Module>> module = definition.make(*room);
    if (module.ok()) {
      room->module = *std::move(module);
      s.rooms.push_back(std::move(room));
    } else if (first_failure.ok()) {
      first_failure = module.status();
    }
  }
  if (needs_database && s.shared.database_dsn.empty()) {
    s.settings->AddFault("database.dsn_file", "is missing: name a file with a connection string");
  }
  DATONG_RETURN_IF_ERROR(s.settings->Finish());
  return first_failure;
}

absl::Status Process::State::StartGrpc() {
  grpc::EnableDefaultHealthCheckService(true);
  int longest_message = 0;
  for (const ModuleDefinition& module : options.modules) {
    longest_message = std::max(longest_message, module.max_message_bytes);
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat(process.address, ":", process.grpc_port),
                           process.tls.enabled() ? rpc::MakeServerCredentials(process.tls)
                                                 : grpc::InsecureServerCredentials(),
                           &ports.grpc);
  builder.AddListeningPort(socket_name, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(longest_message);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 300'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1000);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetOption(std::make_unique<ReflectionOption>(process.reflection));
  absl::Status rules;
  builder.SetOption(rpc::GateRules(*gate, rules));
  bool has_service = false;
  for (const auto& room : rooms) {
    builder.SetOption(rpc::SeriesFromZero(room->calls_->series()));
    for (grpc::Service* service : room->module->GrpcServices()) {
      builder.RegisterService(service);
      has_service = true;
    }
  }
  if (!has_service) builder.RegisterCallbackGenericService(&no_service);
  grpc_server = builder.BuildAndStart();
  if (grpc_server == nullptr || ports.grpc == 0) {
    return ListenFailed("the gRPC port", process.grpc_port);
  }
  DATONG_RETURN_IF_ERROR(rules);
  SetHealth(*grpc_server, false);
  grpc_server->GetHealthCheckService()->SetServingStatus("liveness", true);
  return absl::OkStatus();
}

absl::Status Process::State::StartHealth() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat(process.address, ":", process.health_port),
                           grpc::InsecureServerCredentials(), &ports.health);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetOption(std::make_unique<ReflectionOption>(false));
  builder.RegisterCallbackGenericService(&no_health_service);
  health_server = builder.BuildAndStart();
  if (health_server == nullptr || ports.health == 0) {
    return ListenFailed("the health port", process.health_port);
  }
  SetHealth(*health_server, false);
  health_server->GetHealthCheckService()->SetServingStatus("liveness", true);
  return absl::OkStatus();
}

absl::Status Process::State::StartHttp() {
  probes->Register(probe_router, [this] { return readiness->Check(); });
  probe_server = std::make_unique<http::Server>(http::ServerOptions{.address = process.address,
                                                                    .port = process.metrics_port,
                                                                    .handler_threads = 1,
                                                                    .max_connections = 100},
                                                probe_router, probe_registry);
  DATONG_RETURN_IF_ERROR(probe_server->Start());
  ports.metrics = probe_server->port();

  for (const auto& room : rooms) room->module->RegisterRoutes(router);
  if (router.routes().empty()) return absl::OkStatus();
  http_server =
      std::make_unique<http::Server>(http::ServerOptions{.address = process.address,
                                                         .port = process.http_port,
                                                         .handler_threads = process.http_threads},
                                     router, registry);
  DATONG_RETURN_IF_ERROR(http_server->Start());
  ports.http = http_server->port();
  return absl::OkStatus();
}

absl::Status Process::Start() {
  State& s = *state_;
  prctl(PR_SET_DUMPABLE, s.process.core_dumps ? 1 : 0);
  StartLogging(s.options.component, LevelOf(s.process.log_level), s.process.log_file);
  if (s.shared.insecure_allow) {
    LogWarn("insecure.allow is set: callers without credentials may do everything");
  }
  if (s.access->settings().authenticates()) {
    s.auth_reload = std::make_unique<PeriodicTask>(
        s.steady_clock, s.access->settings().reload_interval, [&s] { s.ReloadAuth(); });
  }
  if (s.certificate_times.has_value()) {
    s.certificate_watch =
        std::make_unique<PeriodicTask>(s.steady_clock, s.process.tls.reload_interval, [&s] {
          const absl::Status usable = s.certificate_times->Update();
          if (!usable.ok()) LogError("TLS files are unusable", {{"cause", usable.message()}});
        });
  }
  if (!s.process.traces_endpoint.empty()) {
    const std::string& name = s.process.traces_service_name;
    s.exporter = std::make_unique<OtlpExporter>(
        s.process.traces_endpoint,
        name.empty() ? absl::StrCat("datong-", s.options.component) : name, DATONG_VERSION,
        s.registry);
    trace::SetSink(s.exporter.get(), s.process.traces_sample_ratio);
  }
  s.probes = std::make_unique<Probes>(s.registry, s.options.component);
  if (!s.shared.clock_url.empty()) {
    s.follower = std::make_unique<ClockFollower>(s.shared.clock_url, s.clock());
  }
  std::vector<Module*> modules;
  for (const auto& room : s.rooms) modules.push_back(room->module.get());
  s.readiness = std::make_unique<Readiness>(modules, s.registry, [&s](bool ready) {
    if (s.grpc_server != nullptr) SetHealth(*s.grpc_server, ready);
    if (s.health_server != nullptr) SetHealth(*s.health_server, ready);
  });
  DATONG_RETURN_IF_ERROR(s.StartGrpc());
  DATONG_RETURN_IF_ERROR(s.StartHealth());
  DATONG_RETURN_IF_ERROR(s.StartHttp());
  LogInfo("listening", {{"grpc_port", s.ports.grpc},
                        {"health_port", s.ports.health},
                        {"metrics_port", s.ports.metrics},
                        {"http_port", s.ports.http}});
  s.readiness->Begin();
  return absl::OkStatus();
}

absl::Status Process::WaitReady(Deadline deadline) {
  return state_->readiness->WaitReady(deadline);
}

absl::Status Process::failure() const { return state_->readiness->failure(); }

void Process::Drain() {
  state_->readiness->Drain();
  state_->readiness->WaitForStop(state_->process.drain_wait);
}

void Process::Stop() {
  std::call_once(state_->stopped, [this] {
    State& s = *state_;
    if (s.readiness != nullptr) {
      s.readiness->Drain();
      s.readiness->Stop();
    }
    for (const auto& room : s.rooms) room->calls_->EndStreams();
    const absl::Duration grace = s.process.shutdown_grace;
    if (s.http_server != nullptr) s.http_server->Stop(grace);
    if (s.grpc_server != nullptr) {
      s.grpc_server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(grace));
      s.grpc_server->Wait();
    }
    if (s.readiness != nullptr) {
      std::vector<Module*> started = s.readiness->started();
      while (!started.empty()) {
        started.back()->Stop();
        started.pop_back();
      }
    }
    for (const auto& room : s.rooms) room->calls_->Drain();
    s.follower.reset();
    s.auth_reload.reset();
    s.certificate_watch.reset();
    if (s.probe_server != nullptr) s.probe_server->Stop(absl::ZeroDuration());
    if (s.health_server != nullptr) {
      s.health_server->Shutdown(std::chrono::system_clock::now());
      s.health_server->Wait();
    }
    s.http_server.reset();
    s.probe_server.reset();
    s.grpc_server.reset();
    s.health_server.reset();
    while (!s.rooms.empty()) s.rooms.pop_back();
    if (s.exporter != nullptr) trace::SetSink(nullptr, 0);
    s.exporter.reset();
    LogInfo("stopped");
    FlushLogs();
  });
}

config::Settings& Process::settings() { return *state_->settings; }
metrics::Registry& Process::metrics() { return state_->registry; }
const SharedSettings& Process::shared() const { return state_->shared; }
Ports Process::ports() const { return state_->ports; }
std::shared_ptr<grpc::Channel> Process::channel() const { return state_->own_channel; }

}  // namespace datong::server
