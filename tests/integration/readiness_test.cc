// Taking over an estate, its readiness, and what an operator is told when it is not: the whole
// suite in one process against wechat-sim.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/matchers.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/estate.grpc.pb.h"
#include "datong/broker/v1/js_api.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/readiness.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "tools/datong/demo/client.h"
#include "tools/datong/demo/wait.h"
#include "tools/datong/dev_stack.h"

namespace datong {
namespace {

namespace api = datong::broker::v1;
using Json = nlohmann::json;

constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr char kOpen[] = "wx0123456789abcdef";

class ReadinessFlowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    tools::DevStackOptions options;
    options.fsync = false;
    options.settings = {{"broker.work_interval", "50ms"}, {"broker.poll_interval", "100ms"}};
    absl::StatusOr<std::unique_ptr<tools::DevStack>> stack = tools::DevStack::Start(options);
    ASSERT_OK(stack);
    stack_ = *std::move(stack);
    client_ = std::make_unique<demo::Client>(stack_->doors());
    projects_ = client_->StubOf<api::ProjectService>();
    authorizations_ = client_->StubOf<api::AuthorizationService>();
    estates_ = client_->StubOf<api::EstateService>();
    readiness_ = client_->StubOf<api::ReadinessService>();
    tokens_ = client_->StubOf<api::TokenService>();
    js_api_ = client_->StubOf<api::JsApiService>();
    FillSimulator();
    CreateProject();
  }

  static std::string Name(const std::string& appid) {
    return absl::StrCat("projects/demo/apps/", appid);
  }
  static std::string HostOf(const std::string& url) { return url.substr(url.find("://") + 3); }

  void FillSimulator() {
    wechat_sim::AppSpec component;
    component.appid = "wxc";
    component.secret = "cs";
    component.kind = "component";
    component.callback = {stack_->http_url() + "/wechat/demo/component/wxc/events", "tok", kAesKey};
    component.message_url = stack_->http_url() + "/wechat/demo/component/wxc/$APPID$/messages";
    stack_->simulator().AddApp(component);
    for (const char* appid : {"wxo", "wxm", "wxs"}) {
      wechat_sim::AppSpec account;
      account.appid = appid;
      account.secret = "s";
      account.kind = std::string(appid) == "wxm" ? "mini_program" : "official_account";
      account.open_platform_account = kOpen;
      account.request_domains = {absl::StrCat("https://", HostOf(stack_->http_url()))};
      stack_->simulator().AddApp(account);
      stack_->simulator().AddUsers(appid, {{.openid = "openid-of-the-one-user-00001"}});
    }
  }
  void Create(const std::string& appid, api::AppKind kind, const std::string& secret) {
    api::CreateAppRequest app;
    app.set_project("projects/demo");
    app.mutable_app()->set_appid(appid);
    app.mutable_app()->set_kind(kind);
    app.mutable_app()->set_open_platform_account(kOpen);
    app.mutable_credentials()->set_app_secret(secret);
    app.mutable_credentials()->set_callback_token("tok");
    app.mutable_credentials()->set_encoding_aes_key(kAesKey);
    ASSERT_OK(client_->Ask(projects_, &api::ProjectService::Stub::CreateApp, app));
  }
  void CreateProject() {
    api::CreateProjectRequest project;
    project.set_project_id("demo");
    ASSERT_OK(client_->Ask(projects_, &api::ProjectService::Stub::CreateProject, project));
    Create("wxc", api::APP_KIND_COMPONENT, "cs");
    Create("wxs", api::APP_KIND_OFFICIAL_ACCOUNT, "s");
    ASSERT_OK(demo::WaitUntil("the first ticket", [this] {
      api::GetTokenRequest request;
      request.set_app(Name("wxc"));
      return client_->Ask(tokens_, &api::TokenService::Stub::GetToken, request).ok();
    }));
  }

