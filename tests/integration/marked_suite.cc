#include "tests/integration/marked_suite.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "tools/datong/demo/connect.h"
#include "tools/datong/demo/sdk_wire.h"
#include "tools/datong/demo/wait.h"
#include "tools/datong/demo/world.h"

namespace datong {
namespace {

namespace api = datong::broker::v1;
using Json = nlohmann::json;

constexpr char kSessionKey[] = "CanarySessionKey000000==";
constexpr char kMessage[] = "CanaryWordsOfAFollower";
constexpr char kLogin[] = "CanaryMember";

std::string AppName(const char* appid) { return absl::StrCat(demo::kProject, "/apps/", appid); }

// 28 characters, as WeChat's are.
std::string Marked(const char* what, int id) {
  std::string text = absl::StrFormat("oCanary%s%04d", what, id);
  text.resize(28, 'x');
  return text;
}

demo::Estate MarkedEstate() {
  demo::EstateOptions options;
  options.persons = 40;
  options.days = 2;
  options.events = 300;
  demo::Estate estate = demo::MakeEstate(options);
  for (demo::Person& person : estate.persons) {
    person.unionid = Marked("Union", person.id);
    person.account_openid = Marked("Account", person.id);
    person.shop_openid = Marked("Shop", person.id);
    person.club_openid = Marked("Club", person.id);
  }
  return estate;
}

}  // namespace

MarkedSuite::MarkedSuite(std::unique_ptr<http::FakeHttpServer> collector,
                         std::unique_ptr<tools::DevStack> stack)
    : collector_(std::move(collector)),
      stack_(std::move(stack)),
      estate_(MarkedEstate()),
      client_(stack_->doors(), stack_->api_key()),
      http_({.allow_private = true}),
      secrets_{{"component secret", demo::kComponentSecret},
               {"app secret", demo::kClubSecret},
               {"callback token", demo::kCallbackToken},
               {"EncodingAESKey", demo::kEncodingAesKey},
               {"session key", kSessionKey},
               {"API key", stack_->api_key().Expose()}},
      personal_{{"account openid", "oCanaryAccount"},
                {"shop openid", "oCanaryShop"},
                {"club openid", "oCanaryClub"},
                {"unionid", "oCanaryUnion"},
                {"message", kMessage},
                {"login", kLogin}} {}

absl::StatusOr<std::unique_ptr<MarkedSuite>> MarkedSuite::Start(const std::string& programs) {
  tools::DevStackOptions options;
  options.programs = programs;
  options.fsync = false;
  options.authenticate = true;
  auto collector = std::make_unique<http::FakeHttpServer>();
  collector->AnswerJson("/v1/traces", "{}");
  options.settings = {
      {"log.level", "debug"}, {"traces.endpoint", collector->url()}, {"traces.sample_ratio", "1"}};
  DATONG_ASSIGN_OR_RETURN(auto stack, tools::DevStack::Start(options));
  return std::unique_ptr<MarkedSuite>(new MarkedSuite(std::move(collector), std::move(stack)));
}

absl::Status MarkedSuite::Play() {
  demo::Stage stage;
  stage.doors = stack_->doors();
  stage.api_key = stack_->api_key();
  stage.simulator = &stack_->simulator();
  DATONG_RETURN_IF_ERROR(
      demo::FillSimulator(stack_->simulator(), estate_, stack_->http_url(), "demo"));
  DATONG_RETURN_IF_ERROR(demo::ConnectAccounts(stage, client_, http_).status());
  DATONG_RETURN_IF_ERROR(demo::WaitUntil("the followers are fetched", [this] {
    return stack_->simulator().Calls("/cgi-bin/user/info/batchget") > 0;
  }));
  for (const char* appid : {demo::kAccountAppid, demo::kShopAppid, demo::kClubAppid}) {
    DATONG_RETURN_IF_ERROR(KeepToken(appid));
  }
  DATONG_RETURN_IF_ERROR(SignIn());
  DATONG_RETURN_IF_ERROR(PushAndCollect());
  Misuse();
  LoseWeChat();
  return absl::OkStatus();
}

absl::Status MarkedSuite::KeepToken(const char* appid) {
  const auto tokens = client_.StubOf<api::TokenService>();
  api::GetTokenRequest request;
  request.set_app(AppName(appid));
  DATONG_ASSIGN_OR_RETURN(const auto answer,
                          client_.Ask(tokens, &api::TokenService::Stub::GetToken, request));
  secrets_.push_back({absl::StrCat("token of ", appid), answer.access_token()});
  return absl::OkStatus();
}

absl::Status MarkedSuite::SignIn() {
  const auto logins = client_.StubOf<api::LoginService>();
  const demo::Person& person = customer();
  const std::pair<const char*, std::string> apps[] = {{demo::kShopAppid, person.shop_openid},
                                                      {demo::kClubAppid, person.club_openid}};
  for (const auto& [appid, openid] : apps) {
    const bool is_component = appid == std::string(demo::kShopAppid);
    const Json session = {
        {"openid", openid}, {"session_key", kSessionKey}, {"unionid", person.unionid}};
    DATONG_RETURN_IF_ERROR(stack_->simulator()
                               .Admin("POST", "/admin/overrides",
                                      {{"path", is_component ? "/sns/component/jscode2session"
                                                             : "/sns/jscode2session"},
                                       {"appid", appid},
                                       {"answer", session}})
                               .status());
    const std::string code = stack_->simulator().MintJsCode(appid, openid);
    secrets_.push_back({"js_code", code});
    api::LoginMiniProgramRequest request;
    request.set_app(AppName(appid));
    request.set_js_code(code);
    DATONG_RETURN_IF_ERROR(
        client_.Ask(logins, &api::LoginService::Stub::LoginMiniProgram, request).status());
    request.set_js_code("CanaryCodeNobodyKnows");
    stack_->simulator().Admin("DELETE", "/admin/overrides").IgnoreError();
    KeepError(client_.Ask(logins, &api::LoginService::Stub::LoginMiniProgram, request).status());
  }
  secrets_.push_back({"unknown js_code", "CanaryCodeNobodyKnows"});
  return absl::OkStatus();
}

absl::Status MarkedSuite::PushAndCollect() {
  wechat_sim::Simulator& simulator = stack_->simulator();
  const demo::Person& person = estate_.persons[2];
  simulator.Follow(demo::kAccountAppid, person.account_openid);
  simulator.Push(demo::kAccountAppid, person.account_openid,
                 {{"MsgType", "text"}, {"Content", kMessage}, {"MsgId", "1", true}});
  simulator.Unfollow(demo::kAccountAppid, person.account_openid);
  if (!simulator.WaitForPushes(absl::Seconds(20))) {
    return absl::DeadlineExceededError("The pushes were not taken.");
  }
  for (const demo::Visit& visit : estate_.days[0].visits) {
    demo::Person claimant = estate_.persons[static_cast<size_t>(visit.person)];
    claimant.claims_shop = claimant.claims_club = true;
    for (const std::string& body : demo::SdkBodies(visit, claimant)) {
      Http("POST", "/v3/projects/demo/collect?compress=0", body, "application/json");
    }
  }
  return absl::OkStatus();
}

const demo::Person& MarkedSuite::follower() const {
  return *std::find_if(
      estate_.persons.begin() + 3, estate_.persons.end(),
      [](const demo::Person& person) { return person.follow_day < 0 && person.unfollow_day > 0; });
}

int MarkedSuite::Http(const std::string& method, const std::string& path, const std::string& body,
                      const std::string& type) {
  const tools::Doors& doors = stack_->doors();
  const bool is_collected = absl::StartsWith(path, "/v3/");
  const auto answer =
      http_.Send({.method = method,
                  .url = (is_collected ? doors.collector_url : doors.gateway_url) + path,
                  .headers = {{"Content-Type", type},
                              {"Authorization", "Bearer " + stack_->api_key().Expose()}},
                  .body = body},
                 Deadline::After(absl::Seconds(20)));
  if (answer.ok() && answer->status >= 400) absl::StrAppend(&errors_, answer->body, "\n");
  return answer.ok() ? answer->status : 0;
}

void MarkedSuite::KeepError(const absl::Status& status) {
  if (!status.ok()) absl::StrAppend(&errors_, status.ToString(), "\n");
}

void MarkedSuite::CallAsJson(const std::string& method, const std::string& body) {
  Http("POST", "/datong." + method, body, "application/json");
}

// What clients get wrong, with something of a person or of a secret in it each time.
void MarkedSuite::Misuse() {
  const std::string& openid = estate_.persons[3].account_openid;
  const std::string& unionid = estate_.persons[3].unionid;
  Http("POST", "/v3/projects/demo/collect?compress=0", "[{\"userId\":\"" + openid + "\"",
       "application/json");
  Http("POST", "/v3/projects/nobody/collect?openid=" + openid, "[]", "application/json");
  const std::string callback = absl::StrCat("/wechat/demo/component/", demo::kComponentAppid, "/",
                                            demo::kAccountAppid, "/messages");
  Http("POST",
       absl::StrCat(callback, "?signature=00&timestamp=1&nonce=n&msg_signature=00&openid=", openid),
       absl::StrCat("<xml><FromUserName>", openid, "</FromUserName><Encrypt>AAAA</Encrypt></xml>"),
       "text/xml");
  Http("GET", absl::StrCat("/nothing/here?access_token=", demo::kClubSecret, "&openid=", openid),
       "", "text/plain");
  Http("GET", absl::StrCat("/authorize/nolink/callback?auth_code=", demo::kComponentSecret), "",
       "text/plain");
  const std::string project = R"({"project":"projects/demo","identifier":")";
  for (const std::string& identifier :
       {absl::StrCat("openid:", demo::kAccountAppid, ":", openid),
        absl::StrCat("unionid:", demo::kOpenPlatform, ":", unionid), openid, "openid:" + openid,
        absl::StrCat("login:members:", kLogin), absl::StrCat("login:", kLogin)}) {
    for (const char* method :
         {"identity.v1.IdentityService/Resolve", "identity.v1.ProfileService/GetProfile",
          "insight.v1.InsightService/GetTimeline", "insight.v1.InsightService/SearchPersons"}) {
      CallAsJson(method, project + identifier + "\"}");
    }
  }
  CallAsJson("identity.v1.IdentityService/Link", project + openid);
  CallAsJson(
      "ingest.v1.EventService/AppendEvents",
      absl::StrCat(R"({"project":"projects/demo","source":"projects/demo/sources/shop-server",)",
                   R"("events":[{"eventName":")", kLogin, R"(","login":")", kLogin, "\"}]}"));
  CallAsJson("broker.v1.ProjectService/CreateApp",
             absl::StrCat(R"({"project":"projects/demo","app":{"appid":"wx-bad","kind":"x"},)",
                          R"("credentials":{"app_secret":")", demo::kClubSecret, "\"}}"));
  CallAsJson("broker.v1.ApiService/CallApi",
             absl::StrCat(R"({"app":")", AppName(demo::kAccountAppid),
                          R"(","path":"/cgi-bin/user/info","query":{"openid":")", openid,
                          R"(x","access_token":"y"}})"));
  CallAsJson(
      "broker.v1.ApiService/CallApi",
      absl::StrCat(R"({"app":")", AppName(demo::kAccountAppid),
                   R"(","path":"/cgi-bin/user/info","query":{"openid":")", openid, R"(x"}})"));
}

