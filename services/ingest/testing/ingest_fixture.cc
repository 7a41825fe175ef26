#include "services/ingest/testing/ingest_fixture.h"

#include <algorithm>
#include <map>

#include "common/exec/periodic_task.h"
#include "ingest_migrations.h"
#include "services/ingest/module.h"

namespace datong::ingest {
namespace {

class FakeIdentityService final : public identity::v1::IdentityService::CallbackService {
 public:
  FakeIdentityService(rpc::Calls& calls, FakeIdentity& identity)
      : calls_(calls), identity_(identity) {}
  grpc::ServerUnaryReactor* LinkBatch(grpc::CallbackServerContext* context,
                                      const identity::v1::LinkBatchRequest* request,
                                      identity::v1::LinkBatchResponse* response) override {
    return calls_.Unary(context, request, response, "/datong.identity.v1.IdentityService/LinkBatch",
                        [this](const rpc::CallContext&, const identity::v1::LinkBatchRequest& r)
                            -> absl::StatusOr<identity::v1::LinkBatchResponse> {
                          identity_.Record(r);
                          return identity::v1::LinkBatchResponse();
                        });
  }

 private:
  rpc::Calls& calls_;
  FakeIdentity& identity_;
};

class FakeConsentService final : public identity::v1::ConsentService::CallbackService {
 public:
  FakeConsentService(rpc::Calls& calls, FakeIdentity& identity)
      : calls_(calls), identity_(identity) {}
  grpc::ServerUnaryReactor* ListConsentChanges(
      grpc::CallbackServerContext* context, const identity::v1::ListConsentChangesRequest* request,
      identity::v1::ListConsentChangesResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.identity.v1.ConsentService/ListConsentChanges",
        [this](const rpc::CallContext&, const identity::v1::ListConsentChangesRequest& r)
            -> absl::StatusOr<identity::v1::ListConsentChangesResponse> {
          return identity_.Consents(r.cursor());
        });
  }

 private:
  rpc::Calls& calls_;
  FakeIdentity& identity_;
};

class FakePrivacyService final : public identity::v1::PrivacyService::CallbackService {
 public:
  FakePrivacyService(rpc::Calls& calls, FakeIdentity& identity)
      : calls_(calls), identity_(identity) {}
  grpc::ServerUnaryReactor* ListErasures(grpc::CallbackServerContext* context,
                                         const identity::v1::ListErasuresRequest* request,
                                         identity::v1::ListErasuresResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.identity.v1.PrivacyService/ListErasures",
                        [this](const rpc::CallContext&, const identity::v1::ListErasuresRequest& r)
                            -> absl::StatusOr<identity::v1::ListErasuresResponse> {
                          return identity_.Erasures(r.cursor());
                        });
  }

 private:
  rpc::Calls& calls_;
  FakeIdentity& identity_;
};

}  // namespace

void FakeIdentity::Record(const identity::v1::LinkBatchRequest& request) {
  MutexLock lock(&mutex_);
  evidence_.insert(evidence_.end(), request.evidence().begin(), request.evidence().end());
}

std::vector<identity::v1::Evidence> FakeIdentity::evidence() const {
  MutexLock lock(&mutex_);
  return evidence_;
}

bool FakeIdentity::Knows(const std::string& kind, std::vector<std::string> ids) const {
  std::sort(ids.begin(), ids.end());
  for (const identity::v1::Evidence& evidence : this->evidence()) {
    std::vector<std::string> known(evidence.ids().begin(), evidence.ids().end());
    std::sort(known.begin(), known.end());
    if (evidence.kind() == kind && known == ids) return true;
  }
  return false;
}

void FakeIdentity::Consent(const std::string& identifier, int64_t node, bool granted) {
  MutexLock lock(&mutex_);
  identity::v1::ConsentChange& change = consents_.emplace_back();
  change.set_version(static_cast<int64_t>(consents_.size()));
  change.set_identifier(identifier);
  change.set_node(node);
  change.mutable_consent()->set_purpose("analytics");
  change.mutable_consent()->set_state(granted ? identity::v1::CONSENT_STATE_GRANTED
                                              : identity::v1::CONSENT_STATE_WITHDRAWN);
  change.mutable_consent()->mutable_consent_time()->set_seconds(change.version());
}

