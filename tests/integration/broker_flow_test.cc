// The whole component flow against the simulator, through real pushes, pages and redirects: broker,
// gateway, identity and ingest in one process, PostgreSQL, wechat-sim.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/crypto/hash.h"
#include "common/http/client.h"
#include "common/rpc/status.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/login.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/relation.grpc.pb.h"
#include "services/broker/module.h"
#include "services/gateway/module.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "tools/wechat_sim/simulator.h"

namespace datong {
namespace {

constexpr char kPublicUrl[] = "http://datong.example";
constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

http::ClientOptions LocalOptions() {
  http::ClientOptions options;
  options.allow_private = true;
  return options;
}

class BrokerFlowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(sim_.Start());
    std::filesystem::create_directories(folder_ + "/keys");
    std::ofstream(folder_ + "/dsn") << database_.dsn().Expose();
    std::ofstream(folder_ + "/keys/k1") << crypto::Base64Encode(std::string(32, 'k'));
    std::ofstream(folder_ + "/keys/active") << "k1";
    server::ProcessOptions options;
    options.component = "test";
    options.modules = {broker::kModule, identity::kModule, ingest::kModule, gateway::kModule};
    options.clock = &clock_;
    options.sources.flags = {{"database.dsn_file", folder_ + "/dsn"},
                             {"database.max_connections", "6"},
                             {"keys.folder", folder_ + "/keys"},
                             {"insecure.allow", "true"},
                             {"public_url", kPublicUrl},
                             {"server.address", "127.0.0.1"},
                             {"server.grpc_port", "0"},
                             {"server.health_port", "0"},
                             {"server.metrics_port", "0"},
                             {"server.http_port", "0"},
                             {"server.drain_wait", "0"},
                             {"server.core_dumps", "true"},
                             {"log.file", folder_ + "/log"},
                             {"peers.datacube", "127.0.0.1:1"},
                             {"peers.insight", "127.0.0.1:1"},
                             {"wechat.allow_private_upstream", "true"},
                             {"wechat.api_url", sim_.url()},
                             {"wechat.mp_url", sim_.url()},
                             {"wechat.open_url", sim_.url()},
                             {"broker.work_interval", "50ms"},
                             {"broker.poll_interval", "100ms"},
                             {"broker.backoff_first", "20ms"},
                             {"broker.backoff_longest", "100ms"}};
    process_ = std::make_unique<server::Process>(std::move(options));
    ASSERT_OK(process_->Build());
    FollowClock();
    ASSERT_OK(process_->Start());
    ASSERT_OK(process_->WaitReady(Deadline::After(absl::Seconds(20))));
    gateway_url_ = absl::StrCat("http://127.0.0.1:", process_->ports().http);
    AddAppsToSimulator();
    projects_ = broker::v1::ProjectService::NewStub(process_->channel());
    authorizations_ = broker::v1::AuthorizationService::NewStub(process_->channel());
    tokens_ = broker::v1::TokenService::NewStub(process_->channel());
    api_ = broker::v1::ApiService::NewStub(process_->channel());
    login_ = broker::v1::LoginService::NewStub(process_->channel());
    identity_ = identity::v1::IdentityService::NewStub(process_->channel());
  }
  void TearDown() override {
    if (HasFailure() && process_ != nullptr) {
      std::ifstream log(folder_ + "/log");
      std::cerr << log.rdbuf();
    }
    sim_.Stop();
    if (process_ != nullptr) process_->Stop();
    std::filesystem::remove_all(folder_);
  }

