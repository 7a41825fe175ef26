// A suite of WeCom from its installation to the end of its authorisation, against the simulator,
// through real pushes, pages and redirects: broker, gateway, identity and ingest in one process.
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
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/readiness.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "datong/broker/v1/wecom.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/relation.grpc.pb.h"
#include "services/broker/module.h"
#include "services/gateway/module.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "tools/wechat_sim/simulator.h"
#include "tools/wechat_sim/testing/wecom_estate.h"

namespace datong {
namespace {

using broker::v1::WecomService;
using nlohmann::json;

constexpr char kPublicUrl[] = "http://datong.example";

class WecomFlowTest : public ::testing::Test {
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
                             {"log.file", folder_ + "/log"},
                             {"peers.datacube", "127.0.0.1:1"},
                             {"peers.insight", "127.0.0.1:1"},
                             {"wechat.allow_private_upstream", "true"},
                             {"wechat.api_url", sim_.url()},
                             {"wechat.mp_url", sim_.url()},
                             {"wechat.open_url", sim_.url()},
                             {"wechat.wecom_url", sim_.url()},
                             {"wechat.work_url", sim_.url()},
                             {"broker.work_interval", "50ms"},
                             {"broker.poll_interval", "100ms"},
                             {"broker.maintenance_interval", "200ms"},
                             {"broker.wecom_step_interval", "0"},
                             {"broker.backoff_first", "20ms"},
                             {"broker.backoff_longest", "100ms"}};
    process_ = std::make_unique<server::Process>(std::move(options));
    ASSERT_OK(process_->Build());
    clock_.SetOffset(sim_.Now() - absl::Now());
    ASSERT_OK(process_->Start());
    ASSERT_OK(process_->WaitReady(Deadline::After(absl::Seconds(60))));
    gateway_url_ = absl::StrCat("http://127.0.0.1:", process_->ports().http);
    projects_ = broker::v1::ProjectService::NewStub(process_->channel());
    tokens_ = broker::v1::TokenService::NewStub(process_->channel());
    login_ = broker::v1::LoginService::NewStub(process_->channel());
    wecom_ = WecomService::NewStub(process_->channel());
    identity_ = identity::v1::IdentityService::NewStub(process_->channel());
    relations_ = identity::v1::RelationService::NewStub(process_->channel());
    readiness_ = broker::v1::ReadinessService::NewStub(process_->channel());
    AddEstate();
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

  // Corp ww1 with its own app and mini program wxm; suite wws1 of provider wwprovider.
  void AddEstate() {
    broker::v1::CreateProjectRequest project;
    project.set_project_id("demo");
    ASSERT_OK(Call<broker::v1::CreateProjectResponse>(
        *projects_, &broker::v1::ProjectService::Stub::CreateProject, project));
    CreateApp("wxm", broker::v1::APP_KIND_MINI_PROGRAM, "s");
    CreateApp("ww1", broker::v1::APP_KIND_WECOM_CORP, "corp-secret");
    CreateApp("wwprovider", broker::v1::APP_KIND_WECOM_PROVIDER, "provider-secret");
    CreateApp("wws1", broker::v1::APP_KIND_WECOM_SUITE, "suite-secret");
    wechat_sim::AppSpec mini;
    mini.appid = "wxm";
    mini.secret = "s";
    mini.kind = "mini_program";
    mini.open_platform_account = "open1";
    sim_.AddApp(mini);
    for (const std::string n : {"1", "2"}) {
      sim_.AddUsers("wxm", {{.openid = absl::StrCat("openid-m", n),
                             .unionid = absl::StrCat("unionid-u", n),
                             .person = absl::StrCat("p", n)}});
    }
    wechat_sim::AddWecomCorp(sim_, {.members = {"lisi"},
                                    .developer_appid = "wxm",
                                    .callback_url = gateway_url_ + "/wecom/demo/app/ww1"});
    const std::string suite = gateway_url_ + "/wecom/demo/suite/wws1/";
    wechat_sim::AddWecomSuite(
        sim_, {.callback_url = suite + "events", .data_url = suite + "$CORPID$/messages"});
  }
  void CreateApp(const std::string& appid, broker::v1::AppKind kind, const std::string& secret) {
    broker::v1::CreateAppRequest request;
    request.set_project("projects/demo");
    request.mutable_app()->set_appid(appid);
    request.mutable_app()->set_kind(kind);
    request.mutable_app()->set_display_name("App " + appid);
    request.mutable_credentials()->set_app_secret(secret);
    request.mutable_credentials()->set_callback_token(wechat_sim::kWecomToken);
    request.mutable_credentials()->set_encoding_aes_key(wechat_sim::kWecomAesKey);
    if (kind == broker::v1::APP_KIND_WECOM_SUITE) {
      request.mutable_app()->mutable_wecom()->set_corpid("wwprovider");
    } else {
      request.mutable_app()->set_open_platform_account("open1");
      request.mutable_app()->mutable_wecom()->set_agentid(1000002);
    }
    ASSERT_OK(Call<broker::v1::CreateAppResponse>(
        *projects_, &broker::v1::ProjectService::Stub::CreateApp, request));
  }

