#include "tests/faults/fleet.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <pqxx/pqxx>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/postgres/migrator.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/module.h"
#include "services/broker/store/sealer.h"
#include "services/gateway/module.h"

namespace datong::faults {
namespace {

namespace fs = std::filesystem;

constexpr char kComponent[] = "wxcomp";
constexpr char kCallbackToken[] = "tok";
constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

// Every committed write of a token, and under which epoch of its lease.
constexpr char kHistorySql[] = R"sql(
  CREATE SCHEMA history;
  CREATE TABLE history.token_writes (
    appid text NOT NULL, generation bigint NOT NULL, epoch bigint NOT NULL, access_token bytea,
    at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE FUNCTION history.note_token() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' OR NEW.generation <> OLD.generation THEN
        INSERT INTO history.token_writes (appid, generation, epoch, access_token)
        SELECT NEW.appid, NEW.generation,
               coalesce((SELECT epoch FROM broker.leases WHERE name = 'token/' || NEW.appid), 0),
               NEW.access_token;
      END IF;
      RETURN NULL;
    END $$;
  CREATE TRIGGER note_token AFTER INSERT OR UPDATE ON broker.tokens
    FOR EACH ROW EXECUTE FUNCTION history.note_token())sql";

std::string EndOf(const std::string& text, size_t size) {
  return text.size() <= size ? text : text.substr(text.size() - size);
}

template <typename Response, typename Stub, typename Method, typename Request>
absl::StatusOr<Response> Call(Stub& stub, const char* name, Method method, const Request& request) {
  metrics::Registry registry;
  rpc::Outgoing outgoing(registry);
  return outgoing.Call(rpc::MakeBackgroundCall("faults", Deadline::After(absl::Seconds(30))), name,
                       stub, method, request, {.longest = absl::Seconds(30), .idempotent = true});
}

}  // namespace

bool Eventually(const std::function<bool()>& holds, absl::Duration patience) {
  const Deadline deadline = Deadline::After(patience);
  while (!holds()) {
    if (deadline.Passed()) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

absl::Status Replica::Start() {
  const std::string output =
      absl::StrCat(fleet_.folder_, "/broker-", index_, ".", ++starts_, ".log");
  std::vector<std::string> arguments = {DATONG_BROKER_PROGRAM};
  for (const auto& [name, value] : fleet_.Settings()) {
    arguments.push_back(absl::StrCat("--", name, "=", value));
  }
  arguments.push_back(absl::StrCat("--clock.url=http://", clock_->address()));
  arguments.push_back(
      absl::StrCat("--broker.audit_spool=", fleet_.folder_, "/audit-", index_, ".spool"));
  DATONG_ASSIGN_OR_RETURN(process_, ChildProcess::Start(arguments, output));
  const bool listens = Eventually([&] {
    std::ifstream file(output);
    for (std::string line; std::getline(file, line);) {
      const nlohmann::json entry = nlohmann::json::parse(line, nullptr, false);
      if (!entry.is_object() || entry.value("msg", "") != "listening") continue;
      const auto port = [&](const char* name) {
        return entry[name].is_number() ? entry[name].get<int>()
                                       : std::stoi(entry[name].get<std::string>());
      };
      grpc_port_ = port("grpc_port");
      metrics_port_ = port("metrics_port");
      return true;
    }
    return process_.StateNow() == 'Z' || process_.StateNow() == '\0';
  });
  if (!listens || grpc_port_ == 0 || process_.StateNow() == 'Z') {
    return absl::UnavailableError(absl::StrCat("The broker does not start.\n", log()));
  }
  door_->SetServer(direct_address());
  return absl::OkStatus();
}

std::string Replica::direct_address() const { return absl::StrCat("127.0.0.1:", grpc_port_); }

bool Replica::IsReady() const {
  const auto answer = fleet_.http_.Send(
      {.method = "GET", .url = absl::StrCat("http://127.0.0.1:", metrics_port_, "/readyz")},
      Deadline::After(absl::Seconds(5)));
  return answer.ok() && answer->status == 200;
}

absl::Status Replica::WaitReady(absl::Duration patience) {
  if (Eventually([&] { return IsReady(); }, patience)) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("The broker is not ready.\n", log()));
}

absl::Status Replica::Stop(absl::Duration patience) {
  Signal(SIGTERM);
  DATONG_ASSIGN_OR_RETURN(const int code, process_.Await(patience));
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("The broker ended with ", code, ".\n", log()));
}

absl::StatusOr<bool> Replica::AwaitCrash() {
  DATONG_RETURN_IF_ERROR(process_.Await(absl::Seconds(60)).status());
  return process_.dumped_core();
}

double Replica::Metric(const std::string& series) const {
  const auto answer = fleet_.http_.Send(
      {.method = "GET", .url = absl::StrCat("http://127.0.0.1:", metrics_port_, "/metrics")},
      Deadline::After(absl::Seconds(20)));
  if (!answer.ok()) return 0;
  double sum = 0;
  for (const absl::string_view line : absl::StrSplit(answer->body, '\n')) {
    double value = 0;
    if (absl::StartsWith(line, series) &&
        absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) {
      sum += value;
    }
  }
  return sum;
}

std::string Replica::log() const {
  std::ifstream file(absl::StrCat(fleet_.folder_, "/broker-", index_, ".", starts_, ".log"));
  std::stringstream text;
  text << file.rdbuf();
  return EndOf(text.str(), 6000);
}

Fleet::Fleet(FleetOptions options) : options_(std::move(options)) {}

Fleet::~Fleet() {
  simulator_.Stop();
  if (gateway_ != nullptr) gateway_->Stop();
  for (const auto& replica : replicas_) replica->Kill();
  replicas_.clear();
  database_.reset();
  second_database_.reset();
  wechat_.reset();
  standby_.reset();
  cluster_.reset();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

absl::StatusOr<std::unique_ptr<Fleet>> Fleet::Start(FleetOptions options) {
  std::unique_ptr<Fleet> fleet(new Fleet(std::move(options)));
  char folder[] = "/tmp/dtg-fleet-XXXXXX";
  if (::mkdtemp(folder) == nullptr) return absl::UnavailableError("No temporary folder in /tmp.");
  fleet->folder_ = folder;
  ::chmod(folder, 0711);  // the database's own user passes through it
  DATONG_RETURN_IF_ERROR(fleet->simulator_.Start());
  DATONG_RETURN_IF_ERROR(fleet->MakeDatabase());
  DATONG_RETURN_IF_ERROR(fleet->MakeDoors());
  for (int i = 0; i < fleet->options_.replicas; ++i) {
    DATONG_RETURN_IF_ERROR(fleet->replica(static_cast<size_t>(i)).Start());
  }
  for (const auto& replica : fleet->replicas_) DATONG_RETURN_IF_ERROR(replica->WaitReady());
  DATONG_RETURN_IF_ERROR(fleet->CreateApps());
  if (fleet->options_.authorizers > 0) DATONG_RETURN_IF_ERROR(fleet->ConnectAuthorizers());
  return fleet;
}

absl::Status Fleet::MakeDatabase() {
  DATONG_ASSIGN_OR_RETURN(
      cluster_, postgres::PrivateCluster::Start(
                    {.folder = folder_ + "/database", .fsync = options_.fsync, .temporary = true}));
  asked_ = cluster_.get();
  DATONG_RETURN_IF_ERROR(
      postgres::Migrate(cluster_->Dsn(), {{"broker", broker::kModule.migrations()}}).status());
  Ask(kHistorySql);
  if (options_.standby) {
    DATONG_ASSIGN_OR_RETURN(standby_,
                            postgres::PrivateCluster::Start({.folder = folder_ + "/standby",
                                                             .fsync = options_.fsync,
                                                             .temporary = true,
                                                             .standby_of = cluster_.get()}));
  }
  fs::create_directories(folder_ + "/keys");
  const std::string key = crypto::Base64Encode(std::string(32, 'k'));
  std::ofstream(folder_ + "/keys/k1") << key;
  std::ofstream(folder_ + "/keys/active") << "k1";
  DATONG_ASSIGN_OR_RETURN(crypto::KeyRing keys, crypto::KeyRing::Load(folder_ + "/keys"));
  envelope_ = std::make_unique<crypto::Envelope>(std::move(keys));
  return absl::OkStatus();
}

absl::Status Fleet::MakeDoors() {
  const std::string platform = simulator_.url().substr(std::string("http://").size());
  const uint64_t seed = options_.seed;
  DATONG_ASSIGN_OR_RETURN(wechat_, TcpProxy::Start(platform, seed));
  DATONG_ASSIGN_OR_RETURN(
      database_, TcpProxy::Start("unix:" + cluster_->socket_folder() + "/.s.PGSQL.5432", seed));
  std::string hosts = "127.0.0.1";
  std::string ports = absl::StrCat(database_->port());
  if (standby_ != nullptr) {
    DATONG_ASSIGN_OR_RETURN(
        second_database_,
        TcpProxy::Start("unix:" + standby_->socket_folder() + "/.s.PGSQL.5432", seed));
    hosts += ",127.0.0.1";
    absl::StrAppend(&ports, ",", second_database_->port());
  }
  std::ofstream(folder_ + "/dsn") << "host=" << hosts << " port=" << ports
                                  << " user=datong dbname=datong sslmode=disable"
                                  << " gssencmode=disable target_session_attrs=read-write";
  for (int i = 0; i < options_.replicas; ++i) {
    std::unique_ptr<Replica> replica(new Replica(*this, i));
    DATONG_ASSIGN_OR_RETURN(replica->door_, TcpProxy::Start("127.0.0.1:1", seed));
    DATONG_ASSIGN_OR_RETURN(replica->clock_, TcpProxy::Start(platform, seed));
    Replica* heard = replica.get();
    replica->clock_->SetTap([heard](Direction direction, absl::string_view bytes) {
      constexpr absl::string_view kOffset = "offset_ms=";
      const size_t at = bytes.find(kOffset);
      if (direction == Direction::kToServer && at != absl::string_view::npos) {
        const std::string number(bytes.substr(at + kOffset.size(), 20));
        heard->clock_offset_ms_ = std::strtoll(number.c_str(), nullptr, 10);
      }
      return Verdict::kPass;
    });
    replicas_.push_back(std::move(replica));
  }
  return absl::OkStatus();
}

std::map<std::string, std::string> Fleet::Settings() const {
  const std::string platform = "http://" + wechat_->address();
  std::map<std::string, std::string> settings = {{"server.address", "127.0.0.1"},
                                                 {"server.grpc_port", "0"},
                                                 {"server.health_port", "0"},
                                                 {"server.metrics_port", "0"},
                                                 {"server.drain_wait", "0"},
                                                 {"insecure.allow", "true"},
                                                 {"database.dsn_file", folder_ + "/dsn"},
                                                 {"database.max_connections", "6"},
                                                 {"keys.folder", folder_ + "/keys"},
                                                 {"wechat.api_url", platform},
                                                 {"wechat.mp_url", platform},
                                                 {"wechat.open_url", platform},
                                                 {"wechat.wecom_url", platform},
                                                 {"wechat.allow_private_upstream", "true"},
                                                 {"peers.identity", "127.0.0.1:1"},
                                                 {"peers.ingest", "127.0.0.1:1"},
                                                 {"broker.poll_interval", "100ms"},
                                                 {"broker.work_interval", "100ms"},
                                                 {"broker.backoff_first", "50ms"},
                                                 {"broker.backoff_longest", "500ms"}};
  for (const auto& [name, value] : options_.settings) settings[name] = value;
  return settings;
}

absl::Status Fleet::CreateApps() {
  const auto projects =
      broker::v1::ProjectService::NewStub(rpc::CreateChannel(replica(0).address()));
  using Projects = broker::v1::ProjectService::StubInterface;
  broker::v1::CreateProjectRequest project;
  project.set_project_id("demo");
  DATONG_RETURN_IF_ERROR(Call<broker::v1::CreateProjectResponse>(
                             *projects, "/datong.broker.v1.ProjectService/CreateProject",
                             &Projects::CreateProject, project)
                             .status());
  for (int i = 0; i < options_.own_apps; ++i) {
    wechat_sim::AppSpec spec;
    spec.appid = absl::StrCat("wxown", i);
    spec.secret = "CanarySecretOfAnOwnApp";
    spec.kind = "official_account";
    simulator_.AddApp(spec);
    broker::v1::CreateAppRequest app;
    app.set_project("projects/demo");
    app.mutable_app()->set_appid(spec.appid);
    app.mutable_app()->set_kind(broker::v1::APP_KIND_OFFICIAL_ACCOUNT);
    app.mutable_credentials()->set_app_secret(spec.secret);
    DATONG_RETURN_IF_ERROR(
        Call<broker::v1::CreateAppResponse>(*projects, "/datong.broker.v1.ProjectService/CreateApp",
                                            &Projects::CreateApp, app)
            .status());
    appids_.push_back(spec.appid);
  }
  return absl::OkStatus();
}

// Tickets and authorisations come as pushes, through a gateway in this process.
absl::Status Fleet::ConnectAuthorizers() {
  server::ProcessOptions options;
  options.component = "gateway";
  options.modules = {gateway::kModule};
  options.sources.flags = {{"server.address", "127.0.0.1"},
                           {"server.grpc_port", "0"},
                           {"server.health_port", "0"},
                           {"server.metrics_port", "0"},
                           {"server.http_port", "0"},
                           {"server.drain_wait", "0"},
                           {"server.core_dumps", "true"},
                           {"insecure.allow", "true"},
                           {"log.file", folder_ + "/gateway.log"}};
  for (const char* peer : {"identity", "ingest", "datacube", "insight"}) {
    options.sources.flags[absl::StrCat("peers.", peer)] = "127.0.0.1:1";
  }
  options.sources.flags["peers.broker"] = replica(0).address();
  gateway_ = std::make_unique<server::Process>(std::move(options));
  DATONG_RETURN_IF_ERROR(gateway_->Build());
  DATONG_RETURN_IF_ERROR(gateway_->Start());
  DATONG_RETURN_IF_ERROR(gateway_->WaitReady(Deadline::After(absl::Seconds(60))));
  const std::string base = absl::StrCat("http://127.0.0.1:", gateway_->ports().http,
                                        "/wechat/demo/component/", kComponent);
  wechat_sim::AppSpec component;
  component.appid = kComponent;
  component.secret = "CanarySecretOfTheComponent";
  component.kind = "component";
  component.callback = {base + "/events", kCallbackToken, kAesKey};
  component.message_url = base + "/$APPID$/messages";
  component.rotate_refresh_tokens = true;
  simulator_.AddApp(component);

  const auto channel = rpc::CreateChannel(replica(0).address());
  const auto projects = broker::v1::ProjectService::NewStub(channel);
  broker::v1::CreateAppRequest app;
  app.set_project("projects/demo");
  app.mutable_app()->set_appid(kComponent);
  app.mutable_app()->set_kind(broker::v1::APP_KIND_COMPONENT);
  app.mutable_credentials()->set_app_secret(component.secret);
  app.mutable_credentials()->set_callback_token(kCallbackToken);
  app.mutable_credentials()->set_encoding_aes_key(kAesKey);
  DATONG_RETURN_IF_ERROR(Call<broker::v1::CreateAppResponse>(
                             *projects, "/datong.broker.v1.ProjectService/CreateApp",
                             &broker::v1::ProjectService::StubInterface::CreateApp, app)
                             .status());
  const auto tokens = broker::v1::TokenService::NewStub(channel);
  const auto has_token = [&](const std::string& appid) {
    broker::v1::GetTokenRequest request;
    request.set_app(AppName(appid));
    return Eventually([&] {
      return Call<broker::v1::GetTokenResponse>(*tokens, "/datong.broker.v1.TokenService/GetToken",
                                                &broker::v1::TokenService::StubInterface::GetToken,
                                                request)
          .ok();
    });
  };
  if (!has_token(kComponent)) return absl::UnavailableError("No ticket came.\n" + replica(0).log());
  appids_.push_back(kComponent);
  for (int i = 0; i < options_.authorizers; ++i) {
    wechat_sim::AppSpec account;
    account.appid = absl::StrCat("wxauth", i);
    account.secret = "s";
    account.kind = i % 2 == 0 ? "official_account" : "mini_program";
    simulator_.AddApp(account);
    DATONG_RETURN_IF_ERROR(simulator_
                               .Admin("POST", "/admin/authorize",
                                      {{"component_appid", kComponent}, {"appid", account.appid}})
                               .status());
    appids_.push_back(account.appid);
  }
  for (const std::string& appid : appids_) {
    if (!has_token(appid)) {
      return absl::UnavailableError(absl::StrCat("No token of ", appid, ".\n", replica(0).log()));
    }
  }
  return absl::OkStatus();
}

absl::Status Fleet::MoveClock(absl::Duration by) {
  ++clock_turns_;
  wechat_->Pause();
  simulator_.Advance(by);
  DATONG_ASSIGN_OR_RETURN(const nlohmann::json clock, simulator_.Admin("GET", "/admin/clock"));
  const bool followed = Eventually([&] {
    for (size_t i = 0; i < replicas_.size(); ++i) {
      const char state = replicas_[i]->process().StateNow();
      if (!replicas_[i]->process().started() || state == 'T' || state == 'Z') continue;
      if (replicas_[i]->clock_offset_ms() != clock["offset_ms"].get<int64_t>()) return false;
    }
    return true;
  });
  wechat_->Resume();
  ++clock_turns_;
  return followed ? absl::OkStatus()
                  : absl::DeadlineExceededError("A replica does not follow the clock.");
}

std::string Fleet::Ask(const std::string& sql) const {
  pqxx::connection connection(asked_->Dsn().Expose());
  pqxx::nontransaction work(connection);
  const pqxx::result rows = work.exec(sql);
  return rows.empty() || rows[0][0].is_null() ? "" : rows[0][0].as<std::string>();
}

absl::StatusOr<std::vector<TokenWrite>> Fleet::Writes() const {
  pqxx::connection connection(asked_->Dsn().Expose());
  pqxx::nontransaction work(connection);
  const broker::Sealer sealer(*envelope_);
  std::vector<TokenWrite> writes;
  for (const pqxx::row& row :
       work.exec("SELECT appid, generation, epoch, access_token, (extract(epoch FROM at) * "
                 "1000000)::bigint FROM history.token_writes ORDER BY at")) {
    TokenWrite write;
    write.appid = row[0].as<std::string>();
    write.generation = row[1].as<int64_t>();
    write.epoch = row[2].as<int64_t>();
    DATONG_ASSIGN_OR_RETURN(const Secret token,
                            sealer.Open(row[3], "tokens.access_token", write.appid));
    write.fingerprint = broker::FingerprintOf(token);
    write.at = absl::FromUnixMicros(row[4].as<int64_t>());
    writes.push_back(std::move(write));
  }
  return writes;
}

}  // namespace datong::faults
