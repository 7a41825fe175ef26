#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/rpc/client.h"
#include "common/rpc/testing/echo_service.h"
#include "common/rpc/tls.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"

namespace datong::server {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::v1::EchoRequest;
using testing::v1::EchoResponse;
using testing::v1::EchoService;

class EchoModule final : public Module {
 public:
  explicit EchoModule(Environment& environment) : service_(environment.calls()) {
    service_.echo = [](const rpc::CallContext& call, const EchoRequest&) {
      EchoResponse response;
      response.set_text(call.caller.name);
      return response;
    };
  }
  std::string name() const override { return "echo"; }
  std::vector<grpc::Service*> GrpcServices() override { return {&service_}; }

 private:
  rpc::EchoGrpcService service_;
};

absl::StatusOr<std::unique_ptr<Module>> MakeEcho(Environment& environment) {
  return std::make_unique<EchoModule>(environment);
}
const ModuleDefinition kEcho = {"echo", &MakeEcho,
                                [] { return std::vector<postgres::Migration>(); }};

// A throw-away authority, and folders of files as Kubernetes mounts them: a link that moves from
// one generation to the next.
class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    std::string pattern = fs::temp_directory_path() / "datong-tls-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    MakeAuthority("ca");
  }
  ~TlsTest() override { fs::remove_all(folder_); }

  void Run(const std::string& command) {
    const std::string all = absl::StrCat("cd ", folder_, " && ", command, " >log 2>&1");
    ASSERT_EQ(std::system(all.c_str()), 0) << command;
  }
  void MakeAuthority(const std::string& name) {
    Run(
        absl::StrCat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                     "-subj /CN=",
                     name, " -keyout ", name, ".key -out ", name, ".crt"));
  }
  // The files of `account` from now on, with a certificate of its own each time; it trusts the
  // authorities in the file `trusted`.
  rpc::TlsFiles Issue(const std::string& account, const std::string& authority = "ca",
                      const std::string& trusted = "ca.crt") {
    const std::string generation = absl::StrCat(account, "-", ++generation_);
    fs::create_directory(folder_ + "/" + generation);
    std::ofstream(folder_ + "/extensions")
        << "subjectAltName=URI:spiffe://cluster.local/ns/d/sa/" << account << ",IP:127.0.0.1\n";
    Run(absl::StrCat(
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout ",
        generation, "/tls.key -out request && openssl x509 -req -in request -CA ", authority,
        ".crt -CAkey ", authority, ".key -CAcreateserial -days 1 -extfile extensions -out ",
        generation, "/tls.crt && cp ", trusted, " ", generation, "/ca.crt && ln -sfn ", generation,
        " to-be && mv -T to-be ", account));
    const std::string at = absl::StrCat(folder_, "/", account);
    return {at + "/tls.crt", at + "/tls.key", at + "/ca.crt", absl::Seconds(1)};
  }
  ProcessOptions Options(const rpc::TlsFiles& files) {
    std::ofstream(folder_ + "/policy")
        << "[[grants]]\ncallers = [\"spiffe://cluster.local/ns/d/sa/friend\"]\n"
           "permissions = [\"echo.unary\"]\nprojects = [\"*\"]\n";
    ProcessOptions options;
    options.component = "test";
    options.modules = {kEcho};
    options.sources.flags = {{"server.address", "127.0.0.1"},
                             {"server.grpc_port", "0"},
                             {"server.health_port", "0"},
                             {"server.metrics_port", "0"},
                             {"server.http_port", "0"},
                             {"server.threads", "2"},
                             {"server.drain_wait", "0"},
                             {"log.file", folder_ + "/log.json"},
                             {"server.core_dumps", "true"},
                             {"auth.mode", "mtls"},
                             {"tls.cert_file", files.cert_file},
                             {"tls.key_file", files.key_file},
                             {"tls.ca_file", files.ca_file},
                             {"tls.reload_interval", "1s"},
                             {"auth.policy_file", folder_ + "/policy"},
                             {"auth.services.gateway", "spiffe://cluster.local/ns/d/sa/gateway"}};
    return options;
  }
  static absl::StatusOr<std::string> Call(const Process& process,
                                          std::shared_ptr<grpc::ChannelCredentials> credentials) {
    // A connection of its own for each call.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = EchoService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", const_cast<Process&>(process).ports().grpc), credentials,
        arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    EchoResponse response;
    const grpc::Status status = stub->Echo(&context, EchoRequest(), &response);
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    return response.text();
  }

  static bool Eventually(const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::After(absl::Seconds(60));
    while (!holds()) {
      if (deadline.Passed()) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::string folder_;
  int generation_ = 0;
};

// Calls without end, each on a connection of its own, from construction on.
class Load {
 public:
  explicit Load(std::function<bool()> call)
      : thread_([this, call = std::move(call)] {
          while (!stop_) {
            if (!call()) ++failures_;
            ++calls_;
          }
        }) {}
  ~Load() {
    stop_ = true;
    thread_.join();
  }
  int failures() const { return failures_; }
  void AwaitCalls(int count) const {
    for (const int before = calls_; calls_ < before + count;) std::this_thread::yield();
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int> calls_{0};
  std::atomic<int> failures_{0};
  std::thread thread_;
};

TEST_F(TlsTest, CallersAreKnownByTheirCertificates) {
  Process process(Options(Issue("echo")));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  ASSERT_OK(process.WaitReady(Deadline::After(absl::Seconds(30))));

  EXPECT_THAT(Call(process, rpc::MakeChannelCredentials(Issue("friend"))),
              IsOkAndHolds("spiffe://cluster.local/ns/d/sa/friend"));
  EXPECT_EQ(Call(process, rpc::MakeChannelCredentials(Issue("stranger"))).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Call(process, rpc::MakeChannelCredentials(Issue("gateway"))).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Call(process, grpc::InsecureChannelCredentials()).status().code(),
            absl::StatusCode::kUnavailable);
  std::ifstream in(folder_ + "/ca.crt");
  const std::string ca{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_EQ(Call(process, grpc::SslCredentials({ca, "", ""})).status().code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(process.metrics().Serialize(),
              HasSubstr("datong_tls_certificate_not_after_timestamp_seconds{usage=\"server\"} 1"));
}

TEST_F(TlsTest, CertificatesAreReplacedUnderLoadWithoutAFailedCall) {
  Process process(Options(Issue("echo")));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  ASSERT_OK(process.WaitReady(Deadline::After(absl::Seconds(30))));
  const auto credentials = rpc::MakeChannelCredentials(Issue("friend"));
  const Load load([&] { return Call(process, credentials).ok(); });
  const auto served = [&] {
    std::string serial;
    Run(absl::StrCat(
        "openssl s_client -connect 127.0.0.1:", process.ports().grpc,
        " -alpn h2 </dev/null 2>/dev/null | openssl x509 -noout -serial >serial; true"));
    std::ifstream(folder_ + "/serial") >> serial;
    return serial;
  };
  std::string serial = served();
  for (int i = 0; i < 2; ++i) {
    Issue("echo");
    Issue("friend");
    const Deadline deadline = Deadline::After(absl::Seconds(60));
    std::string next = serial;
    while (next == serial && !deadline.Passed()) next = served();
    EXPECT_NE(next, serial);
    serial = next;
  }
  load.AwaitCalls(10);
  EXPECT_EQ(load.failures(), 0);
}

// In three steps: all trust both, then all have certificates of the next one, then it alone is
// trusted.
TEST_F(TlsTest, TheAuthorityIsReplacedUnderLoadWithoutAFailedCall) {
  Process process(Options(Issue("echo")));
  ASSERT_OK(process.Build());
  ASSERT_OK(process.Start());
  ASSERT_OK(process.WaitReady(Deadline::After(absl::Seconds(30))));
  const auto credentials = rpc::MakeChannelCredentials(Issue("friend"));
  const auto before = rpc::MakeChannelCredentials(Issue("stranger"));
  const Load load([&] { return Call(process, credentials).ok(); });
  MakeAuthority("next");
  Run("sh -c 'cat ca.crt next.crt >both.crt'");
  const auto after = rpc::MakeChannelCredentials(Issue("newcomer", "next", "both.crt"));
  EXPECT_EQ(Call(process, after).status().code(), absl::StatusCode::kUnavailable);
  // Another service that is further already, and takes certificates of the next authority alone.
  Process strict(Options(Issue("strict", "next", "next.crt")));
  ASSERT_OK(strict.Build());
  ASSERT_OK(strict.Start());

  Issue("echo", "ca", "both.crt");
  Issue("friend", "ca", "both.crt");
  // Known callers with nothing to ask for: their certificates were taken.
  EXPECT_TRUE(Eventually(
      [&] { return Call(process, after).status().code() == absl::StatusCode::kPermissionDenied; }));
  EXPECT_EQ(Call(process, before).status().code(), absl::StatusCode::kPermissionDenied);

  Issue("friend", "next", "both.crt");
  EXPECT_TRUE(Eventually([&] { return Call(strict, credentials).ok(); }));
  Issue("echo", "next", "both.crt");
  EXPECT_TRUE(Eventually(
      [&] { return Call(process, before).status().code() == absl::StatusCode::kUnavailable; }));

  Issue("echo", "next", "next.crt");
  Issue("friend", "next", "next.crt");
  const auto late = rpc::MakeChannelCredentials(Issue("latecomer", "ca", "both.crt"));
  EXPECT_TRUE(Eventually(
      [&] { return Call(process, late).status().code() == absl::StatusCode::kUnavailable; }));
  load.AwaitCalls(10);
  EXPECT_EQ(load.failures(), 0);
}

TEST_F(TlsTest, WithoutTlsOnlyThisMachineIsServed) {
  ProcessOptions options = Options({});
  for (const char* key : {"tls.cert_file", "tls.key_file", "tls.ca_file"}) {
    options.sources.flags.erase(key);
  }
  EXPECT_OK(Process(options).Build());
  options.sources.flags["server.address"] = "0.0.0.0";
  EXPECT_THAT(std::string(Process(options).Build().message()), HasSubstr("tls.cert_file"));
  options.sources.flags["server.address"] = "127.0.0.1";
  options.sources.flags["peers.broker"] = "broker:9000";
  EXPECT_THAT(std::string(Process(options).Build().message()), HasSubstr("tls.cert_file"));
}

TEST_F(TlsTest, FilesThatDoNotBelongTogetherAreAFault) {
  rpc::TlsFiles files = Issue("echo");
  files.key_file = Issue("friend").key_file;
  EXPECT_THAT(std::string(Process(Options(files)).Build().message()),
              HasSubstr("key of another certificate"));
  files.ca_file.clear();
  EXPECT_THAT(std::string(Process(Options(files)).Build().message()), HasSubstr("tls.ca_file"));
}

}  // namespace
}  // namespace datong::server
