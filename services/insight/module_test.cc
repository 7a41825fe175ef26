// The whole service in this process over real calls, with stand-ins for the services that it asks.

#include "services/insight/module.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/rpc/status.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"
#include "datong/insight/v1/insight.grpc.pb.h"
#include "insight_migrations.h"
#include "insight_test_ingest_migrations.h"

namespace datong::insight {
namespace {

class Identity final : public identity::v1::IdentityService::Service {
  grpc::Status ListChanges(grpc::ServerContext*, const identity::v1::ListChangesRequest* request,
                           identity::v1::ListChangesResponse* response) override {
    if (request->project() != "projects/demo") return {grpc::StatusCode::NOT_FOUND, "no"};
    response->set_next_cursor("end");
    response->set_project_number(1);
    response->set_version(7);
    if (!request->cursor().empty()) return grpc::Status::OK;
    identity::v1::Change* change = response->add_changes();
    change->set_version(7);
    change->set_kind(identity::v1::CHANGE_KIND_IDENTIFIER_MOVED);
    change->set_identifier("openid:wx1:oA");
    change->set_node(-11);
    change->set_person("projects/demo/persons/anna");
    change->set_person_index(3);
    change->set_previous_person("projects/demo/persons/old");
    change->mutable_change_time()->set_seconds(1'790'000'000);
    return grpc::Status::OK;
  }
};

class Ingest final : public ingest::v1::SourceService::Service {
  grpc::Status ListSources(grpc::ServerContext*, const ingest::v1::ListSourcesRequest* request,
                           ingest::v1::ListSourcesResponse* response) override {
    response->set_project_number(1);
    ingest::v1::Source* source = response->add_sources();
    const bool second = !request->page_token().empty();
    source->set_name(second ? "projects/demo/sources/b" : "projects/demo/sources/a");
    source->set_number(second ? 2 : 1);
    source->set_surface(second ? "mini" : "h5");
    if (!second) response->set_next_page_token("more");
    return grpc::Status::OK;
  }
};

class Broker final : public broker::v1::ProjectService::Service {
  grpc::Status ListProjects(grpc::ServerContext*, const broker::v1::ListProjectsRequest*,
                            broker::v1::ListProjectsResponse* response) override {
    response->add_projects()->set_name("projects/demo");
    return grpc::Status::OK;
  }
};

class Datacube final : public datacube::v1::StatisticsService::Service {
  grpc::Status QueryStatistics(grpc::ServerContext*,
                               const datacube::v1::QueryStatisticsRequest* request,
                               datacube::v1::QueryStatisticsResponse* response) override {
    datacube::v1::StatisticRow* row = response->add_rows();
    row->set_app("projects/demo/apps/wx1");
    row->set_day(request->begin_day());
    row->set_metric(request->metric());
    row->mutable_fetch_time()->set_seconds(1'790'000'000);
    if (request->metric() == datacube::v1::METRIC_FOLLOWER_CHANGE) {
      row->set_new_user(4);
      row->set_cancel_user(1);
    } else {
      row->set_cumulate_user(103);
    }
    return grpc::Status::OK;
  }
};

class InsightModuleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&identity_);
    builder.RegisterService(&ingest_);
    builder.RegisterService(&datacube_);
    builder.RegisterService(&broker_);
    peers_ = builder.BuildAndStart();
    const std::string address = absl::StrCat("127.0.0.1:", port);
    dsn_file_ = (std::filesystem::temp_directory_path() / absl::StrCat("datong-insight-", getpid()))
                    .string();
    std::ofstream(dsn_file_) << db_.dsn().Expose();
    server::ProcessOptions options;
    options.component = "insight";
    options.modules = {kModule};
    options.sources.flags = {{"database.dsn_file", dsn_file_}, {"insecure.allow", "true"},
                             {"peers.identity", address},      {"peers.ingest", address},
                             {"peers.datacube", address},      {"server.grpc_port", "0"},
                             {"peers.broker", address},        {"insight.follow_interval", "100ms"},
                             {"server.health_port", "0"},      {"server.metrics_port", "0"},
                             {"server.http_port", "0"}};
    process_ = std::make_unique<server::Process>(std::move(options));
    ASSERT_OK(process_->Build());
    ASSERT_OK(process_->Start());
    ASSERT_OK(process_->WaitReady(Deadline::After(absl::Seconds(10))));
    stub_ = v1::InsightService::NewStub(process_->channel());
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  }
  void TearDown() override {
    if (process_ != nullptr) process_->Stop();
    peers_->Shutdown();
    std::filesystem::remove(dsn_file_);
  }