  Json Admin(const std::string& path, const Json& body) {
    const absl::StatusOr<Json> answer = stack_->simulator().Admin("POST", path, body);
    EXPECT_OK(answer) << path;
    return answer.ok() ? *answer : Json();
  }
  // Without a push, as if it had been lost.
  void AuthorizeUnheard(const std::string& appid, const std::vector<int>& sets) {
    Admin("/admin/authorize",
          {{"component_appid", "wxc"}, {"appid", appid}, {"sets", sets}, {"push", false}});
  }
  api::ImportOutcome Import(const std::string& appid, const std::string& refresh_token) {
    api::ImportAuthorizationsRequest request;
    request.set_component(Name("wxc"));
    api::ImportedAuthorization* one = request.add_authorizations();
    one->set_appid(appid);
    one->set_refresh_token(refresh_token);
    const auto answer =
        client_->Ask(estates_, &api::EstateService::Stub::ImportAuthorizations, request);
    EXPECT_OK(answer);
    return answer.ok() ? answer->results(0).outcome() : api::IMPORT_OUTCOME_UNSPECIFIED;
  }
  api::ReconcileAuthorizationsResponse Reconcile() {
    api::ReconcileAuthorizationsRequest request;
    request.set_component(Name("wxc"));
    const auto answer =
        client_->Ask(estates_, &api::EstateService::Stub::ReconcileAuthorizations, request);
    EXPECT_OK(answer);
    return answer.ok() ? *answer : api::ReconcileAuthorizationsResponse();
  }
  void Register(const std::string& appid, const std::string& open_account) {
    api::UpdateAppRequest update;
    update.set_name(Name(appid));
    update.mutable_app()->set_open_platform_account(open_account);
    update.mutable_update_mask()->add_paths("open_platform_account");
    ASSERT_OK(client_->Ask(projects_, &api::ProjectService::Stub::UpdateApp, update));
  }
  // A whole estate as it should be: one account imported, one found by comparing, one self-managed.
  void TakeOver() {
    AuthorizeUnheard("wxo", {1, 2, 3, 4, 7, 11, 24});
    AuthorizeUnheard("wxm", {18, 19, 25, 30});
    EXPECT_EQ(Import("wxo", ""), api::IMPORT_OUTCOME_RECOVERED);
    EXPECT_EQ(Import("wxo", "whatever"), api::IMPORT_OUTCOME_UNCHANGED);
    const api::ReconcileAuthorizationsResponse report = Reconcile();
    EXPECT_EQ(report.listed(), 2);
    ASSERT_EQ(report.adopted_size(), 1);
    EXPECT_EQ(report.adopted(0), Name("wxm"));
    Register("wxo", kOpen);
    Register("wxm", kOpen);
    Admin("/admin/apps", {{"appid", "wxs"},
                          {"kind", "official_account"},
                          {"callback",
                           {{"url", stack_->http_url() + "/wechat/demo/app/wxs"},
                            {"token", "tok"},
                            {"encoding_aes_key", kAesKey},
                            {"mode", "secure"}}}});
    for (const char* appid : {"wxo", "wxm", "wxs"}) {
      stack_->simulator().Push(appid, "openid-of-the-one-user-00001",
                               {{"MsgType", "text"}, {"Content", "x"}});
    }
    EXPECT_TRUE(stack_->simulator().WaitForPushes(absl::Seconds(20)));
  }

  api::CheckReadinessResponse Check() {
    api::CheckReadinessRequest request;
    request.set_project("projects/demo");
    const auto answer =
        client_->Ask(readiness_, &api::ReadinessService::Stub::CheckReadiness, request);
    EXPECT_OK(answer);
    return answer.ok() ? *answer : api::CheckReadinessResponse();
  }
  // "wxo CERTIFIED" of every check that failed.
  static std::vector<std::string> Failures(const api::CheckReadinessResponse& answer) {
    std::vector<std::string> failures;
    const auto add = [&failures](const std::string& app, const api::ReadinessCheck& check) {
      if (check.result() != api::READINESS_RESULT_FAIL) return;
      EXPECT_FALSE(check.next_step().zh().empty() || check.next_step().en().empty());
      failures.push_back(absl::StrCat(
          app, " ",
          api::ReadinessTopic_Name(check.topic()).substr(sizeof("READINESS_TOPIC_") - 1)));
    };
    for (const api::AppReadiness& app : answer.apps()) {
      for (const api::ReadinessCheck& check : app.checks()) {
        add(app.app().substr(app.app().rfind('/') + 1), check);
      }
    }
    for (const api::ReadinessCheck& check : answer.shared_checks()) add("all", check);
    return failures;
  }
  // What comes in the background comes soon.
  std::vector<std::string> EventuallyFailing(const std::vector<std::string>& wanted) {
    std::vector<std::string> failures;
    demo::WaitUntil("the readiness expected", [&] {
      stack_->Advance(absl::Seconds(20));  // sightings are written now and then
      failures = Failures(Check());
      return failures == wanted;
    }).IgnoreError();
    return failures;
  }

  std::unique_ptr<tools::DevStack> stack_;
  std::unique_ptr<demo::Client> client_;
  std::unique_ptr<api::ProjectService::Stub> projects_;
  std::unique_ptr<api::AuthorizationService::Stub> authorizations_;
  std::unique_ptr<api::EstateService::Stub> estates_;
  std::unique_ptr<api::ReadinessService::Stub> readiness_;
  std::unique_ptr<api::TokenService::Stub> tokens_;
  std::unique_ptr<api::JsApiService::Stub> js_api_;
};

using Names = std::vector<std::string>;

