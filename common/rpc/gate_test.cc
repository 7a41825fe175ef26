#include "common/rpc/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/auth/api_keys.h"
#include "common/rpc/status.h"
#include "common/rpc/testing/echo_service.h"
#include "common/rpc/testing/test_server.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"

namespace datong::rpc {
namespace {

using testing::v1::ChatRequest;
using testing::v1::ChatResponse;
using testing::v1::EchoRequest;
using testing::v1::EchoResponse;
using testing::v1::EchoService;
using testing::v1::RepeatRequest;
using testing::v1::RepeatResponse;

class GateTest : public ::testing::Test {
 protected:
  GateTest()
      : folder_(std::filesystem::temp_directory_path() /
                absl::StrCat("datong-gate-", getpid(), "-", key_.line.substr(4, 12))),
        access_(Settings(), clock_, registry_),
        gate_(access_),
        server_({[this](Calls& calls) {
                  auto service = std::make_unique<EchoGrpcService>(calls);
                  service_ = service.get();
                  return service;
                }},
                {.threads = 4}, &gate_) {
    std::filesystem::create_directory(folder_);
    Write("keys", key_.line);
    Write("policy",
          "[[grants]]\ncallers = [\"key:a\"]\npermissions = [\"echo.*\"]\nprojects = [\"shop\"]");
    EXPECT_OK(access_.Load());
    gate_.OnDenied("datong.testing.v1", [this](const Denial& denial) {
      denied_.push_back(absl::StrCat(denial.call.caller.name, " ", denial.permission, " ",
                                     denial.project, " ", denial.reason));
    });
  }
  ~GateTest() override {
    server_.Stop();
    std::filesystem::remove_all(folder_);
  }

  auth::AccessSettings Settings() {
    auth::AccessSettings settings;
    settings.api_keys = true;
    settings.api_keys_file = folder_ + "/keys";
    settings.policy_file = folder_ + "/policy";
    return settings;
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  std::unique_ptr<EchoService::Stub> Stub(std::map<std::string, std::string> headers) {
    return EchoService::NewStub(CreateChannel(server_.address(), {.headers = std::move(headers)}));
  }
  std::unique_ptr<EchoService::Stub> StubWithKey() {
    return Stub({{"authorization", "Bearer " + key_.key.Expose()}});
  }
  static absl::Status Echo(EchoService::Stub& stub, const std::string& project) {
    grpc::ClientContext context;
    EchoRequest request;
    request.set_project(project);
    EchoResponse response;
    return FromGrpcStatus(stub.Echo(&context, request, &response));
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  metrics::Registry registry_;
  auth::NewApiKey key_ = *auth::MakeApiKey("a", absl::InfiniteFuture());
  std::string folder_;
  auth::Access access_;
  Gate gate_;
  EchoGrpcService* service_ = nullptr;
  TestServer server_;
  std::vector<std::string> denied_;
};

TEST_F(GateTest, EveryKindOfUnaryCallPassesIt) {
  const auto stub = StubWithKey();
  std::atomic<int> handled{0};
  std::string caller;
  service_->echo = [&](const CallContext& call,
                       const EchoRequest&) -> absl::StatusOr<EchoResponse> {
    ++handled;
    caller = call.caller.name;
    return EchoResponse();
  };
  const auto quick = [&](const CallContext&, const EchoRequest&, EchoResponse&) {
    ++handled;
    return std::optional<absl::Status>(absl::OkStatus());
  };
  for (const int kind : {0, 1, 2}) {
    service_->is_inline = kind == 1;
    if (kind == 2) service_->quick = quick;
    handled = 0;
    EXPECT_OK(Echo(*stub, "projects/shop"));
    EXPECT_THAT(Echo(*stub, "projects/other"),
                IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
    EXPECT_THAT(Echo(*stub, ""),
                IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
    EXPECT_THAT(Echo(*Stub({}), "projects/shop"),
                IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_MISSING"));
    EXPECT_EQ(handled, 1);
  }
  EXPECT_EQ(caller, "key:a");
  EXPECT_EQ(denied_[0], "key:a echo.unary other PERMISSION_MISSING");
  EXPECT_EQ(denied_[2], "anonymous echo.unary shop CREDENTIALS_MISSING");
}

TEST_F(GateTest, AServiceOfThisProcessIsKnownByItsSecretAlone) {
  EXPECT_THAT(Echo(*Stub({{kServiceHeader, gate_.ServiceCredential("broker")}}), "projects/shop"),
              IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
  EXPECT_EQ(denied_[0].substr(0, 14), "service:broker");
  EXPECT_THAT(Echo(*Stub({{kServiceHeader, "broker 0123"}}), "projects/shop"),
              IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_MISSING"));
}

TEST_F(GateTest, AStreamEndsWhenItsCallerMayNoMore) {
  grpc::ClientContext context;
  RepeatRequest request;
  request.set_text("x");
  const auto reader = StubWithKey()->Repeat(&context, request);
  RepeatResponse response;
  // It names no project, and the grant is for one.
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_THAT(FromGrpcStatus(reader->Finish()),
              IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));

  Write("policy",
        "[[grants]]\ncallers = [\"key:a\"]\npermissions = [\"echo.*\"]\nprojects = [\"*\"]");
  ASSERT_OK(access_.Load());
  grpc::ClientContext second;
  const auto open = StubWithKey()->Repeat(&second, request);
  ASSERT_TRUE(open->Read(&response));
  Write("keys", "# none");
  ASSERT_OK(access_.Load());
  while (open->Read(&response)) {
  }
  EXPECT_THAT(FromGrpcStatus(open->Finish()),
              IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID"));
}

TEST_F(GateTest, EachMessageOfAStreamPassesIt) {
  grpc::ClientContext context;
  const auto chat = StubWithKey()->Chat(&context);
  ChatRequest request;
  request.set_project("projects/shop");
  ChatResponse response;
  ASSERT_TRUE(chat->Write(request));
  EXPECT_TRUE(chat->Read(&response));
  request.set_project("projects/other");
  ASSERT_TRUE(chat->Write(request));
  EXPECT_FALSE(chat->Read(&response));
  EXPECT_THAT(FromGrpcStatus(chat->Finish()),
              IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
}

}  // namespace
}  // namespace datong::rpc
