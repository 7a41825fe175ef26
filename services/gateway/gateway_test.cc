// The whole gateway before a fake broker: real HTTP in, real gRPC out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/http/client.h"
#include "common/http/content_encoding.h"
#include "common/rpc/testing/test_server.h"
#include "common/testing/matchers.h"
#include "google/rpc/error_details.pb.h"
#include "services/gateway/rpc/api_files.h"
#include "services/gateway/rpc/authorize_handlers.h"
#include "services/gateway/rpc/connect_handlers.h"
#include "services/gateway/rpc/console_handlers.h"
#include "services/gateway/rpc/push_handlers.h"
#include "services/gateway/rpc/runbook_handlers.h"
#include "services/gateway/testing/fake_broker.h"
#include "services/gateway/upstream/grpc_backends.h"
#include "services/gateway/upstream/grpc_broker.h"

namespace datong::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;
constexpr char kGetToken[] = "/datong.broker.v1.TokenService/GetToken";

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    backends_.Connect("broker", server_.channel());
    broker_.Connect(server_.channel());
    push_.RegisterRoutes(router_);
    authorize_.RegisterRoutes(router_);
    connect_.RegisterRoutes(router_);
    console_.RegisterRoutes(router_);
    runbooks_.RegisterRoutes(router_);
    door_ = std::make_unique<http::Server>(http::ServerOptions{}, router_, registry_);
    EXPECT_OK(door_->Start());

    fake_.receive_push = [this](const rpc::CallContext&, const auto& request) {
      pushed_ = request;
      broker::v1::ReceivePushResponse response;
      response.set_body("success");
      response.set_content_type("text/plain");
      return response;
    };
    fake_.get_token = [this](const rpc::CallContext& call, const auto& request) {
      call_ = call;
      broker::v1::GetTokenResponse response;
      response.set_access_token("token-of-" + request.app());
      response.mutable_expire_time()->set_seconds(1'700'000'000);
      return response;
    };
    fake_.get_link = [](const rpc::CallContext&, const auto& request) {
      broker::v1::GetAuthorizationLinkResponse response;
      response.mutable_link()->set_link(request.link());
      response.mutable_link()->set_url("https://datong.example/authorize/" + request.link());
      response.mutable_link()->set_component_display_name("平台");
      return response;
    };
    fake_.begin = [](const rpc::CallContext&, const auto& request) {
      broker::v1::BeginAuthorizationResponse response;
      response.set_authorization_url(
          absl::StrCat("https://mp.example/page?device=", static_cast<int>(request.device())));
      return response;
    };
    fake_.complete = [](const rpc::CallContext&, const auto& request) {
      broker::v1::CompleteAuthorizationResponse response;
      response.mutable_authorization()->set_app("projects/demo/apps/wx1");
      response.mutable_authorization()->set_nick_name("name of " + request.auth_code());
      response.mutable_authorization()->add_permission_sets(1);
      return response;
    };
  }

  http::ClientResponse Send(const std::string& method, const std::string& target,
                            const std::string& body = "", http::Headers headers = {}) {
    const auto response =
        client_.Send({.method = method,
                      .url = absl::StrCat("http://127.0.0.1:", door_->port(), target),
                      .headers = std::move(headers),
                      .body = body},
                     Deadline::After(absl::Seconds(20)));
    EXPECT_OK(response);
    return response.ok() ? *response : http::ClientResponse{};
  }
  http::ClientResponse Call(const std::string& path, const std::string& json,
                            http::Headers headers = {}) {
    headers.Add("Content-Type", "application/json");
    return Send("POST", path, json, std::move(headers));
  }

  FakeBroker fake_;
  broker::v1::ReceivePushRequest pushed_;
  rpc::CallContext call_;
  rpc::TestServer server_{std::vector<rpc::TestServer::MakeService>{
      [this](rpc::Calls& calls) { return std::make_unique<FakePushService>(calls, fake_); },
      [this](rpc::Calls& calls) {
        return std::make_unique<FakeAuthorizationService>(calls, fake_);
      },
      [this](rpc::Calls& calls) { return std::make_unique<FakeTokenService>(calls, fake_); }}};
  metrics::Registry registry_;
  GrpcBroker broker_{registry_};
  GrpcBackends backends_{registry_};
  const MethodDirectory directory_{ApiFiles()};
  PushHandlers push_{{.timeout = absl::Milliseconds(500)}, broker_};
  AuthorizeHandlers authorize_{{}, broker_};
  ConnectHandlers connect_{{.max_message_bytes = 100'000}, directory_, backends_};
  ConsoleHandlers console_{directory_, "https://datong.example"};
  RunbookHandlers runbooks_;
  http::Router router_;
  std::unique_ptr<http::Server> door_;
  http::Client client_{{.allow_private = true}};
};

TEST_F(GatewayTest, APushGoesToTheBrokerAsItCame) {
  const std::string body("<xml>\0\xff</xml>", 13);
  const http::ClientResponse answer =
      Send("POST", "/wechat/demo/component/wx1/events?timestamp=1&nonce=a%2Bb&msg_signature=s",
           body, {{"Content-Type", "text/xml"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "success");
  EXPECT_EQ(pushed_.method(), "POST");
  EXPECT_EQ(pushed_.path(), "/wechat/demo/component/wx1/events");
  EXPECT_EQ(pushed_.query(), "timestamp=1&nonce=a%2Bb&msg_signature=s");
  EXPECT_EQ(pushed_.content_type(), "text/xml");
  EXPECT_EQ(pushed_.body(), body);
  EXPECT_EQ(pushed_.peer(), "127.0.0.1");
}

TEST_F(GatewayTest, AUrlVerificationAnswersWhatTheBrokerSays) {
  fake_.receive_push = [this](const rpc::CallContext&, const auto& request) {
    pushed_ = request;
    broker::v1::ReceivePushResponse response;
    response.set_body("echo-1");
    return response;
  };
  const http::ClientResponse answer = Send("GET", "/wechat/demo/app/wx1?echostr=echo-1");
  EXPECT_EQ(answer.body, "echo-1");
  EXPECT_EQ(pushed_.method(), "GET");
}

struct PushFailure {
  absl::StatusCode code;
  int status;
  friend std::ostream& operator<<(std::ostream& out, const PushFailure& f) {
    return out << f.status << "_" << static_cast<int>(f.code);
  }
};

class PushFailureTest : public GatewayTest, public ::testing::WithParamInterface<PushFailure> {};

TEST_P(PushFailureTest, IsNeverAnsweredWithSuccess) {
  fake_.receive_push = [](const rpc::CallContext&,
                          const auto&) -> absl::StatusOr<broker::v1::ReceivePushResponse> {
    return MakeError(GetParam().code, "no", {"broker.datong", "THE_REASON", {}});
  };
  const http::ClientResponse answer = Send("POST", "/wechat/demo/app/wx1", "<xml/>");
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_THAT(answer.body, Not(HasSubstr("success")));
}

INSTANTIATE_TEST_SUITE_P(Codes, PushFailureTest,
                         ::testing::Values(PushFailure{absl::StatusCode::kUnavailable, 503},
                                           PushFailure{absl::StatusCode::kInternal, 500},
                                           PushFailure{absl::StatusCode::kPermissionDenied, 403},
                                           PushFailure{absl::StatusCode::kNotFound, 404},
                                           PushFailure{absl::StatusCode::kInvalidArgument, 400},
                                           PushFailure{absl::StatusCode::kFailedPrecondition, 500},
                                           PushFailure{absl::StatusCode::kResourceExhausted, 503}));

TEST_F(GatewayTest, ASlowBrokerIsCutBeforeWechatGivesUp) {
  // Shared: the handler may still be waking up when the test has ended.
  const auto released = std::make_shared<absl::Notification>();
  fake_.receive_push = [released](const rpc::CallContext&, const auto&) {
    released->WaitForNotification();
    return broker::v1::ReceivePushResponse();
  };
  EXPECT_EQ(Send("POST", "/wechat/demo/app/wx1", "<xml/>").status, 503);
  released->Notify();
}

TEST_F(GatewayTest, AnOversizedPushIsRefusedAtTheDoor) {
  EXPECT_EQ(Send("POST", "/wechat/demo/app/wx1", std::string((128 << 10) + 1, 'x')).status, 413);
  EXPECT_EQ(pushed_.method(), "");
}

TEST_F(GatewayTest, APushIsUnavailableWhenTheBrokerIsGone) {
  server_.Stop();
  EXPECT_EQ(Send("POST", "/wechat/demo/app/wx1", "<xml/>").status, 503);
}

TEST_F(GatewayTest, TheWayThroughAnAuthorisation) {
  const http::ClientResponse page = Send("GET", "/authorize/lnk-1");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("action=\"/authorize/lnk-1\""));
  EXPECT_EQ(page.headers.Get("referrer-policy"), "origin-when-cross-origin");
  EXPECT_EQ(page.headers.Get("cache-control"), "no-store");

  const http::ClientResponse away = Send("POST", "/authorize/lnk-1", "device=mobile");
  EXPECT_EQ(away.status, 302);
  EXPECT_EQ(away.headers.Get("location"), "https://mp.example/page?device=2");
  EXPECT_EQ(away.headers.Get("referrer-policy"), "origin-when-cross-origin");

  const http::ClientResponse back =
      Send("GET", "/authorize/lnk-1/callback?auth_code=queryauthcode%40%40%40x&expires_in=600");
  EXPECT_EQ(back.status, 200);
  EXPECT_THAT(back.body, HasSubstr("授权成功"));
  EXPECT_THAT(back.body, HasSubstr("name of queryauthcode@@@x"));
  EXPECT_EQ(back.headers.Get("referrer-policy"), "no-referrer");

  EXPECT_EQ(Send("GET", "/authorize/lnk-1/qr.svg").headers.Get("content-type"), "image/svg+xml");
}

TEST_F(GatewayTest, ARefusalAndAFailureHavePagesOfTheirOwn) {
  EXPECT_THAT(Send("GET", "/authorize/lnk-1/callback").body, HasSubstr("授权没有完成"));
  EXPECT_EQ(Send("GET", "/authorize/lnk-1/callback?auth_code=c&expires_in=x").status, 400);
  fake_.complete = [](const rpc::CallContext&,
                      const auto&) -> absl::StatusOr<broker::v1::CompleteAuthorizationResponse> {
    return MakeError(absl::StatusCode::kFailedPrecondition, "",
                     {"broker.datong", "AUTHORIZATION_CODE_EXPIRED", {}});
  };
  const http::ClientResponse late = Send("GET", "/authorize/lnk-1/callback?auth_code=c");
  EXPECT_EQ(late.status, 410);
  EXPECT_THAT(late.body, HasSubstr("授权码已过期"));
  fake_.get_link = [](const rpc::CallContext&,
                      const auto&) -> absl::StatusOr<broker::v1::GetAuthorizationLinkResponse> {
    return MakeError(absl::StatusCode::kNotFound, "", {"broker.datong", "LINK_UNKNOWN", {}});
  };
  EXPECT_EQ(Send("GET", "/authorize/other").status, 404);
}

TEST_F(GatewayTest, CallsARpcWithJson) {
  const http::ClientResponse answer =
      Call(kGetToken, R"({"app": "projects/demo/apps/wx1"})",
           {{"Authorization", "Bearer abc"},
            {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            {"X-Request-Id", "req-7"},
            {"Connect-Protocol-Version", "1"},
            {"Connect-Timeout-Ms", "3000"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.Get("content-type"), "application/json");
  EXPECT_EQ(Json::parse(answer.body), (Json{{"accessToken", "token-of-projects/demo/apps/wx1"},
                                            {"expireTime", "2023-11-14T22:13:20Z"}}));
  EXPECT_EQ(call_.authorization, "Bearer abc");
  EXPECT_EQ(call_.request_id, "req-7");
  EXPECT_THAT(call_.traceparent, HasSubstr("0af7651916cd43dd8448eb211c80319c"));
  EXPECT_LE(call_.deadline.Remaining(), absl::Seconds(3));
}

TEST_F(GatewayTest, CallsARpcWithBinaryMessages) {
  broker::v1::GetTokenRequest request;
  request.set_app("a");
  const http::ClientResponse answer =
      Send("POST", kGetToken, request.SerializeAsString(), {{"Content-Type", "application/proto"}});
  EXPECT_EQ(answer.headers.Get("content-type"), "application/proto");
  broker::v1::GetTokenResponse response;
  ASSERT_TRUE(response.ParseFromString(answer.body));
  EXPECT_EQ(response.access_token(), "token-of-a");
}

TEST_F(GatewayTest, TakesGzipBodiesWithinTheLimit) {
  EXPECT_THAT(
      Call(kGetToken, http::GzipEncode(R"({"app":"z"})"), {{"Content-Encoding", "gzip"}}).body,
      HasSubstr("token-of-z"));
  const http::ClientResponse bomb =
      Call(kGetToken, http::GzipEncode(std::string(10 << 20, ' ')), {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(bomb.status, 429);
  EXPECT_EQ(Json::parse(bomb.body)["code"], "resource_exhausted");
  const http::ClientResponse brotli = Call(kGetToken, "x", {{"Content-Encoding", "br"}});
  EXPECT_EQ(Json::parse(brotli.body)["code"], "unimplemented");
}

TEST_F(GatewayTest, AnErrorHasTheConnectFormWithItsDetails) {
  fake_.get_token = [](const rpc::CallContext&,
                       const auto&) -> absl::StatusOr<broker::v1::GetTokenResponse> {
    return WithRetryDelay(MakeError(absl::StatusCode::kUnavailable, "Retry \"later\".",
                                    {"broker.datong", "PLATFORM_UNREACHABLE", {{"app", "wx1"}}}),
                          absl::Milliseconds(1500));
  };
  const http::ClientResponse answer = Call(kGetToken, "{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.Get("content-type"), "application/json");
  EXPECT_EQ(answer.headers.Get("retry-after"), "2");
  const Json error = Json::parse(answer.body);
  EXPECT_EQ(error["code"], "unavailable");
  EXPECT_EQ(error["message"], "Retry \"later\".");
  Json info;
  for (const Json& detail : error["details"]) {
    if (detail["type"] == "google.rpc.ErrorInfo") info = detail;
  }
  EXPECT_EQ(info["debug"]["reason"], "PLATFORM_UNREACHABLE");
  EXPECT_EQ(info["debug"]["metadata"]["app"], "wx1");
  std::string bytes;
  ASSERT_TRUE(absl::Base64Unescape(info["value"].get<std::string>(), &bytes));
  google::rpc::ErrorInfo proto;
  ASSERT_TRUE(proto.ParseFromString(bytes));
  EXPECT_EQ(proto.reason(), "PLATFORM_UNREACHABLE");
}

struct BadRequest {
  const char* name;
  const char* path;
  const char* body;
  http::Headers headers;
  int status;
  const char* code;
  friend std::ostream& operator<<(std::ostream& out, const BadRequest& b) { return out << b.name; }
};

class BadRequestTest : public GatewayTest, public ::testing::WithParamInterface<BadRequest> {};

TEST_P(BadRequestTest, IsRefusedInTheProtocolsWords) {
  const http::ClientResponse answer = Call(GetParam().path, GetParam().body, GetParam().headers);
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_EQ(Json::parse(answer.body, nullptr, false).value("code", ""), GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, BadRequestTest,
    ::testing::Values(
        BadRequest{"unknown_field", kGetToken, R"({"ap":"x"})", {}, 400, "invalid_argument"},
        BadRequest{"no_json", kGetToken, "{", {}, 400, "invalid_argument"},
        BadRequest{"empty", kGetToken, "", {}, 400, "invalid_argument"},
        BadRequest{"wrong_type", kGetToken, R"({"app":{}})", {}, 400, "invalid_argument"},
        BadRequest{"no_utf8", kGetToken, "{\"app\":\"\xff\"}", {}, 400, "invalid_argument"},
        BadRequest{"malformed_authorization",
                   kGetToken,
                   "{}",
                   {{"Authorization", "Bearer \xff"}},
                   401,
                   "unauthenticated"},
        BadRequest{"bad_timeout",
                   kGetToken,
                   "{}",
                   {{"Connect-Timeout-Ms", "12345678901"}},
                   400,
                   "invalid_argument"},
        BadRequest{"bad_version",
                   kGetToken,
                   "{}",
                   {{"Connect-Protocol-Version", "2"}},
                   400,
                   "invalid_argument"},
        BadRequest{"unknown_method",
                   "/datong.broker.v1.TokenService/Nothing",
                   "{}",
                   {},
                   404,
                   "unimplemented"},
        BadRequest{"unknown_service",
                   "/datong.broker.v1.Nothing/GetToken",
                   "{}",
                   {},
                   404,
                   "unimplemented"},
        BadRequest{"streaming",
                   "/datong.broker.v1.AuthorizationService/WatchAccounts",
                   "{}",
                   {},
                   404,
                   "unimplemented"},
        BadRequest{"not_served_by_the_peer",
                   "/datong.broker.v1.ApiService/CallApi",
                   "{}",
                   {},
                   501,
                   "unimplemented"},
        BadRequest{"not_connected",
                   "/datong.insight.v1.InsightService/QueryTraffic",
                   "{}",
                   {},
                   503,
                   "unavailable"}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(GatewayTest, ARefusalSaysWhatToDoAndDoesNotRepeatTheBody) {
  const std::string json = Call(kGetToken, R"({"app":"my secret" oops})").body;
  EXPECT_THAT(Json::parse(json).value("message", ""), ::testing::EndsWith("of each request."));
  EXPECT_THAT(json, Not(HasSubstr("oops")));

  fake_.receive_push = [](const rpc::CallContext&,
                          const auto&) -> absl::StatusOr<broker::v1::ReceivePushResponse> {
    return MakeError(absl::StatusCode::kPermissionDenied, "Compare both tokens.",
                     {"broker.datong", "SIGNATURE_INVALID", {}});
  };
  EXPECT_EQ(Send("POST", "/wechat/demo/app/wx1", "<xml/>").body,
            "SIGNATURE_INVALID\nCompare both tokens.\n");
  fake_.receive_push = [](const rpc::CallContext&,
                          const auto&) -> absl::StatusOr<broker::v1::ReceivePushResponse> {
    return MakeError(absl::StatusCode::kUnavailable, "host=db.internal is away",
                     {"postgres.datong", "DATABASE_UNAVAILABLE", {}});
  };
  EXPECT_EQ(Send("POST", "/wechat/demo/app/wx1", "<xml/>").body, "DATABASE_UNAVAILABLE\n");
}

TEST_F(GatewayTest, ABinaryBodyThatIsNoMessageIsRefused) {
  const http::ClientResponse answer =
      Send("POST", kGetToken, "\xff\xff\xff", {{"Content-Type", "application/proto"}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("MESSAGE_INVALID"));
}

TEST_F(GatewayTest, BytesThatAreNoTextAreRefusedAtTheDoor) {
  EXPECT_EQ(Send("POST", "/wechat/demo/app/wx1?a=\xff", "<xml/>").status, 400);
  EXPECT_EQ(Send("GET", "/authorize/lnk-1/callback?auth_code=%ff").status, 400);
  EXPECT_EQ(Send("GET", "/authorize/%ff").status, 200);  // the broker is asked for another name
  EXPECT_EQ(pushed_.method(), "");
}

TEST_F(GatewayTest, AnUnreachableServiceIsToldWithoutItsAddress) {
  server_.Stop();
  const http::ClientResponse answer = Call(kGetToken, "{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("SERVICE_UNREACHABLE"));
  EXPECT_THAT(answer.body, Not(HasSubstr("127.0.0.1")));
}

TEST_F(GatewayTest, HugeNestingIsRefused) {
  std::string json;
  for (int i = 0; i < 20'000; ++i) json += "[";
  EXPECT_EQ(Call(kGetToken, "{\"app\":" + json).status, 400);
}

TEST_F(GatewayTest, OtherMediaTypesAndMethodsAreRefused) {
  const http::ClientResponse text = Send("POST", kGetToken, "{}", {{"Content-Type", "text/plain"}});
  EXPECT_EQ(text.status, 415);
  EXPECT_THAT(std::string(text.headers.Get("accept-post")), HasSubstr("application/json"));
  const http::ClientResponse get = Send("GET", kGetToken);
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.headers.Get("allow"), "POST");
}

TEST_F(GatewayTest, NoOtherOriginMayReadAnswers) {
  const http::ClientResponse answer = Call(kGetToken, "{}", {{"Origin", "https://evil.example"}});
  EXPECT_FALSE(answer.headers.Has("access-control-allow-origin"));
}

TEST_F(GatewayTest, TheConsoleListsEveryServiceAndShowsAForm) {
  const http::ClientResponse list = Send("GET", "/");
  for (const char* service : {"broker", "ingest", "identity", "datacube", "insight"}) {
    EXPECT_THAT(list.body, HasSubstr(absl::StrCat("datong.", service, ".v1.")));
  }
  const http::ClientResponse form = Send("GET", "/?method=datong.broker.v1.TokenService/GetToken");
  EXPECT_THAT(form.body, HasSubstr("data-path=\"/datong.broker.v1.TokenService/GetToken\""));
  EXPECT_THAT(form.body, HasSubstr("https://datong.example/datong.broker.v1.TokenService"));
  EXPECT_EQ(Send("GET", "/?method=%3Cscript%3E").status, 404);
  EXPECT_EQ(Send("GET", "/console.js").status, 200);
}

TEST_F(GatewayTest, AnAlertLeadsToItsRunbook) {
  const http::ClientResponse page = Send("GET", "/runbooks/DatongTokenNearExpiry");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("## Mitigation"));
  // As the pages link to each other.
  EXPECT_EQ(Send("GET", "/runbooks/DatongTokenNearExpiry.md").body, page.body);
  EXPECT_THAT(Send("GET", "/runbooks").body, HasSubstr("\"/runbooks/DatongTokenNearExpiry\""));
  EXPECT_EQ(Send("GET", "/runbooks/%3Cscript%3E").status, 404);
}

TEST_F(GatewayTest, EverySampleOfTheConsoleIsAValidRequest) {
  for (const auto& [path, method] : directory_.methods()) {
    if (!method.is_unary()) continue;
    const http::ClientResponse answer = Call(path, SampleJson(method.descriptor->input_type()));
    EXPECT_THAT(answer.body, Not(HasSubstr("JSON_INVALID"))) << path << answer.body;
  }
}

}  // namespace
}  // namespace datong::gateway