TEST_F(ReadinessFlowTest, AnEstateThatIsTakenOverIsReadyAndWhatBreaksIsTold) {
  TakeOver();
  EXPECT_EQ(EventuallyFailing({}), Names{});
  EXPECT_TRUE(Check().ready());

  Admin("/admin/apps", {{"appid", "wxo"}, {"kind", "official_account"}, {"verified", false}});
  EXPECT_EQ(Failures(Check()), (Names{"wxo CERTIFIED"}));
  Admin("/admin/apps", {{"appid", "wxo"}, {"kind", "official_account"}, {"verified", true}});

  Admin("/admin/apps",
        {{"appid", "wxm"}, {"kind", "mini_program"}, {"principal_name", "另一家公司"}});
  EXPECT_EQ(Failures(Check()), (Names{"all SAME_ENTITY"}));
  Admin("/admin/apps",
        {{"appid", "wxm"}, {"kind", "mini_program"}, {"principal_name", "深圳示例科技有限公司"}});

  Admin("/admin/apps", {{"appid", "wxm"},
                        {"kind", "mini_program"},
                        {"request_domains", Json::array({"https://elsewhere.cn"})}});
  EXPECT_EQ(Failures(Check()), (Names{"wxm REQUEST_DOMAINS"}));
  Admin("/admin/apps",
        {{"appid", "wxm"},
         {"kind", "mini_program"},
         {"request_domains", Json::array({"https://" + HostOf(stack_->http_url())})}});

  Admin("/admin/apps",
        {{"appid", "wxs"}, {"kind", "official_account"}, {"open_platform_account", ""}});
  EXPECT_EQ(Failures(Check()),
            (Names{"wxs OPEN_PLATFORM_BOUND", "all SAME_OPEN_PLATFORM_ACCOUNT"}));
  Admin("/admin/apps",
        {{"appid", "wxs"}, {"kind", "official_account"}, {"open_platform_account", kOpen}});

  AuthorizeUnheard("wxo", {1, 3, 4, 7, 11, 24});
  EXPECT_EQ(Failures(Check()), (Names{"wxo PERMISSION"}));
  AuthorizeUnheard("wxo", {1, 2, 3, 4, 7, 11, 24});
  EXPECT_EQ(Failures(Check()), Names{});

  // Nobody pushes for days: the component's tickets come on.
  stack_->Advance(absl::Hours(10));
  stack_->Advance(absl::Hours(10));
  for (int i = 0; i < 7; ++i) stack_->Advance(absl::Hours(8));
  EXPECT_EQ(EventuallyFailing({"wxo LAST_PUSH", "wxs LAST_PUSH"}),
            (Names{"wxo LAST_PUSH", "wxs LAST_PUSH"}));
}

TEST_F(ReadinessFlowTest, AnAccountThatWentAwayUnheardIsFoundAndHasALinkToMendIt) {
  TakeOver();
  // The push is refused, as if it had been lost.
  Admin("/admin/apps", {{"appid", "wxc"},
                        {"kind", "component"},
                        {"callback",
                         {{"url", stack_->http_url() + "/nowhere"},
                          {"token", "tok"},
                          {"encoding_aes_key", kAesKey}}}});
  Admin("/admin/unauthorize", {{"component_appid", "wxc"}, {"appid", "wxo"}});
  const api::ReconcileAuthorizationsResponse report = Reconcile();
  ASSERT_EQ(report.lost_size(), 1);
  EXPECT_EQ(report.lost(0), Name("wxo"));
  api::GetAppRequest get;
  get.set_name(Name("wxo"));
  const auto app = client_->Ask(projects_, &api::ProjectService::Stub::GetApp, get);
  ASSERT_OK(app);
  EXPECT_EQ(app->app().state(), api::APP_STATE_REVOKED);
  EXPECT_TRUE(absl::StartsWith(app->app().mend_url(), stack_->http_url() + "/authorize/"));
  api::ListAuthorizationsRequest list;
  list.set_project("projects/demo");
  const auto listed =
      client_->Ask(authorizations_, &api::AuthorizationService::Stub::ListAuthorizations, list);
  ASSERT_OK(listed);
  for (const api::Authorization& one : listed->authorizations()) {
    EXPECT_EQ(one.mend_url(), one.app() == Name("wxo") ? app->app().mend_url() : "");
  }
  const auto checked = Check();
  for (const api::AppReadiness& one : checked.apps()) {
    EXPECT_EQ(one.mend_url(), one.app() == Name("wxo") ? app->app().mend_url() : "");
  }
}

TEST_F(ReadinessFlowTest, PagesAreSignedWithOneTicketForAll) {
  TakeOver();
  api::SignJsApiRequest request;
  request.set_app(Name("wxo"));
  request.set_url("https://h5.example.cn/page?a=1#top");
  for (int i = 0; i < 3; ++i) {
    const auto signature = client_->Ask(js_api_, &api::JsApiService::Stub::SignJsApi, request);
    ASSERT_OK(signature);
    EXPECT_EQ(signature->url(), "https://h5.example.cn/page?a=1");
    EXPECT_EQ(signature->signature().size(), 40u);
  }
  EXPECT_EQ(stack_->simulator().Calls("/cgi-bin/ticket/getticket"), 1);
}

}  // namespace
}  // namespace datong
