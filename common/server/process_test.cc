#include "common/server/process.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/auth/api_keys.h"
#include "common/http/client.h"
#include "common/rpc/client.h"
#include "common/rpc/gate.h"
#include "common/rpc/testing/echo_service.h"
#include "common/server/process_settings.h"
#include "common/testing/matchers.h"

namespace datong::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::v1::EchoRequest;
using testing::v1::EchoResponse;
using testing::v1::EchoService;

// What the modules of the tests do; modules are made by plain functions.
std::atomic<int> starts_that_fail{0};
std::atomic<bool> is_broken{false};
std::atomic<bool> is_stopped{false};

// Answers echoes, over gRPC and over HTTP.
class EchoModule final : public Module {
 public:
  explicit EchoModule(Environment& environment) : service_(environment.calls()) {}
  std::string name() const override { return "echo"; }
  std::vector<grpc::Service*> GrpcServices() override { return {&service_}; }
  void RegisterRoutes(http::Router& router) override {
    router.Handle("GET", "/echo", {}, [](const http::ServerRequest&) {
      http::ServerResponse response;
      response.body = "echo";
      return response;
    });
  }
  absl::Status Start() override {
    if (starts_that_fail-- > 0) return absl::UnavailableError("no database yet");
    return is_broken ? absl::FailedPreconditionError("keys are unusable") : absl::OkStatus();
  }
  void Stop() override { is_stopped = true; }

 private:
  rpc::EchoGrpcService service_;
};

// Calls echo through the process.
class CallerModule final : public Module {
 public:
  explicit CallerModule(Environment& environment)
      : outgoing_(environment.metrics()),
        stub_(EchoService::NewStub(environment.PeerChannel("echo"))) {
    environment.settings().Int("caller.answers", 1, 0, 10, "A setting of a module.");
  }
  std::string name() const override { return "caller"; }
  absl::Status Start() override {
    EchoRequest request;
    request.set_text("hello");
    return outgoing_
        .Call(rpc::MakeBackgroundCall("caller.start", Deadline::After(absl::Seconds(5))),
              "/datong.testing.v1.EchoService/Echo", *stub_, &EchoService::StubInterface::Echo,
              request)
        .status();
  }

 private:
  rpc::Outgoing outgoing_;
  std::unique_ptr<EchoService::StubInterface> stub_;
};

template <typename M>
absl::StatusOr<std::unique_ptr<Module>> Make(Environment& environment) {
  return std::make_unique<M>(environment);
}
std::vector<postgres::Migration> NoMigrations() { return {}; }

const ModuleDefinition kEcho = {"echo", &Make<EchoModule>, &NoMigrations};
const ModuleDefinition kCaller = {"caller", &Make<CallerModule>, &NoMigrations};

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() {
    starts_that_fail = 0;
    is_broken = false;
    is_stopped = false;
  }
  ~ProcessTest() override { unlink(log_.c_str()); }

  ProcessOptions Options(std::vector<ModuleDefinition> modules) {
    ProcessOptions options{
        .component = "test", .modules = std::move(modules), .sources = {}, .clock = nullptr};
    options.sources.flags = {
        {"server.address", "127.0.0.1"}, {"server.grpc_port", "0"},  {"server.health_port", "0"},
        {"server.metrics_port", "0"},    {"server.http_port", "0"},  {"server.threads", "2"},
        {"server.drain_wait", "0"},      {"insecure.allow", "true"}, {"log.file", log_},
        {"server.core_dumps", "true"}};
    return options;
  }
  std::string Get(int port, const std::string& path, int status = 200) {
    const absl::StatusOr<http::ClientResponse> response =
        client_.Send({.method = "GET",
                      .url = absl::StrCat("http://127.0.0.1:", port, path),
                      .headers = {},
                      .body = {}},
                     Deadline::After(absl::Seconds(5)));
    EXPECT_OK(response);
    EXPECT_EQ(response->status, status) << path;
    return response->body;
  }

  std::string log_ = ::testing::TempDir() + "/process_test." + std::to_string(getpid());
  http::Client client_{{.allow_private = true}};
};

