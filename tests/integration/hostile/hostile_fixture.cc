#include "tests/integration/hostile/hostile_fixture.h"

#include <atomic>
#include <fstream>
#include <iostream>
#include <pqxx/pqxx>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/wechat/push_crypto.h"

namespace datong::hostile {

std::unique_ptr<tools::DevStack> HostileTest::stack_;
std::unique_ptr<http::Client> HostileTest::client_;

std::string AppName(const std::string& appid) { return absl::StrCat(kProject, "/apps/", appid); }

std::string Answer::reason() const {
  if (!body.is_object() || !body.contains("details")) return "";
  for (const Json& detail : body.at("details")) {
    if (detail.value("type", "") == "google.rpc.ErrorInfo") {
      return detail.at("debug").value("reason", "");
    }
  }
  return "";
}

void HostileTest::StartStack(bool fsync) {
  client_ = std::make_unique<http::Client>(http::ClientOptions{.allow_private = true});
  absl::StatusOr<std::unique_ptr<tools::DevStack>> stack =
      tools::DevStack::Start({.fsync = fsync,
                              .start_time = absl::FromUnixSeconds(1'772'416'800),  // 10:00
                              .settings = {{"broker.work_interval", "50ms"},
                                           {"broker.poll_interval", "100ms"},
                                           {"broker.backoff_first", "20ms"},
                                           {"broker.backoff_longest", "200ms"},
                                           {"broker.retry_longest", "1s"}}});
  ASSERT_OK(stack);
  stack_ = *std::move(stack);
  CreateEstate();
}

void HostileTest::TearDownTestSuite() {
  if (stack_ != nullptr && ::testing::UnitTest::GetInstance()->failed_test_count() > 0) {
    std::ifstream log(stack_->log_file());
    std::cerr << log.rdbuf();
  }
  stack_.reset();
  client_.reset();
}

void HostileTest::CreateEstate() {
  for (const auto& [appid, kind] : {std::pair{kAccount, "official_account"},
                                    {kAuthorizer, "official_account"},
                                    {kMini, "mini_program"},
                                    {kComponent, "component"}}) {
    wechat_sim::AppSpec app;
    app.appid = appid;
    app.secret = "secret";
    app.kind = kind;
    if (app.kind == "component") {
      const std::string base =
          absl::StrCat(stack_->http_url(), "/wechat/demo/component/", kComponent);
      app.callback = {base + "/events", kCallbackToken, kAesKey};
      app.message_url = base + "/$APPID$/messages";
    } else {
      app.open_platform_account = "open1";
    }
    sim().AddApp(app);
  }
  ASSERT_TRUE(Call("broker.v1.ProjectService/CreateProject",
                   {{"projectId", "demo"}, {"project", {{"displayName", "Demo"}}}})
                  .ok());
  for (const auto& [appid, kind] : {std::pair{kAccount, "APP_KIND_OFFICIAL_ACCOUNT"},
                                    {kMini, "APP_KIND_MINI_PROGRAM"},
                                    {kComponent, "APP_KIND_COMPONENT"}}) {
    Json credentials = {{"appSecret", "secret"}};
    Json app = {{"appid", appid}, {"kind", kind}, {"displayName", appid}};
    if (std::string(appid) != kMini) {
      credentials["callbackToken"] = kCallbackToken;
      credentials["encodingAesKey"] = kAesKey;
    }
    if (std::string(appid) != kComponent) app["openPlatformAccount"] = "open1";
    const Answer created =
        Call("broker.v1.ProjectService/CreateApp",
             {{"project", kProject}, {"app", app}, {"credentials", credentials}});
    ASSERT_TRUE(created.ok()) << created.body;
  }
  for (const Json& source : {Json{{"name", absl::StrCat(kProject, "/sources/shop")},
                                  {"kind", "SOURCE_KIND_SDK"},
                                  {"surface", "shop"},
                                  {"app", kMini},
                                  {"writeKey", kWriteKey},
                                  {"dataSourceId", "d0"}},
                             Json{{"name", absl::StrCat(kProject, "/sources/server")},
                                  {"kind", "SOURCE_KIND_SERVER"},
                                  {"surface", "server"}}}) {
    // The project becomes known to ingest in the background.
    Answer created;
    ASSERT_TRUE(Eventually([&] {
      created = Call("ingest.v1.SourceService/CreateSource", {{"source", source}});
      return created.ok();
    })) << created.body;
  }
  for (const char* appid : {kAccount, kComponent}) {
    ASSERT_TRUE(Eventually([&] {
      return Call("broker.v1.TokenService/GetToken", {{"app", AppName(appid)}}).ok();
    }));
  }
  ASSERT_TRUE(Eventually([] {
    return Call("ingest.v1.SourceService/GetSource",
                {{"name", absl::StrCat(kProject, "/sources/push-", kAccount)}})
        .ok();
  }));
}

http::ClientResponse HostileTest::Open(const http::ClientRequest& request) {
  absl::StatusOr<http::ClientResponse> response =
      client_->Send(request, Deadline::After(absl::Seconds(30)));
  EXPECT_OK(response);
  return response.ok() ? *std::move(response) : http::ClientResponse{};
}

http::ClientResponse HostileTest::Send(const std::string& method, const std::string& target,
                                       const std::string& body, http::Headers headers) {
  return Open({.method = method,
               .url = stack_->http_url() + target,
               .headers = std::move(headers),
               .body = body});
}

Answer HostileTest::CallRaw(const std::string& method, const std::string& body) {
  http::ClientResponse response =
      Send("POST", "/datong." + method, body, {{"Content-Type", "application/json"}});
  return {response.status, Json::parse(response.body, nullptr, false), response.headers};
}

Answer HostileTest::Call(const std::string& method, const Json& request) {
  return CallRaw(method, request.dump(-1, ' ', false, Json::error_handler_t::replace));
}

http::ClientResponse HostileTest::Collect(const std::string& body, http::Headers headers) {
  return Send("POST", kCollect, body, std::move(headers));
}

std::string HostileTest::Ask(const std::string& sql) {
  pqxx::connection connection(stack_->dsn().Expose());
  pqxx::nontransaction work(connection);
  const pqxx::row row = work.exec1(sql);
  return row[0].is_null() ? "" : row[0].as<std::string>();
}

double HostileTest::Metric(const std::string& series) {
  const http::ClientResponse response = Open({.url = stack_->metrics_url() + "/metrics"});
  for (const absl::string_view line : absl::StrSplit(response.body, '\n')) {
    double value = 0;
    if (absl::StartsWith(line, series + " ") &&
        absl::SimpleAtod(line.substr(series.size() + 1), &value)) {
      return value;
    }
  }
  return 0;
}

bool HostileTest::Eventually(const std::function<bool()>& holds) {
  const Deadline deadline = Deadline::After(absl::Seconds(15));
  while (!holds()) {
    if (deadline.Passed()) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

HostileTest::SealedPush HostileTest::Seal(const std::string& message, const std::string& appid,
                                          const std::string& token) {
  const wechat::PushCrypto crypto =
      *wechat::PushCrypto::Create(Secret(token), Secret(kAesKey), appid);
  const wechat::SealedPush sealed = crypto.Encrypt(message, Seconds(), Fresh("nonce"));
  return {absl::StrCat(PathOf(appid), "?signature=x&timestamp=", sealed.timestamp, "&nonce=",
                       sealed.nonce, "&encrypt_type=aes&msg_signature=", sealed.msg_signature),
          wechat::PushXml("ToUserName", "gh_1", sealed.encrypt)};
}

http::ClientResponse HostileTest::Push(const SealedPush& push) {
  return Send("POST", push.target, push.body, {{"Content-Type", "text/xml"}});
}

std::string HostileTest::Message(const std::string& openid, const std::string& inside,
                                 const std::string& time) {
  return absl::StrCat("<xml><ToUserName>gh_1</ToUserName><FromUserName><![CDATA[", openid,
                      "]]></FromUserName><CreateTime>", time, "</CreateTime>", inside, "</xml>");
}

std::string HostileTest::Event(const std::string& name, const std::string& key) {
  return absl::StrCat("<MsgType>event</MsgType><Event><![CDATA[", name,
                      "]]></Event><EventKey><![CDATA[", key, "]]></EventKey>");
}

std::string HostileTest::Fresh(const std::string& what) {
  static std::atomic<int> number{0};
  return absl::StrCat(what, "-", ++number);
}

Json HostileTest::Quarantine(const std::string& reason) {
  const Answer answer = Call("ingest.v1.QuarantineService/ListQuarantinedEvents",
                             {{"project", kProject}, {"reason", reason}, {"pageSize", 500}});
  EXPECT_TRUE(answer.ok()) << answer.body;
  return answer.body.value("events", Json::array());
}

std::string HostileTest::LaunchPage() {
  const Answer link = Call("broker.v1.AuthorizationService/CreateAuthorizationLink",
                           {{"component", AppName(kComponent)}});
  EXPECT_TRUE(link.ok()) << link.body;
  return link.ok() ? link.body.at("link").at("url").get<std::string>() : "";
}

void HostileTest::ExpectHealthy() {
  // Readiness is looked at every now and then.
  EXPECT_TRUE(Eventually(
      [&] { return Open({.url = stack_->metrics_url() + "/readyz"}).body == "ready\n"; }));
  const std::string device = Fresh("healthy");
  EXPECT_EQ(Collect(Json::array({{{"eventType", "PAGE"},
                                  {"dataSourceId", "d0"},
                                  {"deviceId", device},
                                  {"timestamp", absl::ToUnixMillis(stack_->Now())}}})
                        .dump())
                .status,
            204);
  EXPECT_EQ(
      Count(absl::StrCat("SELECT count(*) FROM ingest.events WHERE device_id = '", device, "'")),
      1);
}

}  // namespace datong::hostile