  template <typename Response, typename Stub, typename Method, typename Request>
  absl::StatusOr<Response> Call(Stub& stub, Method method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    Response response;
    const absl::Status status = rpc::FromGrpcStatus((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  // What happens in the background happens soon.
  static bool Eventually(const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::After(absl::Seconds(120));
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
        http_.Send(request, Deadline::After(absl::Seconds(60)));
    EXPECT_OK(response);
    return response.ok() ? *response : http::ClientResponse();
  }

  absl::Status GetToken(const std::string& appid) {
    broker::v1::GetTokenRequest request;
    request.set_app("projects/demo/apps/" + appid);
    return Call<broker::v1::GetTokenResponse>(*tokens_, &broker::v1::TokenService::Stub::GetToken,
                                              request)
        .status();
  }
  // What a corp's administrator does: launch page, its button, WeCom's page, its form, the
  // redirect.
  void Install() {
    ASSERT_TRUE(Eventually([&] { return GetToken("wws1").ok(); }));  // the first ticket came
    broker::v1::CreateInstallLinkRequest request;
    request.set_suite("projects/demo/apps/wws1");
    const auto link = Call<broker::v1::CreateInstallLinkResponse>(
        *wecom_, &WecomService::Stub::CreateInstallLink, request);
    ASSERT_OK(link);
    const std::string launch = link->link().url();
    EXPECT_TRUE(absl::StartsWith(launch, absl::StrCat(kPublicUrl, "/wecom/install/"))) << launch;
    EXPECT_EQ(Send("GET", launch).status, 200);
    const std::string page(Send("POST", launch, "x=").headers.Get("Location"));
    ASSERT_TRUE(absl::StartsWith(page, sim_.url() + "/3rdapp/install?")) << page;
    const http::ClientResponse redirect =
        Send("POST", page.substr(0, page.find('?')),
             absl::StrCat(page.substr(page.find('?') + 1), "&corp=ww1&decision=confirm"), page);
    redirect_ = std::string(redirect.headers.Get("Location"));
    ASSERT_TRUE(absl::StartsWith(redirect_, launch + "/callback?auth_code=")) << redirect_;
    const http::ClientResponse done = Send("GET", redirect_);
    EXPECT_EQ(done.status, 200) << done.body;
    broker::v1::ListCorpsRequest list;
    list.set_project("projects/demo");
    const auto corps =
        Call<broker::v1::ListCorpsResponse>(*wecom_, &WecomService::Stub::ListCorps, list);
    ASSERT_OK(corps);
    ASSERT_EQ(corps->corps_size(), 1);
    corp_ = corps->corps(0);
    corp_app_ = corp_.app().substr(corp_.app().rfind('/') + 1);
  }
  // "" while identity does not know it.
  std::string PersonOf(const std::string& identifier) {
    identity::v1::ResolveRequest request;
    request.set_project("projects/demo");
    request.set_identifier(identifier);
    const auto response = Call<identity::v1::ResolveResponse>(
        *identity_, &identity::v1::IdentityService::Stub::Resolve, request);
    return response.ok() ? response->person().name() : "";
  }
  bool AreOnePerson(const std::string& a, const std::string& b) {
    return Eventually([&] {
      const std::string person = PersonOf(a);
      return !person.empty() && person == PersonOf(b);
    });
  }
  bool RelationBecomes(const std::string& contact, identity::v1::RelationState state) {
    identity::v1::ListRelationsRequest request;
    request.set_project("projects/demo");
    request.set_identifier(contact);
    return Eventually([&] {
      const auto response = Call<identity::v1::ListRelationsResponse>(
          *relations_, &identity::v1::RelationService::Stub::ListRelations, request);
      return response.ok() && response->relations_size() == 1 &&
             response->relations(0).with() == "lisi" && response->relations(0).state() == state;
    });
  }
  // "ww1 PERMISSION" of every check of an app of WeCom that failed.
  std::vector<std::string> Failing() {
    broker::v1::CheckReadinessRequest request;
    request.set_project("projects/demo");
    const auto answer = Call<broker::v1::CheckReadinessResponse>(
        *readiness_, &broker::v1::ReadinessService::Stub::CheckReadiness, request);
    EXPECT_OK(answer);
    std::vector<std::string> failing;
    if (!answer.ok()) return failing;
    for (const broker::v1::AppReadiness& app : answer->apps()) {
      if (app.kind() == broker::v1::APP_KIND_MINI_PROGRAM) continue;
      for (const broker::v1::ReadinessCheck& check : app.checks()) {
        if (check.result() != broker::v1::READINESS_RESULT_FAIL) continue;
        failing.push_back(absl::StrCat(app.app().substr(app.app().rfind('/') + 1), " ",
                                       broker::v1::ReadinessTopic_Name(check.topic())));
      }
    }
    return failing;
  }
  void LogIn(const std::string& openid) {
    broker::v1::LoginMiniProgramRequest request;
    request.set_app("projects/demo/apps/wxm");
    request.set_js_code(sim_.MintJsCode("wxm", openid));
    ASSERT_OK(Call<broker::v1::LoginMiniProgramResponse>(
        *login_, &broker::v1::LoginService::Stub::LoginMiniProgram, request));
  }
  // A code of a login through the corp's own app.
  std::string LoginCode(json body) {
    body["appid"] = "ww1";
    return wechat_sim::WecomAdmin(sim_, "codes", body).value("code", "");
  }
  // The contact in the corp's own view.
  std::string AddContact(const std::string& person) {
    return wechat_sim::WecomAdmin(sim_, "contacts",
                                  {{"corpid", "ww1"},
                                   {"change", "add_external_contact"},
                                   {"userid", "lisi"},
                                   {"person", person}})
        .value("external_userid", "");
  }

  const std::string folder_ = absl::StrCat(::testing::TempDir(), "/wecom_flow.", getpid());
  SystemClock clock_;
  wechat_sim::Simulator sim_{
      wechat_sim::SimulatorOptions{.start_time = absl::FromUnixSeconds(1'772'416'800),
                                   .push_retry_delay = absl::Milliseconds(100)}};
  TestDatabase database_{{{"broker", broker::kModule.migrations()},
                          {"identity", identity::kModule.migrations()},
                          {"ingest", ingest::kModule.migrations()}}};
  static http::ClientOptions LocalOptions() {
    http::ClientOptions options;
    options.allow_private = true;
    return options;
  }
  http::Client http_{LocalOptions()};
  std::unique_ptr<server::Process> process_;
  std::string gateway_url_;
  std::string redirect_;
  std::string corp_app_;
  broker::v1::Corp corp_;
  std::unique_ptr<broker::v1::ProjectService::Stub> projects_;
  std::unique_ptr<broker::v1::TokenService::Stub> tokens_;
  std::unique_ptr<broker::v1::LoginService::Stub> login_;
  std::unique_ptr<WecomService::Stub> wecom_;
  std::unique_ptr<identity::v1::IdentityService::Stub> identity_;
  std::unique_ptr<identity::v1::RelationService::Stub> relations_;
  std::unique_ptr<broker::v1::ReadinessService::Stub> readiness_;
};

TEST_F(WecomFlowTest, FromTheInstallationToTheEndOfTheAuthorisation) {
  wechat_sim::WecomAdmin(sim_, "settings", {{"push_page_installs", true}});
  // The corp's own app and the provider need no installation.
  EXPECT_OK(GetToken("ww1"));
  EXPECT_OK(GetToken("wwprovider"));
  Install();
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(corp_.state(), broker::v1::APP_STATE_ACTIVE);
  EXPECT_EQ(corp_.mode(), broker::v1::WECOM_MODE_THIRD_PARTY);
  EXPECT_TRUE(corp_.details_known());
  EXPECT_NE(corp_.corpid(), "ww1") << "the provider sees it encrypted";
  EXPECT_EQ(corp_.view(), "prov-wwprovider");
  EXPECT_OK(GetToken(corp_app_));
  // Redirect and push carried one code.
  ASSERT_TRUE(sim_.WaitForPushes(absl::Seconds(60)));
  EXPECT_EQ(Send("GET", redirect_).status, 200);
  // The check of both callback URLs.
  EXPECT_TRUE(
      wechat_sim::WecomAdmin(sim_, "verify_callback", {{"suite_id", "wws1"}}).value("ok", false));
  EXPECT_TRUE(
      wechat_sim::WecomAdmin(sim_, "verify_callback", {{"corpid", "ww1"}, {"agentid", 1000002}})
          .value("ok", false));

  // A user who is no customer yet waits behind a pending_id.
  LogIn("openid-m2");
  broker::v1::FindContactRequest find;
  find.set_app(corp_.app());
  find.set_user_app("projects/demo/apps/wxm");
  find.set_openid("openid-m2");
  find.set_unionid("unionid-u2");
  auto found =
      Call<broker::v1::FindContactResponse>(*wecom_, &WecomService::Stub::FindContact, find);
  ASSERT_OK(found);
  EXPECT_EQ(found->contacts_size(), 0);
  EXPECT_FALSE(found->pending_id().empty());
  EXPECT_FALSE(found->person().empty());
  // The user adds a member of staff: both become one person, in both views, by themselves.
  const std::string own = absl::StrCat("ext:ww1/self:", AddContact("p2"));
  EXPECT_TRUE(AreOnePerson(own, "openid:wxm:openid-m2"));
  std::string theirs;
  ASSERT_TRUE(Eventually([&] {
    const auto truth = sim_.Admin("GET", "/admin/wecom/truth", json());
    if (!truth.ok()) return false;
    const json& contacts = truth->at("corps").at("ww1").at("contacts");
    for (const json& contact : contacts) {
      if (contact.value("person", "") != "p2") continue;
      theirs = contact.at("external_userids").value("wws1", "");
    }
    return !theirs.empty();
  }));
  theirs = absl::StrCat("ext:", corp_.corpid(), "/prov-wwprovider:", theirs);
  EXPECT_TRUE(AreOnePerson(theirs, "openid:wxm:openid-m2"));
  // The push create_auth was worked on before that of the contact: it found the code exchanged.
  EXPECT_EQ(sim_.Calls("/cgi-bin/service/v2/get_permanent_code"), 1);

  EXPECT_EQ(Failing(), std::vector<std::string>{});

  // The corp takes it back: tokens end, and what the provider saw goes; the rest stays.
  wechat_sim::WecomAdmin(sim_, "cancel_auth", {{"suite_id", "wws1"}, {"corpid", "ww1"}});
  EXPECT_TRUE(Eventually([&] { return GetReason(GetToken(corp_app_)) == "APP_REVOKED"; }));
  EXPECT_TRUE(Eventually([&] { return PersonOf(theirs).empty(); }));
  EXPECT_FALSE(PersonOf("openid:wxm:openid-m2").empty());
  EXPECT_FALSE(PersonOf(own).empty());
  // And can install it anew.
  EXPECT_EQ(Failing(),
            std::vector<std::string>{absl::StrCat(corp_app_, " READINESS_TOPIC_CREDENTIALS")});
  broker::v1::GetAppRequest get;
  get.set_name(corp_.app());
  const auto app =
      Call<broker::v1::GetAppResponse>(*projects_, &broker::v1::ProjectService::Stub::GetApp, get);
  ASSERT_OK(app);
  EXPECT_TRUE(absl::StartsWith(app->app().mend_url(), absl::StrCat(kPublicUrl, "/wecom/install/")))
      << app->app().mend_url();
}

TEST_F(WecomFlowTest, AContactOfTheCorpsOwnAppIsThePersonOfTheMiniProgram) {
  LogIn("openid-m1");
  const std::string external_userid = AddContact("p1");
  EXPECT_TRUE(AreOnePerson(absl::StrCat("ext:ww1/self:", external_userid), "openid:wxm:openid-m1"));
  broker::v1::GetContactRequest request;
  request.set_app("projects/demo/apps/ww1");
  request.set_external_userid(external_userid);
  const auto contact =
      Call<broker::v1::GetContactResponse>(*wecom_, &WecomService::Stub::GetContact, request);
  ASSERT_OK(contact);
  EXPECT_EQ(contact->unionid(), "unionid-u1");
  EXPECT_EQ(contact->person(), PersonOf("openid:wxm:openid-m1"));
  EXPECT_EQ(contact->followers_size(), 1);
  // The same customer on a page, and in a group.
  broker::v1::LoginWecomWebRequest login;
  login.set_app("projects/demo/apps/ww1");
  login.set_code(LoginCode({{"kind", "web"}, {"person", "p1"}}));
  const auto visitor =
      Call<broker::v1::LoginWecomWebResponse>(*wecom_, &WecomService::Stub::LoginWecomWeb, login);
  ASSERT_OK(visitor);
  EXPECT_EQ(visitor->external_userid(), external_userid);
  EXPECT_EQ(visitor->person(), contact->person());
  broker::v1::GetGroupRequest group;
  group.set_app("projects/demo/apps/ww1");
  group.set_chat_id(
      wechat_sim::WecomAdmin(sim_, "chats",
                             {{"corpid", "ww1"},
                              {"change", "create"},
                              {"chat", "g1"},
                              {"owner", "lisi"},
                              {"name", "群"},
                              {"members", json::array({{{"userid", "lisi"}}, {{"person", "p1"}}})}})
          .value("chat_id", ""));
  const auto members =
      Call<broker::v1::GetGroupResponse>(*wecom_, &WecomService::Stub::GetGroup, group);
  ASSERT_OK(members);
  ASSERT_EQ(members->members_size(), 2);
  for (const broker::v1::GroupMember& member : members->members()) {
    EXPECT_EQ(member.person(), member.external() ? contact->person() : "");
  }
  // A member of staff is nobody's person; details come when they were asked for.
  login.set_code(LoginCode({{"kind", "web"}, {"userid", "lisi"}, {"scope", "snsapi_privateinfo"}}));
  const auto staff =
      Call<broker::v1::LoginWecomWebResponse>(*wecom_, &WecomService::Stub::LoginWecomWeb, login);
  ASSERT_OK(staff);
  EXPECT_EQ(staff->userid(), "lisi");
  EXPECT_EQ(staff->person(), "");
  EXPECT_FALSE(staff->staff_details().qr_code().empty());

  // Whether the contact stays one is told too, and parts nobody.
  EXPECT_TRUE(RelationBecomes(contact->identifier(), identity::v1::RELATION_STATE_ACTIVE));
  wechat_sim::WecomAdmin(sim_, "contacts",
                         {{"corpid", "ww1"},
                          {"change", "del_follow_user"},
                          {"userid", "lisi"},
                          {"person", "p1"},
                          {"at_s", absl::ToUnixSeconds(sim_.Now()) + 1}});
  EXPECT_TRUE(RelationBecomes(contact->identifier(), identity::v1::RELATION_STATE_ENDED_BY_PERSON));
  EXPECT_EQ(contact->person(), PersonOf(contact->identifier()));
  request.set_external_userid("wmNobody");
  EXPECT_FALSE(
      Call<broker::v1::GetContactResponse>(*wecom_, &WecomService::Stub::GetContact, request).ok());

  // The pass over all contacts shows the same, without any push.
  broker::v1::StartRosterSyncRequest start;
  start.set_app("projects/demo/apps/ww1");
  ASSERT_OK(Call<broker::v1::StartRosterSyncResponse>(*wecom_, &WecomService::Stub::StartRosterSync,
                                                      start));
  broker::v1::GetRosterSyncRequest get;
  get.set_app("projects/demo/apps/ww1");
  EXPECT_TRUE(Eventually([&] {
    const auto sync =
        Call<broker::v1::GetRosterSyncResponse>(*wecom_, &WecomService::Stub::GetRosterSync, get);
    return sync.ok() && sync->sync().state() == broker::v1::ROSTER_SYNC_STATE_DONE;
  }));
}

}  // namespace
}  // namespace datong