// Errors of the transport carry whole URLs with them if one lets them.
void MarkedSuite::LoseWeChat() {
  wechat_sim::Simulator& simulator = stack_->simulator();
  const std::string& openid = estate_.persons[3].account_openid;
  for (const char* kind : {"reset", "http", "truncate", "errcode"}) {
    Json fault = {{"path", "/cgi-bin/user/info"}, {"kind", kind}, {"count", 2}};
    if (kind == std::string("errcode")) {
      fault["errcode"] = 40003;
      fault["errmsg"] = absl::StrCat("invalid openid hint: [", openid, "] ", demo::kClubSecret);
    }
    simulator.Admin("POST", "/admin/faults", fault).IgnoreError();
    CallAsJson(
        "broker.v1.ApiService/CallApi",
        absl::StrCat(R"({"app":")", AppName(demo::kAccountAppid),
                     R"(","path":"/cgi-bin/user/info","query":{"openid":")", openid, R"("}})"));
  }
  // Tokens end while they cannot be had.
  simulator.Admin("POST", "/admin/faults", {{"path", "/cgi-bin/"}, {"kind", "reset"}, {"count", 3}})
      .IgnoreError();
  stack_->Advance(absl::Hours(3));
  for (const char* appid : {demo::kAccountAppid, demo::kClubAppid}) KeepError(KeepToken(appid));
  simulator.Admin("DELETE", "/admin/faults").IgnoreError();
  demo::WaitUntil("the token is back", [this] {
    return KeepToken(demo::kAccountAppid).ok();
  }).IgnoreError();
}

std::string MarkedSuite::Traces() {
  std::string text;
  for (const http::ServerRequest& request : collector_->requests("/v1/traces")) {
    absl::StrAppend(&text, request.body, "\n");
  }
  return text;
}

std::string MarkedSuite::Metrics() {
  const auto answer = http_.Send(
      {.method = "GET", .url = stack_->metrics_url() + "/metrics", .headers = {}, .body = {}},
      Deadline::After(absl::Seconds(20)));
  return answer.ok() ? answer->body : "";
}

std::string MarkedSuite::Log() {
  FlushLogs();
  std::ifstream file(stack_->log_file());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace datong
