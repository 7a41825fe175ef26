// Every way to a user's ids, through gRPC, against the simulator's pages and interfaces: broker and
// identity in one process, with PostgreSQL.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/hash.h"
#include "common/http/client.h"
#include "common/rpc/status.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "datong/broker/v1/login.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "datong/identity/v1/decisions.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "services/broker/module.h"
#include "services/identity/module.h"
#include "tools/wechat_sim/simulator.h"

namespace datong {
namespace {

using broker::v1::SessionService;
using broker::v1::UserService;
using broker::v1::WebLoginService;
using nlohmann::json;

constexpr char kBrowser[] = "a-cookie-of-this-browser";

std::string AppName(const std::string& appid) { return "projects/demo/apps/" + appid; }

class LoginWaysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(sim_.Start());
    std::filesystem::create_directories(folder_ + "/keys");
    std::ofstream(folder_ + "/dsn") << database_.dsn().Expose();
    std::ofstream(folder_ + "/keys/k1") << crypto::Base64Encode(std::string(32, 'k'));
    std::ofstream(folder_ + "/keys/active") << "k1";
    server::ProcessOptions options;
    options.component = "test";
    options.modules = {broker::kModule, identity::kModule};
    options.clock = &clock_;
    options.sources.flags = {{"database.dsn_file", folder_ + "/dsn"},
                             {"database.max_connections", "6"},
                             {"keys.folder", folder_ + "/keys"},
                             {"insecure.allow", "true"},
                             {"public_url", "http://datong.example"},
                             {"server.address", "127.0.0.1"},
                             {"server.grpc_port", "0"},
                             {"server.health_port", "0"},
                             {"server.metrics_port", "0"},
                             {"server.drain_wait", "0"},
                             {"server.core_dumps", "true"},
                             {"log.file", folder_ + "/log"},
                             {"peers.ingest", "127.0.0.1:1"},
                             {"wechat.allow_private_upstream", "true"},
                             {"wechat.api_url", sim_.url()},
                             {"wechat.mp_url", sim_.url()},
                             {"wechat.open_url", sim_.url()},
                             {"broker.login_identity_timeout", "10s"},
                             {"broker.work_interval", "50ms"},
                             {"broker.erasure_interval", "50ms"}};
    process_ = std::make_unique<server::Process>(std::move(options));
    ASSERT_OK(process_->Build());
    FollowClock();
    ASSERT_OK(process_->Start());
    ASSERT_OK(process_->WaitReady(Deadline::After(absl::Seconds(60))));
    projects_ = broker::v1::ProjectService::NewStub(process_->channel());
    login_ = broker::v1::LoginService::NewStub(process_->channel());
    web_ = WebLoginService::NewStub(process_->channel());
    sessions_ = SessionService::NewStub(process_->channel());
    users_ = UserService::NewStub(process_->channel());
    identity_ = identity::v1::IdentityService::NewStub(process_->channel());
    decisions_ = identity::v1::DecisionService::NewStub(process_->channel());
    broker::v1::CreateProjectRequest project;
    project.set_project_id("demo");
    ASSERT_OK(Call<broker::v1::CreateProjectResponse>(
        *projects_, &broker::v1::ProjectService::Stub::CreateProject, project));
    Create("wxo", "official_account", broker::v1::APP_KIND_OFFICIAL_ACCOUNT);
    Create("wxm", "mini_program", broker::v1::APP_KIND_MINI_PROGRAM);
    Create("wxs", "web_app", broker::v1::APP_KIND_WEB_APP);
    sim_.AddUsers("wxo",
                  {{.openid = "o-alice", .unionid = "u-alice"},
                   {.openid = "o-fan", .unionid = "u-fan", .follows = {{.from = 1'700'000'000}}}});
    sim_.AddUsers("wxm", {{.openid = "m-alice", .unionid = "u-alice"},
                          {.openid = "m-fan", .unionid = "u-fan"}});
    sim_.AddUsers("wxs", {{.openid = "s-alice", .unionid = "u-alice"}});
    // Announced in the background.
    ASSERT_TRUE(Eventually([&] {
      identity::v1::GetGraphStatsRequest request;
      request.set_project("projects/demo");
      return Call<identity::v1::GetGraphStatsResponse>(
                 *identity_, &identity::v1::IdentityService::Stub::GetGraphStats, request)
          .ok();
    }));
    // As the broker does in the background, with no chance in it.
    for (const char* appid : {"wxo", "wxm", "wxs"}) {
      identity::v1::BindAppRequest bind;
      bind.set_project("projects/demo");
      bind.set_appid(appid);
      bind.set_open_platform_account("open1");
      ASSERT_OK(Call<identity::v1::BindAppResponse>(
          *identity_, &identity::v1::IdentityService::Stub::BindApp, bind));
    }
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

  void Create(const std::string& appid, const std::string& kind, broker::v1::AppKind number) {
    wechat_sim::AppSpec spec;
    spec.appid = appid;
    spec.secret = "s";
    spec.kind = kind;
    spec.open_platform_account = "open1";
    spec.web_domain = "h5.example";
    sim_.AddApp(spec);
    broker::v1::CreateAppRequest app;
    app.set_project("projects/demo");
    app.mutable_app()->set_appid(appid);
    app.mutable_app()->set_kind(number);
    app.mutable_app()->set_open_platform_account("open1");
    app.mutable_credentials()->set_app_secret("s");
    ASSERT_OK(Call<broker::v1::CreateAppResponse>(
        *projects_, &broker::v1::ProjectService::Stub::CreateApp, app));
  }
  void FollowClock() { clock_.SetOffset(sim_.Now() - absl::Now()); }
  void Advance(absl::Duration by) {
    sim_.Advance(by);
    FollowClock();
  }

  template <typename Response, typename Stub, typename Method, typename Request>
  absl::StatusOr<Response> Call(Stub& stub, Method method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    Response response;
    const absl::Status status = rpc::FromGrpcStatus((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  static bool Eventually(const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::After(absl::Seconds(60));
    while (!deadline.Passed()) {
      if (holds()) return true;
      absl::SleepFor(absl::Milliseconds(20));
    }
    return false;
  }
  json Admin(const std::string& path, const json& body) {
    absl::StatusOr<json> answer = sim_.Admin("POST", path, body);
    EXPECT_OK(answer) << path;
    return answer.ok() ? *answer : json::object();
  }
  std::string PersonOf(const std::string& identifier) {
    identity::v1::ResolveRequest request;
    request.set_project("projects/demo");
    request.set_identifier(identifier);
    absl::StatusOr<identity::v1::ResolveResponse> response = Call<identity::v1::ResolveResponse>(
        *identity_, &identity::v1::IdentityService::Stub::Resolve, request);
    return response.ok() ? response->person().name() : "";
  }

  absl::StatusOr<broker::v1::LoginMiniProgramResponse> LogInMini(const std::string& openid) {
    broker::v1::LoginMiniProgramRequest request;
    request.set_app(AppName("wxm"));
    request.set_js_code(sim_.MintJsCode("wxm", openid));
    return Call<broker::v1::LoginMiniProgramResponse>(
        *login_, &broker::v1::LoginService::Stub::LoginMiniProgram, request);
  }
  // The browser: from BuildWebLoginUrl over WeChat's page to what it brings back.
  absl::StatusOr<broker::v1::LoginWebResponse> LogInWeb(const std::string& appid,
                                                        broker::v1::WebScope scope,
                                                        const std::string& user,
                                                        const std::string& decision) {
    broker::v1::BuildWebLoginUrlRequest begin;
    begin.set_app(AppName(appid));
    begin.set_redirect_url("https://h5.example/back?shop=1");
    begin.set_scope(scope);
    begin.set_browser_session(kBrowser);
    begin.set_return_to("/cart");
    absl::StatusOr<broker::v1::BuildWebLoginUrlResponse> link =
        Call<broker::v1::BuildWebLoginUrlResponse>(*web_, &WebLoginService::Stub::BuildWebLoginUrl,
                                                   begin);
    if (!link.ok()) return link.status();
    const std::string url = link->url().substr(0, link->url().find('#'));
    http::ClientRequest page;
    page.url = absl::StrCat(url, "&user=", user);
    http::ClientResponse answer = Send(page);
    if (answer.status == 200) {
      EXPECT_TRUE(absl::StrContains(answer.body, "name=\"decision\"")) << answer.body;
      page.method = "POST";
      page.url = url.substr(0, url.find('?'));
      page.body =
          absl::StrCat(url.substr(url.find('?') + 1), "&user=", user, "&decision=", decision);
      answer = Send(page);
    }
    const std::string back(answer.headers.Get("Location"));
    EXPECT_TRUE(absl::StartsWith(back, "https://h5.example/back?shop=1&")) << back;
    const std::string query = back.substr(back.find('?') + 1);
    last_.set_app(AppName(appid));
    last_.set_code(http::QueryValue(query, "code"));
    last_.set_state(http::QueryValue(query, "state"));
    last_.set_browser_session(kBrowser);
    last_.set_with_profile(true);
    return LogInAgain();
  }
  absl::StatusOr<broker::v1::LoginWebResponse> LogInAgain() {
    return Call<broker::v1::LoginWebResponse>(*web_, &WebLoginService::Stub::LoginWeb, last_);
  }
  http::ClientResponse Send(const http::ClientRequest& request) {
    absl::StatusOr<http::ClientResponse> response =
        http_.Send(request, Deadline::After(absl::Seconds(20)));
    EXPECT_OK(response);
    return response.ok() ? *response : http::ClientResponse();
  }
  static http::ClientOptions LocalOptions() {
    http::ClientOptions options;
    options.allow_private = true;
    return options;
  }

  const std::string folder_ = absl::StrCat(::testing::TempDir(), "/login_ways.", getpid());
  SystemClock clock_;
  wechat_sim::Simulator sim_{
      wechat_sim::SimulatorOptions{.start_time = absl::FromUnixSeconds(1'772'416'800)}};
  TestDatabase database_{
      {{"broker", broker::kModule.migrations()}, {"identity", identity::kModule.migrations()}}};
  http::Client http_{LocalOptions()};
  std::unique_ptr<server::Process> process_;
  broker::v1::LoginWebRequest last_;
  std::unique_ptr<broker::v1::ProjectService::Stub> projects_;
  std::unique_ptr<broker::v1::LoginService::Stub> login_;
  std::unique_ptr<WebLoginService::Stub> web_;
  std::unique_ptr<SessionService::Stub> sessions_;
  std::unique_ptr<UserService::Stub> users_;
  std::unique_ptr<identity::v1::IdentityService::Stub> identity_;
  std::unique_ptr<identity::v1::DecisionService::Stub> decisions_;
};

TEST_F(LoginWaysTest, OneUserIsOnePersonByMiniProgramH5AndQrCode) {
  absl::StatusOr<broker::v1::LoginMiniProgramResponse> mini = LogInMini("m-alice");
  ASSERT_OK(mini);
  EXPECT_EQ(mini->user().unionid_status(), broker::v1::UNIONID_STATUS_OBTAINED);
  ASSERT_FALSE(mini->person().empty());

  absl::StatusOr<broker::v1::LoginWebResponse> base =
      LogInWeb("wxo", broker::v1::WEB_SCOPE_BASE, "o-alice", "");
  ASSERT_OK(base);
  EXPECT_EQ(base->user().openid(), "o-alice");
  EXPECT_EQ(base->user().unionid_status(), broker::v1::UNIONID_STATUS_NEEDS_USERINFO_SCOPE);
  EXPECT_NE(base->user().person(), mini->person());  // nothing joins them yet
  EXPECT_EQ(base->return_to(), "/cart");

  absl::StatusOr<broker::v1::LoginWebResponse> consent =
      LogInWeb("wxo", broker::v1::WEB_SCOPE_USERINFO, "o-alice", "confirm");
  ASSERT_OK(consent);
  EXPECT_EQ(consent->user().unionid(), "u-alice");
  EXPECT_EQ(consent->user().person(), mini->person());
  EXPECT_FALSE(consent->profile().nickname().empty());
  // The browser asks twice.
  EXPECT_THAT(LogInAgain(), IsError(absl::StatusCode::kFailedPrecondition, "LOGIN_CODE_USED"));

  absl::StatusOr<broker::v1::LoginWebResponse> site =
      LogInWeb("wxs", broker::v1::WEB_SCOPE_UNSPECIFIED, "s-alice", "confirm");
  ASSERT_OK(site);
  EXPECT_EQ(site->user().person(), mini->person());
  EXPECT_EQ(PersonOf("openid:wxs:s-alice"), mini->person());

  // The user's token is refreshed when its two hours are over, for thirty days.
  broker::v1::GetWebUserRequest profile;
  profile.set_app(AppName("wxo"));
  profile.set_openid("o-alice");
  const auto read = [&] {
    return Call<broker::v1::GetWebUserResponse>(*web_, &WebLoginService::Stub::GetWebUser, profile);
  };
  Advance(absl::Hours(3));
  absl::StatusOr<broker::v1::GetWebUserResponse> user = read();
  ASSERT_OK(user);
  EXPECT_EQ(user->user().unionid(), "u-alice");
  EXPECT_EQ(sim_.Calls("/sns/oauth2/refresh_token"), 1);
  Admin("/admin/web_logins/end", {{"appid", "wxo"}});
  EXPECT_THAT(read(), IsError(absl::StatusCode::kFailedPrecondition, "WEB_LOGIN_EXPIRED"));
}

TEST_F(LoginWaysTest, ARefusalAndASnapshotLeaveNobodyBehind) {
  EXPECT_THAT(LogInWeb("wxo", broker::v1::WEB_SCOPE_USERINFO, "o-alice", "refuse"),
              IsError(absl::StatusCode::kPermissionDenied, "USER_DECLINED"));
  absl::StatusOr<broker::v1::LoginWebResponse> snapshot =
      LogInWeb("wxo", broker::v1::WEB_SCOPE_USERINFO, "o-alice", "snapshot");
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->user().unionid_status(), broker::v1::UNIONID_STATUS_SNAPSHOT);
  EXPECT_EQ(snapshot->user().next_way(), broker::v1::UNIONID_NEXT_WAY_FULL_SERVICE);
  EXPECT_EQ(snapshot->user().openid() + snapshot->user().person(), "");
  EXPECT_EQ(PersonOf("openid:wxo:oSNAPSHOT_o-alice"), "");
  // Another browser cannot use what this one began.
  ASSERT_OK(LogInWeb("wxo", broker::v1::WEB_SCOPE_USERINFO, "o-alice", "confirm"));
  last_.set_browser_session("the-cookie-of-another-one");
  EXPECT_THAT(LogInAgain(), IsError(absl::StatusCode::kInvalidArgument, "LOGIN_STATE_INVALID"));
}

TEST_F(LoginWaysTest, SessionsProveAndDecryptAndGoWhenTheirPersonIsErased) {
  ASSERT_OK(LogInMini("m-alice"));
  const auto check = [&] {
    broker::v1::CheckSessionRequest request;
    request.set_app(AppName("wxm"));
    request.set_openid("m-alice");
    return Call<broker::v1::CheckSessionResponse>(*sessions_, &SessionService::Stub::CheckSession,
                                                  request);
  };
  ASSERT_OK(check());
  EXPECT_TRUE(check()->valid());
  const json open = Admin("/admin/open_data", {{"appid", "wxm"}, {"openid", "m-alice"}});
  broker::v1::VerifyRawDataRequest verify;
  verify.set_app(AppName("wxm"));
  verify.set_openid("m-alice");
  verify.set_raw_data(open["rawData"].get<std::string>());
  verify.set_signature(open["signature"].get<std::string>());
  EXPECT_TRUE(Call<broker::v1::VerifyRawDataResponse>(*sessions_,
                                                      &SessionService::Stub::VerifyRawData, verify)
                  ->valid());
  // The user logs in once more before the data arrives.
  ASSERT_OK(LogInMini("m-alice"));
  const auto decrypt = [&](const json& data) {
    broker::v1::DecryptUserDataRequest request;
    request.set_app(AppName("wxm"));
    request.set_openid("m-alice");
    request.set_encrypted_data(data["encryptedData"].get<std::string>());
    request.set_iv(data["iv"].get<std::string>());
    return Call<broker::v1::DecryptUserDataResponse>(
        *sessions_, &SessionService::Stub::DecryptUserData, request);
  };
  absl::StatusOr<broker::v1::DecryptUserDataResponse> data = decrypt(open);
  ASSERT_OK(data);
  EXPECT_EQ(data->user().unionid(), "u-alice");
  EXPECT_EQ(json::parse(data->json())["openId"], "m-alice");
  data = decrypt(Admin("/admin/open_data",
                       {{"appid", "wxm"}, {"openid", "m-alice"}, {"number", "13800000000"}}));
  ASSERT_OK(data);
  EXPECT_EQ(data->phone().phone_number(), "13800000000");
  EXPECT_EQ(PersonOf(data->phone().identifier()), data->user().person());
  EXPECT_THAT(
      decrypt(Admin("/admin/open_data",
                    {{"appid", "wxm"}, {"openid", "m-alice"}, {"watermark_appid", "wx-other"}})),
      IsError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_OF_ANOTHER_APP"));

  broker::v1::GetPhoneNumberRequest phone;
  phone.set_app(AppName("wxm"));
  phone.set_openid("m-alice");
  phone.set_code(Admin("/admin/phone_codes",
                       {{"appid", "wxm"}, {"openid", "m-alice"}, {"number", "13800000000"}})["code"]
                     .get<std::string>());
  absl::StatusOr<broker::v1::GetPhoneNumberResponse> number =
      Call<broker::v1::GetPhoneNumberResponse>(*sessions_, &SessionService::Stub::GetPhoneNumber,
                                               phone);
  ASSERT_OK(number);
  EXPECT_EQ(number->phone().identifier(), data->phone().identifier());
  EXPECT_EQ(number->person(), data->user().person());
  EXPECT_THAT(Call<broker::v1::GetPhoneNumberResponse>(
                  *sessions_, &SessionService::Stub::GetPhoneNumber, phone),
              IsError(absl::StatusCode::kInvalidArgument, "PHONE_CODE_INVALID"));

  broker::v1::ResetSessionKeyRequest reset;
  reset.set_app(AppName("wxm"));
  reset.set_openid("m-alice");
  ASSERT_OK(Call<broker::v1::ResetSessionKeyResponse>(
      *sessions_, &SessionService::Stub::ResetSessionKey, reset));
  EXPECT_TRUE(check()->valid());

  identity::v1::EraseRequest erase;
  erase.set_project("projects/demo");
  erase.set_identifier("openid:wxm:m-alice");
  erase.set_basis("request 1");
  erase.mutable_hold_back()->set_seconds(0);
  ASSERT_OK(Call<identity::v1::EraseResponse>(*decisions_,
                                              &identity::v1::DecisionService::Stub::Erase, erase));
  EXPECT_TRUE(Eventually([&] { return GetReason(check().status()) == "SESSION_UNKNOWN"; }));
}

TEST_F(LoginWaysTest, FollowersPayersCloudFunctionsAndMovedAccountsTellIdsToo) {
  broker::v1::BatchGetUserInfoRequest batch;
  batch.set_app(AppName("wxo"));
  for (const char* openid : {"o-fan", "o-alice", "o-nobody"}) batch.add_openids(openid);
  absl::StatusOr<broker::v1::BatchGetUserInfoResponse> infos =
      Call<broker::v1::BatchGetUserInfoResponse>(*users_, &UserService::Stub::BatchGetUserInfo,
                                                 batch);
  ASSERT_OK(infos);
  ASSERT_EQ(infos->infos_size(), 2);
  EXPECT_EQ(infos->unknown_openids(0), "o-nobody");
  const broker::v1::UserInfo& fan = infos->infos(0);
  EXPECT_TRUE(fan.follows());
  EXPECT_EQ(fan.user().unionid(), "u-fan");
  EXPECT_FALSE(fan.user().person().empty());
  EXPECT_EQ(infos->infos(1).user().unionid_status(), broker::v1::UNIONID_STATUS_NOT_FOLLOWER);

  const json order = Admin("/admin/payments", {{"appid", "wxm"}, {"openid", "m-fan"}});
  broker::v1::GetPaidUnionidRequest paid;
  paid.set_app(AppName("wxm"));
  paid.set_openid("m-fan");
  paid.set_transaction_id(order["transaction_id"].get<std::string>());
  const auto ask = [&] {
    return Call<broker::v1::GetPaidUnionidResponse>(*users_, &UserService::Stub::GetPaidUnionid,
                                                    paid);
  };
  absl::StatusOr<broker::v1::GetPaidUnionidResponse> payer = ask();
  ASSERT_OK(payer);
  EXPECT_EQ(payer->user().unionid(), "u-fan");
  EXPECT_EQ(payer->user().person(), fan.user().person());
  Advance(absl::Minutes(5));
  EXPECT_THAT(ask(), IsError(absl::StatusCode::kFailedPrecondition, "PAYMENT_NOT_USABLE"));

  broker::v1::ReportCloudContextRequest context;
  context.set_app(AppName("wxm"));
  context.set_openid("m-alice");
  context.set_unionid("u-alice");
  absl::StatusOr<broker::v1::ReportCloudContextResponse> cloud =
      Call<broker::v1::ReportCloudContextResponse>(*users_, &UserService::Stub::ReportCloudContext,
                                                   context);
  ASSERT_OK(cloud);
  EXPECT_EQ(cloud->user().person(), PersonOf("unionid:open1:u-alice"));

  Admin("/admin/moves", {{"appid", "wxo"},
                         {"old_appid", "wx-old"},
                         {"old_user_name", "gh_old"},
                         {"openids", {{"old-fan", "o-fan"}}}});
  broker::v1::ChangeOpenidsRequest change;
  change.set_app(AppName("wxo"));
  change.set_old_appid("wx-old");
  change.set_old_original_id("gh_old");
  change.add_openids("old-fan");
  change.add_openids("old-stranger");
  absl::StatusOr<broker::v1::ChangeOpenidsResponse> changed =
      Call<broker::v1::ChangeOpenidsResponse>(*users_, &UserService::Stub::ChangeOpenids, change);
  ASSERT_OK(changed);
  EXPECT_EQ(changed->results(0).new_openid(), "o-fan");
  EXPECT_EQ(changed->results(1).error(), "ori_openid error");
  EXPECT_TRUE(Eventually([&] { return PersonOf("openid:wx-old:old-fan") == fan.user().person(); }));
}

}  // namespace
}  // namespace datong
