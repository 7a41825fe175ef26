// A week of an estate, in minutes: nobody is handed an expired token, and WeChat is asked hardly
// more often than it must be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/hash.h"
#include "common/http/client.h"
#include "common/rpc/client.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "services/broker/module.h"
#include "services/gateway/module.h"
#include "tests/faults/deep.h"
#include "tests/faults/fleet.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::faults {
namespace {

constexpr char kComponent[] = "wxcomp";
constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
// A token lives 7,200 s and is replaced when 900 s are left of it (operations), up to 30 s later.
constexpr absl::Duration kLongestUse = absl::Seconds(7200 - 900 + 30);
// Less than what is left of a token when its time to be replaced has come.
constexpr absl::Duration kStep = absl::Minutes(5);

// Two brokers and a gateway in this process, so that one clock moves them all at once.
class WeekTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/dtg-week-XXXXXX";
    folder_ = ::mkdtemp(folder);
    ASSERT_OK(sim_.Start());
    clock_.SetOffset(sim_.Now() - absl::Now());
    std::filesystem::create_directories(folder_ + "/keys");
    std::ofstream(folder_ + "/dsn") << database_.dsn().Expose();
    std::ofstream(folder_ + "/keys/k1") << crypto::Base64Encode(std::string(32, 'k'));
    std::ofstream(folder_ + "/keys/active") << "k1";
    brokers_.push_back(StartProcess("first", {broker::kModule, gateway::kModule}));
    brokers_.push_back(StartProcess("second", {broker::kModule}));
    for (const auto& process : brokers_) {
      ASSERT_NE(process, nullptr);
      tokens_.push_back(broker::v1::TokenService::NewStub(process->channel()));
    }
  }
  void TearDown() override {
    if (HasFailure()) {
      std::ifstream log(folder_ + "/first.log");
      std::string line, last;
      for (int lines = 0; std::getline(log, line) && lines < 40; ++lines) last += line + "\n";
      std::cerr << last;
    }
    sim_.Stop();
    for (const auto& process : brokers_) process->Stop();
    std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<server::Process> StartProcess(const std::string& name,
                                                std::vector<server::ModuleDefinition> modules) {
    server::ProcessOptions options;
    options.component = name;
    options.modules = std::move(modules);
    options.clock = &clock_;
    options.sources.flags = {{"database.dsn_file", folder_ + "/dsn"},
                             {"database.max_connections", "8"},
                             {"keys.folder", folder_ + "/keys"},
                             {"insecure.allow", "true"},
                             {"server.address", "127.0.0.1"},
                             {"server.grpc_port", "0"},
                             {"server.health_port", "0"},
                             {"server.metrics_port", "0"},
                             {"server.http_port", "0"},
                             {"server.drain_wait", "0"},
                             {"server.core_dumps", "true"},
                             {"log.file", absl::StrCat(folder_, "/", name, ".log")},
                             {"wechat.allow_private_upstream", "true"},
                             {"wechat.api_url", sim_.url()},
                             {"wechat.mp_url", sim_.url()},
                             {"wechat.open_url", sim_.url()},
                             {"broker.work_interval", "1s"},
                             {"broker.poll_interval", "1s"},
                             {"broker.refresh_threads", "4"}};
    for (const char* peer : {"identity", "ingest", "datacube", "insight"}) {
      options.sources.flags[absl::StrCat("peers.", peer)] = "127.0.0.1:1";
    }
    auto process = std::make_unique<server::Process>(std::move(options));
    EXPECT_OK(process->Build());
    EXPECT_OK(process->Start());
    const absl::Status ready = process->WaitReady(Deadline::After(absl::Seconds(60)));
    EXPECT_OK(ready);
    return ready.ok() ? std::move(process) : nullptr;
  }
  absl::StatusOr<broker::v1::GetTokenResponse> GetToken(size_t broker, const std::string& appid) {
    broker::v1::GetTokenRequest request;
    request.set_app("projects/demo/apps/" + appid);
    return outgoing_.Call(rpc::MakeBackgroundCall("test", Deadline::After(absl::Seconds(60))),
                          "/datong.broker.v1.TokenService/GetToken", *tokens_[broker],
                          &broker::v1::TokenService::StubInterface::GetToken, request,
                          {.longest = absl::Seconds(60), .idempotent = true});
  }
  void Connect(int authorizers) {
    const auto projects = broker::v1::ProjectService::NewStub(brokers_[0]->channel());
    const auto call = rpc::MakeBackgroundCall("test", Deadline::After(absl::Seconds(60)));
    broker::v1::CreateProjectRequest project;
    project.set_project_id("demo");
    ASSERT_OK(outgoing_.Call(call, "/datong.broker.v1.ProjectService/CreateProject", *projects,
                             &broker::v1::ProjectService::StubInterface::CreateProject, project));
    const std::string base = absl::StrCat("http://127.0.0.1:", brokers_[0]->ports().http,
                                          "/wechat/demo/component/", kComponent);
    wechat_sim::AppSpec component;
    component.appid = kComponent;
    component.secret = "cs";
    component.kind = "component";
    component.callback = {base + "/events", "tok", kAesKey};
    component.message_url = base + "/$APPID$/messages";
    component.rotate_refresh_tokens = true;
    component.ticket_interval_s = 3600;
    sim_.AddApp(component);
    broker::v1::CreateAppRequest app;
    app.set_project("projects/demo");
    app.mutable_app()->set_appid(kComponent);
    app.mutable_app()->set_kind(broker::v1::APP_KIND_COMPONENT);
    app.mutable_credentials()->set_app_secret("cs");
    app.mutable_credentials()->set_callback_token("tok");
    app.mutable_credentials()->set_encoding_aes_key(kAesKey);
    ASSERT_OK(outgoing_.Call(call, "/datong.broker.v1.ProjectService/CreateApp", *projects,
                             &broker::v1::ProjectService::StubInterface::CreateApp, app));
    ASSERT_TRUE(Eventually([&] { return GetToken(0, kComponent).ok(); }));
    appids_ = {kComponent};
    for (int i = 0; i < authorizers; ++i) {
      wechat_sim::AppSpec account;
      account.appid = absl::StrCat("wxauth", i);
      account.secret = "s";
      account.kind = "official_account";
      sim_.AddApp(account);
      ASSERT_OK(sim_.Admin("POST", "/admin/authorize",
                           {{"component_appid", kComponent}, {"appid", account.appid}}));
      appids_.push_back(account.appid);
    }
    for (const std::string& appid : appids_) {
      for (size_t broker = 0; broker < brokers_.size(); ++broker) {
        ASSERT_TRUE(Eventually([&] { return GetToken(broker, appid).ok(); })) << appid;
      }
    }
  }
  // Whether WeChat takes the token, whatever the broker says of it.
  bool IsTaken(const std::string& appid, const std::string& token) {
    const bool is_component = appid == kComponent;
    const std::string url = absl::StrCat(
        sim_.url(),
        is_component ? "/cgi-bin/component/api_get_authorizer_list?component_access_token="
                     : "/cgi-bin/getcallbackip?access_token=",
        token);
    const nlohmann::json body = {{"component_appid", kComponent}, {"offset", 0}, {"count", 1}};
    const auto answer = http_.Send({.method = is_component ? "POST" : "GET",
                                    .url = url,
                                    .body = is_component ? body.dump() : ""},
                                   Deadline::After(absl::Seconds(30)));
    if (!answer.ok()) return false;
    return nlohmann::json::parse(answer->body, nullptr, false).value("errcode", int64_t{0}) == 0;
  }
  int64_t Due() {
    // Where both brokers and their spread of 30 s would call it due for certain.
    auto pool = database_.MakePool(registry_, 2);
    return *pool->Query<int64_t>("due", Deadline::After(absl::Seconds(30)),
                                 [&](pqxx::work& work) -> absl::StatusOr<int64_t> {
                                   return work
                                       .exec_params1(
                                           "SELECT count(*) FROM broker.tokens WHERE expires_at < "
                                           "to_timestamp($1::bigint) + interval '870 s'",
                                           absl::ToUnixSeconds(clock_.Now()))[0]
                                       .as<int64_t>();
                                 },
                                 {.retry_conflicts = false, .read_only = true});
  }

  std::string folder_;
  SystemClock clock_;
  wechat_sim::Simulator sim_{
      wechat_sim::SimulatorOptions{.start_time = absl::FromUnixSeconds(1'772'416'800)}};
  TestDatabase database_{{{"broker", broker::kModule.migrations()}}};
  metrics::Registry registry_;
  rpc::Outgoing outgoing_{registry_};
  http::Client http_{{.allow_private = true}};
  std::vector<std::unique_ptr<server::Process>> brokers_;
  std::vector<std::unique_ptr<broker::v1::TokenService::Stub>> tokens_;
  std::vector<std::string> appids_;
};

TEST_F(WeekTest, NoExpiredTokenIsServedAndHardlyMoreIsAskedForThanMustBe) {
  const int authorizers = Deep() ? 200 : 20;
  const absl::Duration length = Deep() ? 7 * absl::Hours(24) : absl::Hours(12);
  ASSERT_NO_FATAL_FAILURE(Connect(authorizers));
  const auto calls = [&] {
    return sim_.Calls("/cgi-bin/component/api_authorizer_token") +
           sim_.Calls("/cgi-bin/component/api_component_token");
  };
  const int64_t before = calls();
  const absl::Time begin = sim_.Now();
  const absl::Time real_begin = absl::Now();
  std::mt19937 random(7);
  int64_t reads = 0, refused = 0, expired = 0, dead = 0;
  while (sim_.Now() < begin + length) {
    sim_.Advance(kStep);
    clock_.SetOffset(sim_.Now() - absl::Now());
    // As real callers: at once, and not only when all is well again.
    for (int i = 0; i < 20; ++i) {
      const absl::Time now = clock_.Now();
      const std::string& appid = appids_[random() % appids_.size()];
      const auto token = GetToken(random() % brokers_.size(), appid);
      ++reads;
      if (!token.ok()) {
        ++refused;
        continue;
      }
      expired += absl::FromUnixSeconds(token->expire_time().seconds()) <= now;
      dead += !IsTaken(appid, token->access_token());
    }
    ASSERT_TRUE(Eventually([&] { return Due() == 0; })) << Due();
  }
  const auto least = static_cast<int64_t>((authorizers + 1) * (length / kLongestUse));
  const int64_t made = calls() - before;
  std::cout << made << " upstream calls, " << least << " at least; " << reads << " reads in "
            << absl::FormatDuration(absl::Now() - real_begin) << "\n";
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(expired, 0);
  EXPECT_EQ(dead, 0);
  EXPECT_GE(made, least * 9 / 10);
  EXPECT_LE(made, least * 11 / 10 + authorizers + 1);  // each may be one within its period
  if (Deep()) {
    EXPECT_LE(made, least * 11 / 10);
    EXPECT_LT(absl::Now() - real_begin, absl::Minutes(3));
  }
}

}  // namespace
}  // namespace datong::faults