grpc::StatusCode RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                         const std::string& bytes, std::string* answer) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice slice(bytes);
  const auto call = stub.PrepareUnaryCall(&context, path, grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer buffer;
  grpc::Status status;
  call->Finish(&buffer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  grpc::Slice received;
  if (status.ok() && buffer.DumpToSingleSlice(&received).ok()) {
    answer->assign(received.begin(), received.end());
  }
  return status.error_code();
}

Deadline Soon() { return Deadline::After(absl::Seconds(20)); }

// A door that serves HTTP alone, as the gateway does.
class DoorModule final : public Module {
 public:
  explicit DoorModule(Environment&) {}
  std::string name() const override { return "door"; }
};

TEST_F(ProcessTest, AModuleWithoutGrpcServicesStillServesHealthOnTheGrpcPort) {
  Process process(Options({{"door", &Make<DoorModule>, &NoMigrations}}));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  ASSERT_OK(process.WaitReady(Soon()));
  std::string answer;
  EXPECT_EQ(RawCall(rpc::CreateChannel(absl::StrCat("127.0.0.1:", process.ports().grpc)),
                    "/grpc.health.v1.Health/Check", "\n\x09readiness", &answer),
            grpc::StatusCode::OK);
  EXPECT_EQ(answer, std::string("\x08\x01"));
}

TEST_F(ProcessTest, ServesEverythingOnFreePortsAndCallsWithinTheProcess) {
  Process process(Options({kEcho, kCaller}));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  ASSERT_OK(process.WaitReady(Soon()));
  const Ports ports = process.ports();

  const auto stub =
      EchoService::NewStub(rpc::CreateChannel(absl::StrCat("127.0.0.1:", ports.grpc)));
  EchoResponse response;
  grpc::ClientContext context;
  EchoRequest request;
  request.set_text("x");
  EXPECT_TRUE(stub->Echo(&context, request, &response).ok());
  EXPECT_EQ(Get(ports.http, "/echo"), "echo");
  // The health port serves grpc.health.v1 and nothing else. 1 is SERVING.
  const auto health = rpc::CreateChannel(absl::StrCat("127.0.0.1:", ports.health));
  for (const std::string service : {"readiness", "liveness"}) {
    std::string answer;
    EXPECT_EQ(
        RawCall(health, "/grpc.health.v1.Health/Check",
                absl::StrCat("\n", std::string(1, static_cast<char>(service.size())), service),
                &answer),
        grpc::StatusCode::OK);
    EXPECT_EQ(answer, std::string("\x08\x01"));
  }
  std::string none;
  EXPECT_EQ(RawCall(health, "/datong.testing.v1.EchoService/Echo", "", &none),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Get(ports.metrics, "/livez"), "alive\n");
  EXPECT_EQ(Get(ports.metrics, "/readyz"), "ready\n");
  EXPECT_THAT(Get(ports.metrics, "/version"), HasSubstr("\"component\":\"test\""));
  EXPECT_THAT(
      Get(ports.metrics, "/metrics"),
      AllOf(HasSubstr("datong_ready{reason=\"serving\"} 1"), HasSubstr("datong_build_info{"),
            HasSubstr("grpc_server_handled_total"), HasSubstr("process_open_fds"),
            HasSubstr("datong_log_dropped_total{reason=\"buffer_full\"} 0")));
}

TEST_F(ProcessTest, ReflectionIsServedOnlyWhenItIsAskedFor) {
  for (const bool wanted : {false, true}) {
    ProcessOptions options = Options({kEcho});
    options.sources.flags["server.reflection"] = wanted ? "true" : "false";
    Process process(options);
    ASSERT_OK(process.Build());
    ASSERT_OK(process.Start());
    ASSERT_OK(process.WaitReady(Soon()));
    std::string answer;
    const grpc::StatusCode code =
        RawCall(process.channel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                "", &answer);
    EXPECT_EQ(code == grpc::StatusCode::UNIMPLEMENTED, !wanted);
  }
}

TEST_F(ProcessTest, WaitsForADatabaseThatIsNotThereYet) {
  starts_that_fail = 3;
  Process process(Options({kEcho}));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  EXPECT_OK(process.WaitReady(Soon()));
  EXPECT_LT(starts_that_fail, 0);
}

TEST_F(ProcessTest, AModuleThatCannotStartEndsTheProcess) {
  is_broken = true;
  Process process(Options({kEcho}));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  EXPECT_EQ(process.WaitReady(Soon()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(process.failure().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ProcessTest, DrainingIsSeenBeforeTheEnd) {
  Process process(Options({kEcho}));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  ASSERT_OK(process.WaitReady(Soon()));
  process.Drain();
  EXPECT_EQ(Get(process.ports().metrics, "/readyz", 503), "Shutting down.\n");
  process.Stop();
  EXPECT_TRUE(is_stopped);
}

TEST_F(ProcessTest, WithoutInsecureAllowItRefusesToStart) {
  ProcessOptions options = Options({kEcho});
  options.sources.flags.erase("insecure.allow");
  Process process(options);
  const absl::Status status = process.Build();
  EXPECT_THAT(status, IsError(absl::StatusCode::kInvalidArgument, "SETTINGS_INVALID"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("auth.mode is missing"));
}

// Modules of one process call each other in their own names; what comes from outside needs a key,
// and each call of a method that is not granted is told of.
TEST_F(ProcessTest, CallersFromOutsideNeedCredentialsAndModulesHaveTheirOwn) {
  const absl::StatusOr<auth::NewApiKey> key = auth::MakeApiKey("tester", absl::InfiniteFuture());
  ASSERT_OK(key);
  const std::string keys = log_ + ".keys";
  const std::string policy = log_ + ".policy";
  std::ofstream(keys) << key->line;
  std::ofstream(policy) << "[[grants]]\ncallers = [\"key:tester\", \"service:caller\"]\n"
                           "permissions = [\"echo.unary\"]\nprojects = [\"*\"]\n";
  ProcessOptions options = Options({kEcho});
  options.sources.flags.erase("insecure.allow");
  options.sources.flags["auth.mode"] = "api_key";
  options.sources.flags["auth.api_keys_file"] = keys;
  options.sources.flags["auth.policy_file"] = policy;
  options.sources.flags["auth.reload_interval"] = "10ms";
  Process process(options);
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  ASSERT_OK(process.WaitReady(Soon()));
  const std::string address = absl::StrCat("127.0.0.1:", process.ports().grpc);
  const auto call = [&address](const std::string& bearer) {
    const auto stub = EchoService::NewStub(
        rpc::CreateChannel(address, {.headers = {{"authorization", "Bearer " + bearer},
                                                 {rpc::kServiceHeader, "broker 0000"}}}));
    grpc::ClientContext context;
    EchoResponse response;
    return stub->Echo(&context, EchoRequest(), &response).error_code();
  };
  EXPECT_EQ(call(key->key.Expose()), grpc::StatusCode::OK);
  EXPECT_EQ(call("dtk_tester_00"), grpc::StatusCode::UNAUTHENTICATED);
  std::ofstream(keys) << "# none\n";
  const Deadline deadline = Deadline::After(absl::Seconds(60));
  while (call(key->key.Expose()) == grpc::StatusCode::OK && !deadline.Passed()) {
  }
  EXPECT_EQ(call(key->key.Expose()), grpc::StatusCode::UNAUTHENTICATED);
  unlink(keys.c_str());
  unlink(policy.c_str());
}

TEST_F(ProcessTest, AWrongPolicyIsAFaultOfTheSettings) {
  const std::string policy = log_ + ".policy";
  std::ofstream(policy) << "[[grants]]\n";
  ProcessOptions options = Options({kEcho});
  options.sources.flags["auth.policy_file"] = policy;
  Process process(options);
  EXPECT_THAT(std::string(process.Build().message()),
              AllOf(HasSubstr("auth.policy_file"), HasSubstr("line 1")));
  unlink(policy.c_str());
}

TEST_F(ProcessTest, ReportsEveryFaultOfEveryModuleTogether) {
  ProcessOptions options = Options({kCaller});
  options.sources.flags["caller.answers"] = "many";
  options.sources.flags["server.threads"] = "0";
  options.sources.flags["log.level"] = "loud";
  Process process(options);
  EXPECT_THAT(std::string(process.Build().message()),
              AllOf(HasSubstr("caller.answers"), HasSubstr("server.threads"),
                    HasSubstr("log.level"), HasSubstr("peers.echo is missing")));
}

TEST_F(ProcessTest, PrintsSettingsWithoutSecrets) {
  const std::string file = log_ + ".dsn";
  std::ofstream(file) << "password=CANARY";
  ProcessOptions options = Options({kEcho});
  options.sources.flags["database.dsn_file"] = file;
  Process process(options);
  ASSERT_OK(process.Build());
  unlink(file.c_str());
  EXPECT_THAT(process.settings().Print(),
              AllOf(HasSubstr("database.dsn = \"***\""), Not(HasSubstr("CANARY"))));
}

// The variables that OpenTelemetry's own libraries read.
TEST_F(ProcessTest, OpenTelemetrysVariablesAreDefaultsOfOurSettings) {
  const std::map<std::string, std::string> variables = {
      {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"},
      {"OTEL_SERVICE_NAME", "datong-of-the-shop"},
      {"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"},
      {"OTEL_TRACES_SAMPLER_ARG", "0.25"}};
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  const auto read = [](const std::map<std::string, std::string>& flags) {
    config::Sources sources;
    sources.flags = flags;
    absl::StatusOr<config::Settings> settings = config::Settings::Load(sources);
    return ProcessSettings::FromSettings(*settings);
  };
  EXPECT_EQ(read({}).traces_endpoint, "http://collector:4318");
  EXPECT_EQ(read({}).traces_service_name, "datong-of-the-shop");
  EXPECT_EQ(read({}).traces_sample_ratio, 0.25);
  EXPECT_EQ(read({{"traces.sample_ratio", "0.5"}}).traces_sample_ratio, 0.5);
  setenv("OTEL_TRACES_SAMPLER", "always_on", 1);
  EXPECT_EQ(read({}).traces_sample_ratio, 1);
  setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off", 1);
  EXPECT_EQ(read({}).traces_sample_ratio, 0);
  for (const auto& [name, value] : variables) unsetenv(name.c_str());
  EXPECT_EQ(read({}).traces_endpoint, "");
  EXPECT_EQ(read({}).traces_sample_ratio, 0.01);
}

TEST_F(ProcessTest, TheReadmeNamesEverySetting) {
  Process process(Options({kEcho}));
  ASSERT_OK(process.Build());
  std::ifstream in("README.md");
  std::ostringstream readme;
  readme << in.rdbuf();
  for (absl::string_view line : absl::StrSplit(process.settings().Help(), '\n')) {
    if (!absl::ConsumePrefix(&line, "  --")) continue;
    const std::string key(line.substr(0, line.find('=')));
    EXPECT_THAT(readme.str(), HasSubstr("| `" + key + "` |"));
  }
}

TEST_F(ProcessTest, APortThatIsTakenIsNamed) {
  Process first(Options({kEcho}));
  ASSERT_OK(first.Build());
  ASSERT_OK(first.Start());
  ProcessOptions options = Options({kEcho});
  options.sources.flags["server.grpc_port"] = absl::StrCat(first.ports().grpc);
  Process second(options);
  ASSERT_OK(second.Build());
  EXPECT_THAT(second.Start(), IsError(absl::StatusCode::kUnavailable, "LISTEN_FAILED"));
}

}  // namespace
}  // namespace datong::server
