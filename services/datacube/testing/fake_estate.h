#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/testing/test_server.h"
#include "datong/broker/v1/authorization.pb.h"
#include "datong/broker/v1/token.pb.h"
#include "datong/identity/v1/identity.pb.h"
#include "datong/identity/v1/privacy.pb.h"

namespace datong::datacube {

// broker and identity behind a real gRPC channel, for one project "demo": accounts, followers and
// statistics as the test sets them, and errors as it scripts them. Thread-safe.
class FakeEstate {
 public:
  FakeEstate();
  ~FakeEstate();

  const std::shared_ptr<grpc::Channel>& channel() const { return server_->channel(); }
  std::string address() const { return server_->address(); }

  // Adds a change of the account to the feed.
  void TellAccount(const std::string& appid, broker::v1::AppKind kind, broker::v1::AppState state);
  // Followers and their unionids ("" for none); pages hold `page_size`.
  void SetFollowers(std::map<std::string, std::string> followers, size_t page_size = 10'000);
  // A batch with this openid is answered with 40003.
  void Spoil(const std::string& openid);
  // Days up to and with this one have rows.
  void PublishUpTo(absl::CivilDay day);
  // The next calls of the path are answered so, before all else.
  void AnswerNext(const std::string& path, const std::string& json, int times = 1);
  // Calls of the path fail with the status, until told otherwise by an OK one.
  void FailCalls(const std::string& path, const grpc::Status& status);
  void FailIdentity(const grpc::Status& status);
  // identity erased the identifier, of project number 1.
  void Erase(const std::string& identifier, absl::Time time);
  // identity knows these identifiers.
  void SetKnown(std::set<std::string> identifiers);

  int CallsOf(const std::string& path) const;
  // Bodies of the calls of the path, in order.
  std::vector<std::string> BodiesOf(const std::string& path) const;
  // What identity was told: the ids of each piece of evidence, joined by a blank.
  std::multiset<std::string> evidence() const;

  // What the server's services call.
  grpc::Status ListAccountChanges(const broker::v1::ListAccountChangesRequest& request,
                                  broker::v1::ListAccountChangesResponse& response);
  grpc::Status CallApi(const broker::v1::CallApiRequest& request,
                       broker::v1::CallApiResponse& response);
  grpc::Status LinkBatch(const identity::v1::LinkBatchRequest& request,
                         identity::v1::LinkBatchResponse& response);
  grpc::Status ResolveBatch(const identity::v1::ResolveBatchRequest& request,
                            identity::v1::ResolveBatchResponse& response);
  grpc::Status ListErasures(const identity::v1::ListErasuresRequest& request,
                            identity::v1::ListErasuresResponse& response);

 private:
  std::string Answer(const broker::v1::CallApiRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::vector<broker::v1::AccountChange> changes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> followers_ ABSL_GUARDED_BY(mutex_);
  size_t page_size_ ABSL_GUARDED_BY(mutex_) = 10'000;
  std::set<std::string> spoiled_ ABSL_GUARDED_BY(mutex_);
  absl::CivilDay published_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::deque<std::string>> scripted_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, grpc::Status> failing_ ABSL_GUARDED_BY(mutex_);
  grpc::Status identity_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> bodies_ ABSL_GUARDED_BY(mutex_);
  std::multiset<std::string> evidence_ ABSL_GUARDED_BY(mutex_);
  std::vector<identity::v1::ListErasuresResponse::Erasure> erasures_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> known_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<rpc::TestServer> server_;
};

}  // namespace datong::datacube