  TestDatabase db_{{{"ingest", insight_test::Migrations()}, {"insight", Migrations()}}};
  Identity identity_;
  Ingest ingest_;
  Datacube datacube_;
  Broker broker_;
  std::unique_ptr<grpc::Server> peers_;
  std::string dsn_file_;
  std::unique_ptr<server::Process> process_;
  std::unique_ptr<v1::InsightService::Stub> stub_;
  grpc::ClientContext context_;
};

TEST_F(InsightModuleTest, PersonsComeFromIdentityAndSurfacesFromIngest) {
  db_.Execute(R"sql(
    INSERT INTO ingest.events (event_id, event_time, received_at, device_key, node, content_hash,
        batch_id, flags, tenant_id, source_id, event_type, ua_class, provenance, rest)
      VALUES (gen_random_uuid(), '2026-11-02 16:00Z', now(), 1, -11, 0, 1, 0, 1, 2, 0, 1, 0,
              '{}'))sql");
  v1::GetTimelineRequest request;
  request.set_project("projects/demo");
  request.set_person("projects/demo/persons/anna");
  request.set_min_identity_version(7);
  v1::GetTimelineResponse response;
  const grpc::Status status = stub_->GetTimeline(&context_, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.person().person_index(), 3u);
  ASSERT_EQ(response.person().identifiers_size(), 1);
  EXPECT_EQ(response.person().identifiers(0).previous_person(), "projects/demo/persons/old");
  ASSERT_EQ(response.entries_size(), 1);
  EXPECT_EQ(response.entries(0).surface(), "mini");
  EXPECT_EQ(response.entries(0).day(), "2026-11-03");
  EXPECT_EQ(response.entries(0).event_type(), ingest::v1::EVENT_TYPE_VISIT);
  EXPECT_EQ(response.as_of().identity_version(), 7);
}

TEST_F(InsightModuleTest, EveryProjectOfBrokerIsFollowedFromTheStart) {
  const Deadline deadline = Deadline::After(absl::Seconds(10));
  Mutex mutex;
  pqxx::connection connection(db_.dsn().Expose());
  const auto followed = [&connection] {
    pqxx::work work(connection);
    return !work.exec("SELECT 1 FROM insight.node_person WHERE person = 'anna'").empty();
  };
  bool there = followed();
  while (!there && !deadline.Passed()) {
    absl::CondVar tick;
    MutexLock lock(&mutex);
    tick.WaitWithTimeout(&mutex, absl::Milliseconds(20));
    there = followed();
  }
  EXPECT_TRUE(there);
}

TEST_F(InsightModuleTest, FollowersComeFromDatacube) {
  v1::QueryFollowerGrowthRequest request;
  request.set_project("projects/demo");
  request.set_begin_day("2026-11-01");
  request.set_end_day("2026-11-01");
  v1::QueryFollowerGrowthResponse response;
  const grpc::Status status = stub_->QueryFollowerGrowth(&context_, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.days_size(), 2);
  EXPECT_EQ(response.days(0).net_followers(), 3);
  EXPECT_EQ(response.days(1).cumulative_followers(), 103);
  EXPECT_EQ(response.fetch_time().seconds(), 1'790'000'000);
}

TEST_F(InsightModuleTest, ErrorsCarryTheirReason) {
  v1::QueryOverlapRequest request;
  request.set_project("projects/demo");
  request.set_begin_day("2026-11-01");
  request.set_end_day("2026-11-01");
  request.add_surfaces("tv");
  v1::QueryOverlapResponse response;
  EXPECT_THAT(rpc::FromGrpcStatus(stub_->QueryOverlap(&context_, request, &response)),
              IsError(absl::StatusCode::kNotFound, "SURFACE_UNKNOWN"));
}

}  // namespace
}  // namespace datong::insight