  void AddAppsToSimulator() {
    wechat_sim::AppSpec component;
    component.appid = "wxc";
    component.secret = "cs";
    component.kind = "component";
    component.callback = {gateway_url_ + "/wechat/demo/component/wxc/events", "tok", kAesKey};
    component.message_url = gateway_url_ + "/wechat/demo/component/wxc/$APPID$/messages";
    component.launch_domain = "datong.example";
    sim_.AddApp(component);
    for (const char* appid : {"wxo", "wxm"}) {
      wechat_sim::AppSpec account;
      account.appid = appid;
      account.secret = "s";
      account.kind = std::string(appid) == "wxo" ? "official_account" : "mini_program";
      account.open_platform_account = "open1";
      sim_.AddApp(account);
      sim_.AddUsers(appid, {{.openid = absl::StrCat("openid-", appid, "-user-0001"),
                             .unionid = "unionid-user-0001"}});
    }
  }
  // The process lives by the simulator's clock.
  void FollowClock() { clock_.SetOffset(sim_.Now() - absl::Now()); }
  void Advance(absl::Duration by) {
    sim_.Advance(by);
    FollowClock();
  }

  template <typename Response, typename Stub, typename Method, typename Request>
  absl::StatusOr<Response> Call(Stub& stub, Method method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    Response response;
    const absl::Status status = rpc::FromGrpcStatus((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  // What happens in the background happens soon.
  static bool Eventually(const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::After(absl::Seconds(20));
    while (!deadline.Passed()) {
      if (holds()) return true;
      absl::SleepFor(absl::Milliseconds(20));
    }
    return false;
  }

  http::ClientResponse Send(const std::string& method, const std::string& url,
                            const std::string& body = "", const std::string& referer = "") {
    http::ClientRequest request;
    request.method = method;
    request.url = absl::StrReplaceAll(url, {{kPublicUrl, gateway_url_}});
    request.body = body;
    if (!body.empty()) request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
    if (!referer.empty()) request.headers.Add("Referer", referer);
    absl::StatusOr<http::ClientResponse> response =
        http_.Send(request, Deadline::After(absl::Seconds(20)));
    EXPECT_OK(response);
    return response.ok() ? *response : http::ClientResponse();
  }

  void CreateComponent() {
    broker::v1::CreateProjectRequest project;
    project.set_project_id("demo");
    ASSERT_OK(Call<broker::v1::CreateProjectResponse>(
        *projects_, &broker::v1::ProjectService::Stub::CreateProject, project));
    broker::v1::CreateAppRequest app;
    app.set_project("projects/demo");
    app.mutable_app()->set_appid("wxc");
    app.mutable_app()->set_kind(broker::v1::APP_KIND_COMPONENT);
    app.mutable_app()->set_display_name("Datong Demo");
    app.mutable_credentials()->set_app_secret("cs");
    app.mutable_credentials()->set_callback_token("tok");
    app.mutable_credentials()->set_encoding_aes_key(kAesKey);
    ASSERT_OK(Call<broker::v1::CreateAppResponse>(
        *projects_, &broker::v1::ProjectService::Stub::CreateApp, app));
    // Its creation asks for tickets; the first one brings the component token.
    ASSERT_TRUE(Eventually([&] { return GetToken("wxc").ok(); }));
  }
  // What an administrator does: the launch page, its button, WeChat's page, its form, the redirect.
  http::ClientResponse Scan(const std::string& account) {
    broker::v1::CreateAuthorizationLinkRequest request;
    request.set_component("projects/demo/apps/wxc");
    absl::StatusOr<broker::v1::CreateAuthorizationLinkResponse> link =
        Call<broker::v1::CreateAuthorizationLinkResponse>(
            *authorizations_, &broker::v1::AuthorizationService::Stub::CreateAuthorizationLink,
            request);
    EXPECT_OK(link);
    if (!link.ok()) return {};
    const std::string launch = link->link().url();
    EXPECT_TRUE(absl::StartsWith(launch, absl::StrCat(kPublicUrl, "/authorize/")));
    EXPECT_EQ(Send("GET", launch).status, 200);
    const std::string page(Send("POST", launch, "x=").headers.Get("Location"));
    EXPECT_TRUE(absl::StartsWith(page, sim_.url())) << page;
    const std::string form = Send("GET", page, "", launch).body;
    EXPECT_NE(form.find(absl::StrCat("value=\"", account, "\"")), std::string::npos) << form;
    const std::string query = page.substr(page.find('?') + 1);
    const http::ClientResponse redirect =
        Send("POST", page.substr(0, page.find('?')),
             absl::StrCat(query, "&account=", account, "&decision=confirm"), page);
    last_redirect_ = std::string(redirect.headers.Get("Location"));
    EXPECT_TRUE(absl::StartsWith(last_redirect_, launch + "/callback?auth_code="))
        << last_redirect_;
    return Send("GET", last_redirect_);
  }
  absl::StatusOr<broker::v1::GetTokenResponse> GetToken(const std::string& appid) {
    broker::v1::GetTokenRequest request;
    request.set_app("projects/demo/apps/" + appid);
    return Call<broker::v1::GetTokenResponse>(*tokens_, &broker::v1::TokenService::Stub::GetToken,
                                              request);
  }
  absl::StatusOr<broker::v1::Authorization> GetAuthorization(const std::string& appid) {
    broker::v1::GetAuthorizationRequest request;
    request.set_name("projects/demo/authorizations/" + appid);
    absl::StatusOr<broker::v1::GetAuthorizationResponse> response =
        Call<broker::v1::GetAuthorizationResponse>(
            *authorizations_, &broker::v1::AuthorizationService::Stub::GetAuthorization, request);
    if (!response.ok()) return response.status();
    return response->authorization();
  }
  absl::StatusOr<broker::v1::CallApiResponse> ListFollowers() {
    broker::v1::CallApiRequest request;
    request.set_app("projects/demo/apps/wxo");
    request.set_path("/cgi-bin/user/get");
    return Call<broker::v1::CallApiResponse>(*api_, &broker::v1::ApiService::Stub::CallApi,
                                             request);
  }
  // "" while identity does not know it.
  std::string PersonOf(const std::string& identifier) {
    identity::v1::ResolveRequest request;
    request.set_project("projects/demo");
    request.set_identifier(identifier);
    absl::StatusOr<identity::v1::ResolveResponse> response = Call<identity::v1::ResolveResponse>(
        *identity_, &identity::v1::IdentityService::Stub::Resolve, request);
    return response.ok() ? response->person().name() : "";
  }

  const std::string folder_ = absl::StrCat(::testing::TempDir(), "/broker_flow.", getpid());
  SystemClock clock_;
  wechat_sim::Simulator sim_{
      wechat_sim::SimulatorOptions{.start_time = absl::FromUnixSeconds(1'772'416'800),
                                   .push_retry_delay = absl::Milliseconds(100)}};
  TestDatabase database_{{{"broker", broker::kModule.migrations()},
                          {"identity", identity::kModule.migrations()},
                          {"ingest", ingest::kModule.migrations()}}};
  http::Client http_{LocalOptions()};
  std::unique_ptr<server::Process> process_;
  std::string gateway_url_;
  std::string last_redirect_;
  std::unique_ptr<broker::v1::ProjectService::Stub> projects_;
  std::unique_ptr<broker::v1::AuthorizationService::Stub> authorizations_;
  std::unique_ptr<broker::v1::TokenService::Stub> tokens_;
  std::unique_ptr<broker::v1::ApiService::Stub> api_;
  std::unique_ptr<broker::v1::LoginService::Stub> login_;
  std::unique_ptr<identity::v1::IdentityService::Stub> identity_;
};

TEST_F(BrokerFlowTest, FromTheLinkToTheEndOfTheAuthorisation) {
  CreateComponent();
  const http::ClientResponse done = Scan("wxo");
  EXPECT_EQ(done.status, 200) << done.body;
  ASSERT_TRUE(sim_.WaitForPushes(absl::Seconds(20)));
  absl::StatusOr<broker::v1::Authorization> authorization = GetAuthorization("wxo");
  ASSERT_OK(authorization);
  EXPECT_EQ(authorization->state(), broker::v1::APP_STATE_ACTIVE);
  EXPECT_TRUE(authorization->details_known());
  EXPECT_GT(authorization->permission_sets_size(), 0);
  // Redirect and push carried one code.
  EXPECT_EQ(sim_.Calls("/cgi-bin/component/api_query_auth"), 1);
  // Opened once more, the redirect shows the same; a code of nobody's does not.
  EXPECT_EQ(Send("GET", last_redirect_).status, 200);
  EXPECT_EQ(sim_.Calls("/cgi-bin/component/api_query_auth"), 1);

  // Tokens work, and after their end there are others.
  absl::StatusOr<broker::v1::GetTokenResponse> first = GetToken("wxo");
  ASSERT_OK(first);
  absl::StatusOr<broker::v1::CallApiResponse> followers = ListFollowers();
  ASSERT_OK(followers);
  EXPECT_EQ(followers->errcode(), 0) << followers->json();
  Advance(absl::Hours(5));
  absl::StatusOr<broker::v1::GetTokenResponse> second = GetToken("wxo");
  ASSERT_OK(second);
  EXPECT_NE(second->access_token(), first->access_token());
  EXPECT_EQ(ListFollowers()->errcode(), 0);

  // A token that dies early is replaced within the call.
  sim_.AddFault({.path = "/cgi-bin/user/get", .kind = "expire", .appid = "wxo"});
  Advance(absl::Minutes(1));
  absl::StatusOr<broker::v1::CallApiResponse> again = ListFollowers();
  ASSERT_OK(again);
  EXPECT_EQ(again->errcode(), 0) << again->json();

  // A used up quota is told as such, with the time to come back.
  sim_.AddFault({.path = "/cgi-bin/user/get", .kind = "errcode", .errcode = 45009});
  EXPECT_THAT(ListFollowers(),
              IsError(absl::StatusCode::kResourceExhausted, "API_QUOTA_EXHAUSTED"));

  // The administrator takes it back.
  ASSERT_OK(
      sim_.Admin("POST", "/admin/unauthorize", {{"component_appid", "wxc"}, {"appid", "wxo"}}));
  EXPECT_TRUE(Eventually([&] { return GetReason(GetToken("wxo").status()) == "APP_REVOKED"; }));
  EXPECT_EQ(GetAuthorization("wxo")->state(), broker::v1::APP_STATE_REVOKED);

  // And gives it again.
  EXPECT_EQ(Scan("wxo").status, 200);
  EXPECT_OK(GetToken("wxo"));
}

TEST_F(BrokerFlowTest, AFollowAndALoginOfOneUserAreOnePerson) {
  CreateComponent();
  ASSERT_EQ(Scan("wxo").status, 200);
  ASSERT_EQ(Scan("wxm").status, 200);
  for (const char* appid : {"wxo", "wxm"}) {
    broker::v1::UpdateAppRequest update;
    update.set_name(absl::StrCat("projects/demo/apps/", appid));
    update.mutable_app()->set_open_platform_account("open1");
    update.mutable_update_mask()->add_paths("open_platform_account");
    ASSERT_OK(Call<broker::v1::UpdateAppResponse>(
        *projects_, &broker::v1::ProjectService::Stub::UpdateApp, update));
  }
  // The push, the event, user/info, the evidence.
  sim_.Follow("wxo", "openid-wxo-user-0001");
  ASSERT_TRUE(Eventually([&] { return !PersonOf("unionid:open1:unionid-user-0001").empty(); }));

  broker::v1::LoginMiniProgramRequest request;
  request.set_app("projects/demo/apps/wxm");
  request.set_js_code(sim_.MintJsCode("wxm", "openid-wxm-user-0001"));
  absl::StatusOr<broker::v1::LoginMiniProgramResponse> user =
      Call<broker::v1::LoginMiniProgramResponse>(
          *login_, &broker::v1::LoginService::Stub::LoginMiniProgram, request);
  ASSERT_OK(user);
  EXPECT_EQ(user->unionid(), "unionid-user-0001");
  EXPECT_TRUE(Eventually([&] {
    const std::string person = PersonOf("openid:wxm:openid-wxm-user-0001");
    return !person.empty() && person == PersonOf("openid:wxo:openid-wxo-user-0001");
  }));
  // A code works once.
  EXPECT_THAT(Call<broker::v1::LoginMiniProgramResponse>(
                  *login_, &broker::v1::LoginService::Stub::LoginMiniProgram, request),
              IsError(absl::StatusCode::kFailedPrecondition, "LOGIN_CODE_USED"));

  // On a page of the account, in the component's name.
  auto web = broker::v1::WebLoginService::NewStub(process_->channel());
  broker::v1::BuildWebLoginUrlRequest begin;
  begin.set_app("projects/demo/apps/wxo");
  begin.set_redirect_url("https://h5.example/back");
  begin.set_scope(broker::v1::WEB_SCOPE_USERINFO);
  begin.set_browser_session("a-cookie-of-this-browser");
  absl::StatusOr<broker::v1::BuildWebLoginUrlResponse> link =
      Call<broker::v1::BuildWebLoginUrlResponse>(
          *web, &broker::v1::WebLoginService::Stub::BuildWebLoginUrl, begin);
  ASSERT_OK(link);
  // A follower passes without a page.
  const std::string url = link->url().substr(0, link->url().find('#'));
  const std::string back(Send("GET", url + "&user=openid-wxo-user-0001").headers.Get("Location"));
  EXPECT_TRUE(absl::EndsWith(back, "&appid=wxo")) << back;
  broker::v1::LoginWebRequest login;
  login.set_app("projects/demo/apps/wxo");
  login.set_code(http::QueryValue(back.substr(back.find('?') + 1), "code"));
  login.set_state(link->state());
  login.set_browser_session("a-cookie-of-this-browser");
  absl::StatusOr<broker::v1::LoginWebResponse> visitor =
      Call<broker::v1::LoginWebResponse>(*web, &broker::v1::WebLoginService::Stub::LoginWeb, login);
  ASSERT_OK(visitor);
  EXPECT_EQ(visitor->user().unionid(), "unionid-user-0001");
  EXPECT_EQ(visitor->user().person(), user->person());
  EXPECT_EQ(sim_.Calls("/sns/oauth2/component/access_token"), 1);

  // Who unfollows stays the same person; who deregisters is forgotten.
  const auto relations = identity::v1::RelationService::NewStub(process_->channel());
  const auto follows = [&](identity::v1::RelationState state) {
    identity::v1::ListRelationsRequest list;
    list.set_project("projects/demo");
    list.set_identifier("openid:wxo:openid-wxo-user-0001");
    return Eventually([&] {
      const auto held = Call<identity::v1::ListRelationsResponse>(
          *relations, &identity::v1::RelationService::Stub::ListRelations, list);
      return held.ok() && held->relations_size() == 1 && held->relations(0).state() == state;
    });
  };
  EXPECT_TRUE(follows(identity::v1::RELATION_STATE_ACTIVE));
  Advance(absl::Seconds(2));  // WeChat's times are whole seconds
  sim_.Unfollow("wxo", "openid-wxo-user-0001");
  EXPECT_TRUE(follows(identity::v1::RELATION_STATE_ENDED_BY_PERSON));
  EXPECT_EQ(PersonOf("openid:wxo:openid-wxo-user-0001"), user->person());
  Advance(absl::Seconds(2));
  sim_.Push("wxm", "a-service-of-wechat",
            {{"MsgType", "event"},
             {"Event", "user_authorization_cancellation"},
             {"OpenID", "openid-wxm-user-0001"}});
  EXPECT_TRUE(Eventually([&] { return PersonOf("openid:wxm:openid-wxm-user-0001").empty(); }));
  EXPECT_EQ(PersonOf("unionid:open1:unionid-user-0001"), "");
  EXPECT_FALSE(PersonOf("openid:wxo:openid-wxo-user-0001").empty()) << "not of this app";
}

TEST_F(BrokerFlowTest, WeChatGoneAndBack) {
  CreateComponent();
  ASSERT_EQ(Scan("wxo").status, 200);
  ASSERT_OK(GetToken("wxo"));
  Advance(absl::Hours(3));
  sim_.AddFault({.path = "/cgi-bin/component/", .kind = "http", .count = 3, .status = 502});
  EXPECT_TRUE(Eventually([&] { return GetToken("wxo").ok(); }));
}

}  // namespace
}  // namespace datong
