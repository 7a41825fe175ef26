#include "services/identity/module.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "identity_migrations.h"

namespace datong::identity {
namespace {

void GiveTime(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
}

// The whole service in this process, over real calls.
class IdentityModuleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dsn_file_ =
        (std::filesystem::temp_directory_path() / absl::StrCat("datong-identity-", getpid()))
            .string();
    std::ofstream(dsn_file_) << db_.dsn().Expose();
    server::ProcessOptions options;
    options.component = "identity";
    options.modules = {kModule};
    options.sources.flags = {{"database.dsn_file", dsn_file_}, {"insecure.allow", "true"},
                             {"server.grpc_port", "0"},        {"server.health_port", "0"},
                             {"server.metrics_port", "0"},     {"server.http_port", "0"}};
    process_ = std::make_unique<server::Process>(std::move(options));
    ASSERT_OK(process_->Build());
    ASSERT_OK(process_->Start());
    ASSERT_OK(process_->WaitReady(Deadline::After(absl::Seconds(10))));
    stub_ = v1::IdentityService::NewStub(process_->channel());
    grpc::ClientContext context;
    GiveTime(context);
    v1::RegisterProjectRequest request;
    request.set_project("projects/demo");
    request.set_number(1);
    v1::RegisterProjectResponse response;
    ASSERT_TRUE(stub_->RegisterProject(&context, request, &response).ok());
  }
  void TearDown() override {
    if (process_ != nullptr) process_->Stop();
    std::filesystem::remove(dsn_file_);
  }
  grpc::Status Link(const std::string& id) {
    grpc::ClientContext context;
    GiveTime(context);
    v1::LinkRequest request;
    request.set_project("projects/demo");
    request.mutable_evidence()->set_kind("oauth.base");
    request.mutable_evidence()->add_ids(id);
    request.mutable_evidence()->mutable_observed_time()->set_seconds(1'772'000'000);
    v1::LinkResponse response;
    return stub_->Link(&context, request, &response);
  }

  TestDatabase db_{{{"identity", Migrations()}}};
  std::string dsn_file_;
  std::unique_ptr<server::Process> process_;
  std::unique_ptr<v1::IdentityService::Stub> stub_;
};

TEST_F(IdentityModuleTest, WatchersSeeWhatIsLinkedAndErrorsCarryTheirReason) {
  grpc::ClientContext context;
  GiveTime(context);
  v1::WatchChangesRequest watch;
  watch.set_project("projects/demo");
  const auto reader = stub_->WatchChanges(&context, watch);
  ASSERT_TRUE(Link("openid:wx1:a").ok());
  v1::WatchChangesResponse page;
  ASSERT_TRUE(reader->Read(&page));
  ASSERT_EQ(page.changes_size(), 2);
  EXPECT_EQ(page.changes(0).kind(), v1::CHANGE_KIND_PERSON_CREATED);
  EXPECT_EQ(page.changes(1).identifier(), "openid:wx1:a");
  EXPECT_EQ(page.changes(1).person_index(), 1U);
  ASSERT_TRUE(Link("openid:wx1:b").ok());
  ASSERT_TRUE(reader->Read(&page));
  EXPECT_EQ(page.changes(1).identifier(), "openid:wx1:b");
  context.TryCancel();

  const grpc::Status refused = Link("openid");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(refused.error_details().find("EVIDENCE_INVALID"), std::string::npos);
}

}  // namespace
}  // namespace datong::identity
