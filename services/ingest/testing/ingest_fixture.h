#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/http/client.h"
#include "common/rpc/client.h"
#include "common/rpc/testing/test_server.h"
#include "common/server/process.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/privacy.grpc.pb.h"
#include "datong/identity/v1/profile.grpc.pb.h"
#include "datong/ingest/v1/event.grpc.pb.h"
#include "datong/ingest/v1/quarantine.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"
#include "services/ingest/testing/captures.h"

namespace datong::ingest {

// What identity was told, and what it says of consents.
class FakeIdentity {
 public:
  void Record(const identity::v1::LinkBatchRequest& request);
  std::vector<identity::v1::Evidence> evidence() const;
  // The evidence holds one record with exactly these identifiers.
  bool Knows(const std::string& kind, std::vector<std::string> ids) const;
  void Consent(const std::string& identifier, int64_t node, bool granted);
  identity::v1::ListConsentChangesResponse Consents(const std::string& cursor) const;
  void Erase(int64_t node, int64_t erased_seconds);
  identity::v1::ListErasuresResponse Erasures(const std::string& cursor) const;

 private:
  mutable Mutex mutex_;
  std::vector<identity::v1::Evidence> evidence_ ABSL_GUARDED_BY(mutex_);
  std::vector<identity::v1::ConsentChange> consents_ ABSL_GUARDED_BY(mutex_);
  std::vector<identity::v1::ListErasuresResponse::Erasure> erasures_ ABSL_GUARDED_BY(mutex_);
};

// The whole service in one process on free ports, with a database of its own and a fake identity.
class IngestTest : public ::testing::Test {
 protected:
  // The captured requests were sent about then.
  static constexpr int64_t kNowMs = 1'795'193'600'000;

  IngestTest();
  ~IngestTest() override;

  // `flags`: settings over those of the tests.
  void StartProcess(const std::map<std::string, std::string>& flags = {});
  void StopProcess();

  v1::Source CreateSource(
      const std::string& name, const std::function<void(v1::Source&)>& change = [](v1::Source&) {});
  // The mini program, the site and the Segment source of the captures.
  void CreateCaptureSources();

  http::ClientResponse Send(const CapturedRequest& request);
  http::ClientResponse Post(const std::string& target, const std::string& body,
                            std::vector<std::pair<std::string, std::string>> headers = {});

  // Single values and whole columns out of the database, as text.
  std::string Ask(const std::string& sql);
  std::vector<std::string> Column(const std::string& sql);
  int64_t CountEvents() { return std::stoll(Ask("SELECT count(*) FROM ingest.events")); }
  // A flag of the one event.
  std::string Flags(const std::string& where = "true");

  std::vector<v1::QuarantinedEvent> Quarantine(const std::string& project = kProject,
                                               bool replayed = false);
  v1::ReplayQuarantinedEventsResponse Replay(const std::string& project = kProject);
  v1::AppendEventsResponse Append(const v1::AppendEventsRequest& request);

  // Waits until `done`, at most 10 s.
  bool Eventually(const std::function<bool()>& done);

  static constexpr char kProject[] = "projects/91eaf9b283361032";
  static constexpr char kCollect[] =
      "/v3/projects/91eaf9b283361032/collect?stm=1795193599000&compress=0";

  SystemClock clock_;
  std::unique_ptr<TestDatabase> database_;
  FakeIdentity identity_;
  std::unique_ptr<rpc::TestServer> identity_server_;
  std::unique_ptr<server::Process> process_;
  std::unique_ptr<v1::SourceService::Stub> sources_;
  std::unique_ptr<v1::EventService::Stub> events_;
  std::unique_ptr<v1::QuarantineService::Stub> quarantine_;
  http::Client http_{{.allow_private = true}};
};

// An event of a trusted sender with all that is required.
v1::Event NamedEventOf(const std::string& id, const std::string& identifier,
                       int64_t time_ms = 1'795'193'590'000);

}  // namespace datong::ingest
