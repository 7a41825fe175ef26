// The wiring of the gRPC services over the core and fakes, and the handlers' own checks.
#include <grpcpp/grpcpp.h>

#include "common/rpc/status.h"
#include "common/rpc/testing/test_server.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/login.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/push.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "services/broker/rpc/grpc_services.h"
#include "services/broker/rpc/login_grpc_services.h"
#include "services/broker/testing/fake_api_usage_store.h"
#include "services/broker/testing/fake_estate.h"
#include "services/broker/testing/login_fixture.h"

namespace datong::broker {
namespace {

class BrokerServerTest : public LoginFixture {
 protected:
  BrokerServerTest() {
    std::vector<rpc::TestServer::MakeService> makes;
    for (size_t i = 0; i < 6; ++i) {
      makes.push_back([this, i](rpc::Calls& calls) {
        return std::move(MakeGrpcServices(calls, project_handlers_, authorization_handlers_,
                                          token_handlers_)[i]);
      });
    }
    for (size_t i = 0; i < 4; ++i) {
      makes.push_back([this, i](rpc::Calls& calls) {
        return std::move(MakeLoginGrpcServices(calls, login_handlers_)[i]);
      });
    }
    server_ = std::make_unique<rpc::TestServer>(makes);
  }

  template <typename Response, typename Stub, typename Method, typename Request>
  absl::StatusOr<Response> Call(Stub& stub, Method method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    Response response;
    const absl::Status status = rpc::FromGrpcStatus((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::GetTokenResponse> GetToken(const std::string& app) {
    v1::GetTokenRequest request;
    request.set_app(app);
    auto stub = v1::TokenService::NewStub(server_->channel());
    return Call<v1::GetTokenResponse>(*stub, &v1::TokenService::Stub::GetToken, request);
  }

  AuditLog audit_{store_, nullptr, false, metrics_, clock_};
  FakeApiUsageStore usage_store_;
  ApiMetrics api_metrics_{registry_, /*per_app=*/true};
  ApiUsage usage_{{}, usage_store_, api_metrics_, clock_};
  ApiProxy api_{{}, tokens_, platform_, usage_, api_metrics_, clock_};
  PushReceiver pushes_{store_, store_, store_, tokens_, metrics_, clock_, [] {}};
  FakeEstateStore estates_;
  MendLinks mend_links_{estates_, authorizer_, clock_};
  ProjectHandlers project_handlers_{store_, peers_, peers_, mend_links_, audit_};
  AuthorizationHandlers authorization_handlers_{authorizer_, store_, store_, mend_links_};
  TokenHandlers token_handlers_{tokens_, api_, pushes_, audit_, store_, store_, metrics_};
  LoginHandlers login_handlers_{cache_, audit_, login_, web_, sessions_, users_, phones_};
  std::unique_ptr<rpc::TestServer> server_;
};

TEST_F(BrokerServerTest, ATokenIsFetchedOnceThenServedFromMemoryAndEachReadIsAudited) {
  absl::StatusOr<v1::GetTokenResponse> first = GetToken("projects/demo/apps/wx-own");
  ASSERT_OK(first);
  EXPECT_EQ(first->access_token(), "token-1");
  EXPECT_EQ(first->fingerprint().size(), 12u);
  store_.SetReachable(false);  // memory alone answers from here on
  EXPECT_OK(GetToken("projects/demo/apps/wx-own"));
  store_.SetReachable(true);
  audit_.Flush(soon());
  v1::ListAccessRequest request;
  request.set_project("projects/demo");
  auto stub = v1::AuditService::NewStub(server_->channel());
  absl::StatusOr<v1::ListAccessResponse> accesses =
      Call<v1::ListAccessResponse>(*stub, &v1::AuditService::Stub::ListAccess, request);
  ASSERT_OK(accesses);
  int64_t reads = 0;
  for (const v1::Access& access : accesses->accesses()) {
    EXPECT_EQ(access.action(), "read_token");
    EXPECT_EQ(access.caller(), "anonymous");
    EXPECT_EQ(access.fingerprint(), first->fingerprint());
    reads += access.count();
  }
  EXPECT_EQ(reads, 2);
}

TEST_F(BrokerServerTest, ATokenThatCannotBeAuditedIsRefused) {
  ASSERT_OK(GetToken("projects/demo/apps/wx-own"));
  store_.SetReachable(false);
  audit_.Flush(soon());
  EXPECT_THAT(GetToken("projects/demo/apps/wx-own"),
              IsError(absl::StatusCode::kUnavailable, "AUDIT_UNAVAILABLE"));
}

TEST_F(BrokerServerTest, ErrorsCarryTheirReasonOverTheWire) {
  EXPECT_THAT(GetToken("projects/demo/apps/none"),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
  EXPECT_THAT(GetToken("projects/other/apps/wx-own"),
              IsError(absl::StatusCode::kNotFound, "APP_UNKNOWN"));
  EXPECT_THAT(GetToken("nonsense"),
              IsError(absl::StatusCode::kInvalidArgument, "APP_NAME_INVALID"));
  platform_.FailNext("FetchStableToken", {absl::UnavailableError("down")});
  const absl::Status status = GetToken("projects/demo/apps/wx-own").status();
  EXPECT_THAT(status, IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_TRUE(GetRetryDelay(status).has_value());
}

TEST_F(BrokerServerTest, AProjectIsKnownToItsPeersWhenItIsMadeAndMadeWithoutThemToo) {
  auto stub = v1::ProjectService::NewStub(server_->channel());
  v1::CreateProjectRequest request;
  const auto create = [&](const char* id) {
    request.set_project_id(id);
    return Call<v1::CreateProjectResponse>(*stub, &v1::ProjectService::Stub::CreateProject,
                                           request);
  };
  ASSERT_OK(create("shop"));
  ASSERT_EQ(peers_.projects.size(), 2u);  // identity and ingest
  EXPECT_EQ(peers_.projects[0].id, "shop");
  peers_.status = absl::UnavailableError("down");
  EXPECT_OK(create("club"));
}

TEST_F(BrokerServerTest, AppsAreCreatedUpdatedAndNeverShowTheirSecrets) {
  auto stub = v1::ProjectService::NewStub(server_->channel());
  v1::CreateAppRequest request;
  request.set_project("projects/demo");
  request.mutable_app()->set_appid("wx-new");
  request.mutable_app()->set_kind(v1::APP_KIND_COMPONENT);
  request.mutable_credentials()->set_app_secret("CANARY");
  const auto create = [&] {
    return Call<v1::CreateAppResponse>(*stub, &v1::ProjectService::Stub::CreateApp, request);
  };
  EXPECT_THAT(create(), IsError(absl::StatusCode::kInvalidArgument, "CREDENTIALS_INVALID"));
  request.mutable_credentials()->set_callback_token("CANARY");
  request.mutable_credentials()->set_encoding_aes_key("too short");
  EXPECT_THAT(create(), IsError(absl::StatusCode::kInvalidArgument, "CREDENTIALS_INVALID"));
  request.mutable_credentials()->set_encoding_aes_key(kAesKey);
  absl::StatusOr<v1::CreateAppResponse> made = create();
  ASSERT_OK(made);
  EXPECT_EQ(made->app().name(), "projects/demo/apps/wx-new");
  EXPECT_EQ(made->ShortDebugString().find("CANARY"), std::string::npos);
  request.mutable_app()->set_kind(static_cast<v1::AppKind>(99));
  EXPECT_THAT(create(), IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));

  v1::UpdateAppRequest update;
  update.set_name("projects/demo/apps/wx-new");
  update.mutable_app()->set_display_name("新名字");
  const auto change = [&] {
    return Call<v1::UpdateAppResponse>(*stub, &v1::ProjectService::Stub::UpdateApp, update);
  };
  EXPECT_THAT(change(), IsError(absl::StatusCode::kInvalidArgument, "UPDATE_MASK_INVALID"));
  update.mutable_update_mask()->add_paths("display_name");
  EXPECT_EQ(change()->app().display_name(), "新名字");
}

TEST_F(BrokerServerTest, ListsArePaged) {
  auto stub = v1::ProjectService::NewStub(server_->channel());
  v1::ListAppsRequest request;
  request.set_project("projects/demo");
  request.set_page_size(2);
  const auto list = [&] {
    return Call<v1::ListAppsResponse>(*stub, &v1::ProjectService::Stub::ListApps, request);
  };
  absl::StatusOr<v1::ListAppsResponse> page = list();
  ASSERT_OK(page);
  EXPECT_EQ(page->apps_size(), 2);
  request.set_page_token(page->next_page_token());
  page = list();
  EXPECT_EQ(page->apps_size(), 2);
  EXPECT_EQ(page->next_page_token(), "");
  request.set_page_token("nonsense");
  EXPECT_THAT(list(), IsError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID"));
  request.set_page_token("");
  request.set_page_size(-1);
  EXPECT_THAT(list(), IsError(absl::StatusCode::kInvalidArgument, "PAGE_SIZE_INVALID"));
}

TEST_F(BrokerServerTest, TheAccountFeedIsPagedAndStreamed) {
  Connect();
  auto stub = v1::AuthorizationService::NewStub(server_->channel());
  v1::ListAccountChangesRequest request;
  request.set_project("projects/demo");
  absl::StatusOr<v1::ListAccountChangesResponse> page = Call<v1::ListAccountChangesResponse>(
      *stub, &v1::AuthorizationService::Stub::ListAccountChanges, request);
  ASSERT_OK(page);
  ASSERT_EQ(page->changes_size(), 4);  // three self-managed, one behind the component
  EXPECT_TRUE(page->caught_up());
  EXPECT_EQ(page->changes(3).authorization().nick_name(), "Shop");

  grpc::ClientContext context;
  v1::WatchAccountsRequest watch;
  watch.set_project("projects/demo");
  auto reader = stub->WatchAccounts(&context, watch);
  v1::WatchAccountsResponse told;
  ASSERT_TRUE(reader->Read(&told));
  EXPECT_EQ(told.changes_size(), 4);
  ASSERT_OK(store_.SetState("wx-own", AppState::kBadConfig, "why", soon()));
  ASSERT_TRUE(reader->Read(&told));
  EXPECT_EQ(told.changes(0).app().state(), v1::APP_STATE_BAD_CONFIG);
  context.TryCancel();
  reader->Finish();
}

TEST_F(BrokerServerTest, CallApiLoginAndPushAreServed) {
  auto api = v1::ApiService::NewStub(server_->channel());
  v1::CallApiRequest call;
  call.set_app("projects/demo/apps/wx-own");
  call.set_path("/cgi-bin/user/get");
  absl::StatusOr<v1::CallApiResponse> answer =
      Call<v1::CallApiResponse>(*api, &v1::ApiService::Stub::CallApi, call);
  ASSERT_OK(answer);
  EXPECT_EQ(answer->json(), "{}");
  call.set_json("{broken");
  EXPECT_THAT(Call<v1::CallApiResponse>(*api, &v1::ApiService::Stub::CallApi, call),
              IsError(absl::StatusCode::kInvalidArgument, "API_BODY_INVALID"));

  auto login = v1::LoginService::NewStub(server_->channel());
  v1::LoginMiniProgramRequest code;
  code.set_app("projects/demo/apps/wx-mini");
  code.set_js_code("c");
  absl::StatusOr<v1::LoginMiniProgramResponse> user =
      Call<v1::LoginMiniProgramResponse>(*login, &v1::LoginService::Stub::LoginMiniProgram, code);
  ASSERT_OK(user);
  EXPECT_EQ(user->person(), "projects/demo/persons/p1");
  EXPECT_EQ(user->user().unionid_status(), v1::UNIONID_STATUS_OBTAINED);
  EXPECT_EQ(user->user().next_way(), v1::UNIONID_NEXT_WAY_NONE);

  auto push = v1::PushService::NewStub(server_->channel());
  v1::ReceivePushRequest raw;
  raw.set_path("/wechat/demo/app/none");
  EXPECT_THAT(Call<v1::ReceivePushResponse>(*push, &v1::PushService::Stub::ReceivePush, raw),
              IsError(absl::StatusCode::kNotFound, "CALLBACK_UNKNOWN"));
}

TEST_F(BrokerServerTest, LoginsOnWebPagesAnswerTheSameShape) {
  auto web = v1::WebLoginService::NewStub(server_->channel());
  v1::BuildWebLoginUrlRequest begin;
  begin.set_app("projects/demo/apps/wx-own");
  begin.set_redirect_url("https://h5.example/back");
  begin.set_browser_session("a-cookie-of-this-browser");
  absl::StatusOr<v1::BuildWebLoginUrlResponse> link =
      Call<v1::BuildWebLoginUrlResponse>(*web, &v1::WebLoginService::Stub::BuildWebLoginUrl, begin);
  ASSERT_OK(link);
  EXPECT_GT(link->expire_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  v1::LoginWebRequest back;
  back.set_app("projects/demo/apps/wx-own");
  back.set_code("code");
  back.set_state(link->state());
  back.set_browser_session("a-cookie-of-this-browser");
  absl::StatusOr<v1::LoginWebResponse> user =
      Call<v1::LoginWebResponse>(*web, &v1::WebLoginService::Stub::LoginWeb, back);
  ASSERT_OK(user);
  EXPECT_EQ(user->user().openid(), "openid-web");
  EXPECT_EQ(user->user().unionid_status(), v1::UNIONID_STATUS_NEEDS_USERINFO_SCOPE);
  EXPECT_EQ(user->user().next_way(), v1::UNIONID_NEXT_WAY_ASK_USERINFO);
  EXPECT_FALSE(user->user().next_step().empty());
  EXPECT_FALSE(user->user().next_step_zh().empty());
  v1::GetWebUserRequest profile;
  profile.set_app("projects/demo/apps/wx-own");
  profile.set_openid("openid-web");
  EXPECT_THAT(Call<v1::GetWebUserResponse>(*web, &v1::WebLoginService::Stub::GetWebUser, profile),
              IsError(absl::StatusCode::kFailedPrecondition, "SCOPE_MISSING"));
}

TEST_F(BrokerServerTest, OtherWaysToAUserAnswerTheSameShape) {
  auto users = v1::UserService::NewStub(server_->channel());
  v1::ReportCloudContextRequest context;
  context.set_app("projects/demo/apps/wx-mini");
  context.set_openid("openid-1");
  absl::StatusOr<v1::ReportCloudContextResponse> user = Call<v1::ReportCloudContextResponse>(
      *users, &v1::UserService::Stub::ReportCloudContext, context);
  ASSERT_OK(user);
  EXPECT_EQ(user->user().unionid_status(), v1::UNIONID_STATUS_NOT_TOLD);
  FollowerInfo follower;
  follower.openid = "o1";
  follower.follows = true;
  follower.unionid = "unionid-1";
  follower.tag_ids = {2, 128};
  users_platform_.followers["o1"] = follower;
  v1::BatchGetUserInfoRequest batch;
  batch.set_app("projects/demo/apps/wx-own");
  batch.add_openids("o1");
  batch.add_openids("o2");
  absl::StatusOr<v1::BatchGetUserInfoResponse> infos =
      Call<v1::BatchGetUserInfoResponse>(*users, &v1::UserService::Stub::BatchGetUserInfo, batch);
  ASSERT_OK(infos);
  ASSERT_EQ(infos->infos_size(), 1);
  EXPECT_EQ(infos->infos(0).user().unionid(), "unionid-1");
  EXPECT_EQ(infos->infos(0).tag_ids_size(), 2);
  EXPECT_EQ(infos->unknown_openids(0), "o2");
  auto sessions = v1::SessionService::NewStub(server_->channel());
  v1::CheckSessionRequest check;
  check.set_app("projects/demo/apps/wx-mini");
  check.set_openid("nobody");
  EXPECT_THAT(
      Call<v1::CheckSessionResponse>(*sessions, &v1::SessionService::Stub::CheckSession, check),
      IsError(absl::StatusCode::kNotFound, "SESSION_UNKNOWN"));
}

}  // namespace
}  // namespace datong::broker