identity::v1::ListConsentChangesResponse FakeIdentity::Consents(const std::string& cursor) const {
  MutexLock lock(&mutex_);
  const size_t begin = cursor.empty() ? 0 : std::stoul(cursor);
  identity::v1::ListConsentChangesResponse response;
  for (size_t i = begin; i < consents_.size(); ++i) *response.add_changes() = consents_[i];
  response.set_next_cursor(std::to_string(consents_.size()));
  return response;
}

void FakeIdentity::Erase(int64_t node, int64_t erased_seconds) {
  MutexLock lock(&mutex_);
  identity::v1::ListErasuresResponse::Erasure& erasure = erasures_.emplace_back();
  erasure.set_node(node);
  erasure.mutable_erase_time()->set_seconds(erased_seconds);
}

identity::v1::ListErasuresResponse FakeIdentity::Erasures(const std::string& cursor) const {
  MutexLock lock(&mutex_);
  const size_t begin = cursor.empty() ? 0 : std::stoul(cursor);
  identity::v1::ListErasuresResponse response;
  for (size_t i = begin; i < erasures_.size(); ++i) *response.add_erasures() = erasures_[i];
  response.set_next_cursor(std::to_string(erasures_.size()));
  return response;
}

IngestTest::IngestTest()
    : database_(std::make_unique<TestDatabase>(
          std::vector<postgres::SchemaMigrations>{{"ingest", Migrations()}})) {
  clock_.SetOffset(absl::FromUnixMillis(kNowMs) - clock_.Now());
  identity_server_ = std::make_unique<rpc::TestServer>(std::vector<rpc::TestServer::MakeService>{
      [this](rpc::Calls& calls) { return std::make_unique<FakeIdentityService>(calls, identity_); },
      [this](rpc::Calls& calls) { return std::make_unique<FakeConsentService>(calls, identity_); },
      [this](rpc::Calls& calls) {
        return std::make_unique<FakePrivacyService>(calls, identity_);
      }});
  StartProcess();
  grpc::ClientContext context;
  v1::RegisterProjectRequest request;
  request.set_project(kProject);
  request.set_number(7);
  v1::RegisterProjectResponse response;
  const grpc::Status status = sources_->RegisterProject(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

IngestTest::~IngestTest() { StopProcess(); }

void IngestTest::StartProcess(const std::map<std::string, std::string>& flags) {
  const std::string dsn_file = absl::StrCat(::testing::TempDir(), "/ingest_dsn_", getpid());
  std::ofstream(dsn_file) << database_->dsn().Expose();
  server::ProcessOptions options;
  options.component = "ingest";
  options.modules = {kModule};
  options.clock = &clock_;
  options.sources.flags = {{"database.dsn_file", dsn_file},
                           {"insecure.allow", "true"},
                           {"server.address", "127.0.0.1"},
                           {"server.grpc_port", "0"},
                           {"server.health_port", "0"},
                           {"server.metrics_port", "0"},
                           {"server.http_port", "0"},
                           {"server.drain_wait", "0s"},
                           {"server.shutdown_grace", "2s"},
                           {"log.level", "error"},
                           {"peers.identity", identity_server_->address()}};
  for (const auto& [key, value] : flags) options.sources.flags[key] = value;
  process_ = std::make_unique<server::Process>(std::move(options));
  ASSERT_OK(process_->Build());
  ASSERT_OK(process_->Start());
  ASSERT_OK(process_->WaitReady(Deadline::After(absl::Seconds(20))));
  const auto channel = process_->channel();
  sources_ = v1::SourceService::NewStub(channel);
  events_ = v1::EventService::NewStub(channel);
  quarantine_ = v1::QuarantineService::NewStub(channel);
}

void IngestTest::StopProcess() {
  sources_.reset();
  events_.reset();
  quarantine_.reset();
  process_.reset();
}

v1::Source IngestTest::CreateSource(const std::string& name,
                                    const std::function<void(v1::Source&)>& change) {
  v1::CreateSourceRequest request;
  request.mutable_source()->set_name(absl::StrCat(kProject, "/sources/", name));
  request.mutable_source()->set_kind(v1::SOURCE_KIND_SDK);
  change(*request.mutable_source());
  grpc::ClientContext context;
  v1::CreateSourceResponse response;
  const grpc::Status status = sources_->CreateSource(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.source();
}

void IngestTest::CreateCaptureSources() {
  CreateSource("shop-mini", [](v1::Source& source) {
    source.set_app("wx1234567890abcdef");
    source.set_data_source_id("b1fd2d3a4e5f6071");
    (*source.mutable_login_spaces())["member_no"] = "members";
  });
  CreateSource("shop-h5", [](v1::Source& source) {
    source.set_app("wxofficial0000001");
    source.set_data_source_id("9c2f00aa31bd77e0");
    source.set_device_scope("m.example.cn");
    source.set_surface("h5");
    source.add_origins("https://m.example.cn");
  });
  CreateSource("shop-server", [](v1::Source& source) {
    source.set_kind(v1::SOURCE_KIND_SERVER);
    source.set_app("wx1234567890abcdef");
    source.set_write_key("wk_test_0001");
  });
}

http::ClientResponse IngestTest::Send(const CapturedRequest& request) {
  http::ClientRequest out;
  out.method = request.method;
  out.url = absl::StrCat("http://127.0.0.1:", process_->ports().http, request.target);
  for (const auto& [name, value] : request.headers) out.headers.Add(name, value);
  out.body = request.body;
  const auto response = http_.Send(out, Deadline::After(absl::Seconds(15)));
  EXPECT_OK(response);
  return response.ok() ? *response : http::ClientResponse();
}

http::ClientResponse IngestTest::Post(const std::string& target, const std::string& body,
                                      std::vector<std::pair<std::string, std::string>> headers) {
  return Send({"POST", target, std::move(headers), body});
}

std::string IngestTest::Ask(const std::string& sql) {
  const std::vector<std::string> rows = Column(sql);
  return rows.empty() ? "(nothing)" : rows.front();
}

std::vector<std::string> IngestTest::Column(const std::string& sql) {
  pqxx::connection connection(database_->dsn().Expose());
  pqxx::work work(connection);
  std::vector<std::string> values;
  for (const pqxx::row& row : work.exec(sql)) {
    values.push_back(row[0].is_null() ? "(null)" : row[0].as<std::string>());
  }
  return values;
}

std::string IngestTest::Flags(const std::string& where) {
  return Ask(
      absl::StrCat("SELECT coalesce(string_agg(f.flag, ',' ORDER BY f.bit), '') FROM ingest.events "
                   "AS e LEFT JOIN "
                   "ingest.event_flags AS f ON e.flags & (1::bigint << f.bit) <> 0 WHERE ",
                   where));
}

std::vector<v1::QuarantinedEvent> IngestTest::Quarantine(const std::string& project,
                                                         bool replayed) {
  v1::ListQuarantinedEventsRequest request;
  request.set_project(project);
  request.set_show_replayed(replayed);
  grpc::ClientContext context;
  v1::ListQuarantinedEventsResponse response;
  const grpc::Status status = quarantine_->ListQuarantinedEvents(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return {response.events().begin(), response.events().end()};
}

v1::ReplayQuarantinedEventsResponse IngestTest::Replay(const std::string& project) {
  v1::ReplayQuarantinedEventsRequest request;
  request.set_project(project);
  grpc::ClientContext context;
  v1::ReplayQuarantinedEventsResponse response;
  const grpc::Status status = quarantine_->ReplayQuarantinedEvents(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

v1::AppendEventsResponse IngestTest::Append(const v1::AppendEventsRequest& request) {
  grpc::ClientContext context;
  v1::AppendEventsResponse response;
  const grpc::Status status = events_->AppendEvents(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

bool IngestTest::Eventually(const std::function<bool()>& done) {
  const Deadline deadline = Deadline::After(absl::Seconds(10));
  Mutex mutex;
  while (!deadline.Passed()) {
    if (done()) return true;
    absl::CondVar tick;
    MutexLock lock(&mutex);
    tick.WaitWithTimeout(&mutex, absl::Milliseconds(10));
  }
  return false;
}

v1::Event NamedEventOf(const std::string& id, const std::string& identifier, int64_t time_ms) {
  v1::Event event;
  event.set_event_id(id);
  event.mutable_event_time()->set_seconds(time_ms / 1000);
  event.mutable_event_time()->set_nanos(static_cast<int32_t>(time_ms % 1000) * 1'000'000);
  event.set_type(v1::EVENT_TYPE_CUSTOM);
  event.set_event_name("order_paid");
  event.set_identifier(identifier);
  (*event.mutable_attributes())["amount"] = "19.9";
  (*event.mutable_attributes())["currency"] = "CNY";
  return event;
}

}  // namespace datong::ingest
