#include "tools/benchmarks/estate.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/auth/api_keys.h"
#include "common/postgres/migrator.h"
#include "common/status/macros.h"

namespace datong::bench {
namespace {

constexpr char kPolicy[] =
    "[[grants]]\ncallers = [\"key:bench\"]\npermissions = [\"*\"]\nprojects = [\"*\"]\n"
    "api_paths = [\"*\"]\n";

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path) << content;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Estate>> Estate::Make(
    const std::vector<server::ModuleDefinition>& modules) {
  std::unique_ptr<Estate> estate(new Estate());
  // On a disk: what is measured is fsync too, and /tmp is often memory.
  std::string pattern = "/var/tmp/datong-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError("No folder can be made in /var/tmp.");
  }
  estate->folder_ = pattern;
  std::filesystem::permissions(pattern, std::filesystem::perms(0755));
  DATONG_ASSIGN_OR_RETURN(
      estate->cluster_,
      postgres::PrivateCluster::Start({.folder = pattern + "/database", .temporary = true}));
  std::vector<postgres::SchemaMigrations> schemas;
  for (const server::ModuleDefinition& module : modules) {
    if (module.migrations == nullptr) continue;
    schemas.push_back({module.name, module.migrations()});
  }
  DATONG_RETURN_IF_ERROR(postgres::Migrate(estate->dsn(), schemas).status());
  std::filesystem::create_directory(pattern + "/keys");
  WriteFile(pattern + "/keys/bench", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
  WriteFile(pattern + "/keys/active", "bench\n");
  WriteFile(pattern + "/dsn", estate->dsn().Expose());
  DATONG_RETURN_IF_ERROR(estate->MakeCaller());
  DATONG_RETURN_IF_ERROR(estate->StartPlatform());
  return estate;
}

absl::Status Estate::MakeCaller() {
  DATONG_ASSIGN_OR_RETURN(const auth::NewApiKey key,
                          auth::MakeApiKey("bench", absl::InfiniteFuture()));
  WriteFile(folder_ + "/api-keys", key.line + "\n");
  WriteFile(folder_ + "/policy.toml", kPolicy);
  authorization_ = "Bearer " + key.key.Expose();
  return absl::OkStatus();
}

rpc::CallContext Estate::Call() const {
  rpc::CallContext call = rpc::MakeBackgroundCall("bench", Deadline::After(absl::Seconds(30)));
  call.authorization = authorization_;
  return call;
}

absl::Status Estate::StartPlatform() {
  router_.Handle("", "/*", {}, [this](const http::ServerRequest&) {
    const int64_t call = ++platform_calls_;
    http::ServerResponse response;
    response.content_type = "application/json";
    response.body = absl::StrCat("{\"access_token\":\"", std::string(126, 'x'),
                                 absl::Dec(call, absl::kZeroPad10), "\",\"expires_in\":7200}");
    return response;
  });
  platform_ = std::make_unique<http::Server>(http::ServerOptions(), router_, registry_);
  return platform_->Start();
}

Estate::~Estate() {
  if (platform_ != nullptr) platform_->Stop(absl::ZeroDuration());
  cluster_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::map<std::string, std::string> Estate::Flags() const {
  const std::string platform = absl::StrCat("http://127.0.0.1:", platform_->port());
  std::map<std::string, std::string> flags = {{"server.address", "127.0.0.1"},
                                              {"server.grpc_port", "0"},
                                              {"server.health_port", "0"},
                                              {"server.metrics_port", "0"},
                                              {"server.http_port", "0"},
                                              {"server.drain_wait", "0"},
                                              {"auth.mode", "api_key"},
                                              {"auth.api_keys_file", folder_ + "/api-keys"},
                                              {"auth.policy_file", folder_ + "/policy.toml"},
                                              {"database.dsn_file", folder_ + "/dsn"},
                                              {"keys.folder", folder_ + "/keys"},
                                              {"wechat.api_url", platform},
                                              {"wechat.mp_url", platform},
                                              {"wechat.open_url", platform},
                                              {"wechat.wecom_url", platform},
                                              {"wechat.allow_private_upstream", "true"}};
  return flags;
}

absl::StatusOr<std::unique_ptr<server::Process>> Estate::StartProcess(
    const std::string& component, const std::vector<server::ModuleDefinition>& modules,
    SystemClock* clock, const std::map<std::string, std::string>& settings) {
  server::ProcessOptions options;
  options.component = component;
  options.clock = clock;
  options.modules = modules;
  options.sources.flags = Flags();
  for (const auto& [key, value] : settings) options.sources.flags[key] = value;
  options.sources.flags["log.file"] = folder_ + "/" + component + ".log";
  options.sources.flags["server.core_dumps"] = "true";
  auto process = std::make_unique<server::Process>(std::move(options));
  DATONG_RETURN_IF_ERROR(process->Build());
  DATONG_RETURN_IF_ERROR(process->Start());
  DATONG_RETURN_IF_ERROR(process->WaitReady(Deadline::After(absl::Seconds(30))));
  return process;
}

}  // namespace datong::bench
