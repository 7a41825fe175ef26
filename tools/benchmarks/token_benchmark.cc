#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/blocking_counter.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "services/broker/module.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "tools/benchmarks/bare_token_service.h"
#include "tools/benchmarks/benchmarks.h"
#include "tools/benchmarks/estate.h"

namespace datong::bench {
namespace {

using broker::v1::GetTokenRequest;
using broker::v1::GetTokenResponse;
using broker::v1::TokenService;

constexpr int kCallsInFlight = 64;
constexpr absl::Duration kRound = absl::Seconds(2);
constexpr double kBar = 0.85;

// Keeps a number of calls under way; each one that ends begins the next.
class Load {
 public:
  Load(TokenService::Stub& stub, const GetTokenRequest& request, const std::string& authorization)
      : stub_(stub),
        request_(request),
        authorization_(authorization),
        running_(kCallsInFlight),
        slots_(kCallsInFlight) {}

  // Calls a second. Errors: the first failure of a call.
  absl::StatusOr<double> Run(absl::Duration duration) {
    const auto begin = std::chrono::steady_clock::now();
    for (Slot& slot : slots_) Next(slot);
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(duration));
    const int64_t done = done_;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    stopping_ = true;
    running_.Wait();
    if (failures_ > 0) {
      return absl::UnavailableError(absl::StrCat(failures_.load(), " calls failed."));
    }
    return static_cast<double>(done) / seconds;
  }

 private:
  struct Slot {
    std::unique_ptr<grpc::ClientContext> context;
    GetTokenResponse response;
  };

  void Next(Slot& slot) {
    slot.context = std::make_unique<grpc::ClientContext>();
    slot.context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    slot.context->AddMetadata("authorization", authorization_);
    stub_.async()->GetToken(slot.context.get(), &request_, &slot.response,
                            [this, &slot](const grpc::Status& status) {
                              ++done_;
                              if (!status.ok()) ++failures_;
                              if (stopping_ || !status.ok()) {
                                running_.DecrementCount();
                                return;
                              }
                              Next(slot);
                            });
  }

  TokenService::Stub& stub_;
  const GetTokenRequest& request_;
  const std::string& authorization_;
  std::atomic<int64_t> done_ = 0;
  std::atomic<int64_t> failures_ = 0;
  std::atomic<bool> stopping_ = false;
  absl::BlockingCounter running_;
  std::vector<Slot> slots_;
};

std::unique_ptr<TokenService::Stub> StubAt(int port) {
  return TokenService::NewStub(rpc::CreateChannel(absl::StrCat("127.0.0.1:", port)));
}

}  // namespace

absl::StatusOr<double> MeasureRate(TokenService::Stub& stub, const GetTokenRequest& request,
                                   const std::string& authorization, absl::Duration duration) {
  return Load(stub, request, authorization).Run(duration);
}

absl::Status CreateTokenApp(const Estate& estate, server::Process& process,
                            const std::string& appid) {
  metrics::Registry registry;
  rpc::Outgoing outgoing(registry);
  const auto stub = broker::v1::ProjectService::NewStub(process.channel());
  const rpc::CallContext call = estate.Call();
  broker::v1::CreateProjectRequest project;
  project.set_project_id("demo");
  project.mutable_project()->set_display_name("Demo");
  const absl::Status made =
      outgoing
          .Call(call, "/datong.broker.v1.ProjectService/CreateProject", *stub,
                &broker::v1::ProjectService::StubInterface::CreateProject, project)
          .status();
  if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  broker::v1::CreateAppRequest app;
  app.set_project("projects/demo");
  app.mutable_app()->set_appid(appid);
  app.mutable_app()->set_kind(broker::v1::APP_KIND_OFFICIAL_ACCOUNT);
  app.mutable_credentials()->set_app_secret("0123456789abcdef0123456789abcdef");
  return outgoing
      .Call(call, "/datong.broker.v1.ProjectService/CreateApp", *stub,
            &broker::v1::ProjectService::StubInterface::CreateApp, app)
      .status();
}

absl::StatusOr<std::vector<Figure>> BenchToken(int rounds) {
  const std::vector<server::ModuleDefinition> modules = {broker::kModule, identity::kModule,
                                                         ingest::kModule};
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<Estate> estate, Estate::Make(modules));
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<server::Process> process,
                          estate->StartProcess("token-bench", modules));
  DATONG_RETURN_IF_ERROR(CreateTokenApp(*estate, *process, "wx1234567890abcdef"));
  const auto stub = StubAt(process->ports().grpc);
  GetTokenRequest request;
  request.set_app("projects/demo/apps/wx1234567890abcdef");
  metrics::Registry registry;
  rpc::Outgoing outgoing(registry);
  DATONG_ASSIGN_OR_RETURN(const GetTokenResponse token,
                          outgoing.Call(estate->Call(), "/datong.broker.v1.TokenService/GetToken",
                                        *stub, &TokenService::StubInterface::GetToken, request,
                                        {.longest = absl::Seconds(20), .idempotent = true}));

  BareTokenService bare(token);
  int bare_port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &bare_port);
  builder.RegisterService(&bare);
  const std::unique_ptr<grpc::Server> bare_server = builder.BuildAndStart();
  if (bare_server == nullptr) return absl::UnavailableError("The bare server does not listen.");
  const auto bare_stub = StubAt(bare_port);

  const auto measure = [&](TokenService::Stub& server, absl::Duration duration) {
    return MeasureRate(server, request, estate->authorization(), duration);
  };
  DATONG_RETURN_IF_ERROR(measure(*stub, kRound / 4).status());
  DATONG_RETURN_IF_ERROR(measure(*bare_stub, kRound / 4).status());
  std::vector<double> ratios;
  std::vector<double> rates;
  std::vector<double> bare_rates;
  for (int round = 0; round < rounds; ++round) {
    DATONG_ASSIGN_OR_RETURN(const double rate, measure(*stub, kRound));
    DATONG_ASSIGN_OR_RETURN(const double bare_rate, measure(*bare_stub, kRound));
    rates.push_back(rate);
    bare_rates.push_back(bare_rate);
    ratios.push_back(rate / bare_rate);
  }
  bare_server->Shutdown();
  process->Stop();
  return std::vector<Figure>{
      {"GetToken from memory / bare gRPC callback", Median(ratios), "x", kBar, true,
       absl::StrFormat("%.0f over %.0f calls/s", Median(rates), Median(bare_rates))}};
}

}  // namespace datong::bench
