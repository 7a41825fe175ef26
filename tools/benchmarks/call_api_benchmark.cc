#include <chrono>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/http/client.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "services/broker/module.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "tools/benchmarks/benchmarks.h"
#include "tools/benchmarks/estate.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::bench {
namespace {

using broker::v1::ApiService;
using broker::v1::ProjectService;
using broker::v1::TokenService;

constexpr int kCallsOfARound = 300;
constexpr double kBarMs = 1.0;
constexpr char kAppid[] = "wx1234567890abcdef";
constexpr char kPath[] = "/cgi-bin/user/info";
constexpr char kOpenid[] = "oWatched0000000000000000001x";

double Millis(std::chrono::steady_clock::duration elapsed) {
  return std::chrono::duration<double, std::milli>(elapsed).count();
}

// The simulator with one account, and a broker before it.
class Way {
  template <typename Stub, typename Method, typename Request>
  auto Ask(Stub& stub, Method method, const Request& request, const char* name) {
    return outgoing_.Call(estate_.Call(), name, stub, method, request);
  }

 public:
  Way(const Estate& estate, server::Process& process, const std::string& platform)
      : estate_(estate),
        platform_(platform),
        projects_(ProjectService::NewStub(process.channel())),
        channel_(rpc::CreateChannel(absl::StrCat("127.0.0.1:", process.ports().grpc))),
        tokens_(TokenService::NewStub(channel_)),
        api_(ApiService::NewStub(channel_)) {}

  absl::Status SetUp() {
    broker::v1::CreateProjectRequest project;
    project.set_project_id("demo");
    project.mutable_project()->set_display_name("Demo");
    DATONG_RETURN_IF_ERROR(Ask(*projects_, &ProjectService::StubInterface::CreateProject, project,
                               "/datong.broker.v1.ProjectService/CreateProject")
                               .status());
    broker::v1::CreateAppRequest app;
    app.set_project("projects/demo");
    app.mutable_app()->set_appid(kAppid);
    app.mutable_app()->set_kind(broker::v1::APP_KIND_OFFICIAL_ACCOUNT);
    app.mutable_credentials()->set_app_secret("secret");
    DATONG_RETURN_IF_ERROR(Ask(*projects_, &ProjectService::StubInterface::CreateApp, app,
                               "/datong.broker.v1.ProjectService/CreateApp")
                               .status());
    broker::v1::GetTokenRequest request;
    request.set_app(absl::StrCat("projects/demo/apps/", kAppid));
    DATONG_ASSIGN_OR_RETURN(const broker::v1::GetTokenResponse token,
                            Ask(*tokens_, &TokenService::StubInterface::GetToken, request,
                                "/datong.broker.v1.TokenService/GetToken"));
    url_ =
        absl::StrCat(platform_, kPath, "?access_token=", token.access_token(), "&openid=", kOpenid);
    request_.set_app(request.app());
    request_.set_path(kPath);
    (*request_.mutable_query())["openid"] = kOpenid;
    return absl::OkStatus();
  }

  absl::StatusOr<double> ThroughTheBroker() {
    const auto begin = std::chrono::steady_clock::now();
    DATONG_ASSIGN_OR_RETURN(const broker::v1::CallApiResponse answer,
                            Ask(*api_, &ApiService::StubInterface::CallApi, request_,
                                "/datong.broker.v1.ApiService/CallApi"));
    if (answer.errcode() != 0) return absl::UnavailableError(answer.errmsg());
    return Millis(std::chrono::steady_clock::now() - begin);
  }
  absl::StatusOr<double> Directly() {
    const auto begin = std::chrono::steady_clock::now();
    DATONG_ASSIGN_OR_RETURN(const http::ClientResponse answer,
                            http_.Send({.method = "GET", .url = url_, .headers = {}, .body = {}},
                                       Deadline::After(absl::Seconds(30))));
    if (answer.status != 200) return absl::UnavailableError("The simulator refuses.");
    return Millis(std::chrono::steady_clock::now() - begin);
  }

 private:
  const Estate& estate_;
  const std::string platform_;
  metrics::Registry registry_;
  rpc::Outgoing outgoing_{registry_};
  http::Client http_{{.allow_private = true}};
  const std::unique_ptr<ProjectService::Stub> projects_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<TokenService::Stub> tokens_;
  const std::unique_ptr<ApiService::Stub> api_;
  std::string url_;
  broker::v1::CallApiRequest request_;
};

}  // namespace

absl::StatusOr<std::vector<Figure>> BenchCallApi(int rounds) {
  const std::vector<server::ModuleDefinition> modules = {broker::kModule, identity::kModule,
                                                         ingest::kModule};
  wechat_sim::Simulator simulator;
  DATONG_RETURN_IF_ERROR(simulator.Start());
  wechat_sim::AppSpec app;
  app.appid = kAppid;
  app.secret = "secret";
  app.kind = "official_account";
  simulator.AddApp(app);
  wechat_sim::UserSpec user;
  user.openid = kOpenid;
  user.follows = {{.from = 1'700'000'000, .scene = "ADD_SCENE_SEARCH"}};
  simulator.AddUsers(kAppid, {user});
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<Estate> estate, Estate::Make(modules));
  DATONG_ASSIGN_OR_RETURN(
      const std::unique_ptr<server::Process> process,
      estate->StartProcess("api-bench", modules, nullptr, {{"wechat.api_url", simulator.url()}}));
  Way way(*estate, *process, simulator.url());
  DATONG_RETURN_IF_ERROR(way.SetUp());
  std::vector<double> added;
  std::vector<double> through;
  std::vector<double> direct;
  for (int round = 0; round <= rounds; ++round) {
    std::vector<double> through_ms;
    std::vector<double> direct_ms;
    // One and one, so that both see the same machine.
    for (int call = 0; call < kCallsOfARound; ++call) {
      DATONG_ASSIGN_OR_RETURN(const double one, way.ThroughTheBroker());
      DATONG_ASSIGN_OR_RETURN(const double other, way.Directly());
      through_ms.push_back(one);
      direct_ms.push_back(other);
    }
    if (round == 0) continue;  // connections are made
    through.push_back(Median(through_ms));
    direct.push_back(Median(direct_ms));
    added.push_back(through.back() - direct.back());
  }
  process->Stop();
  simulator.Stop();
  return std::vector<Figure>{
      {"CallApi less a direct call, median", Median(added), "ms", kBarMs, false,
       absl::StrFormat("%.2f less %.2f ms", Median(through), Median(direct))}};
}

}  // namespace datong::bench
