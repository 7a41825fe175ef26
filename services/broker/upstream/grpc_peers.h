#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/metrics/registry.h"
#include "common/rpc/client.h"
#include "services/broker/core/peers.h"

namespace datong::broker {

// datong.identity.v1, as the broker uses it. Thread-safe.
class GrpcIdentityPeer : public IdentityPeer {
 public:
  GrpcIdentityPeer(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);
  ~GrpcIdentityPeer() override;
  absl::Status RegisterProject(const Project& project, Deadline deadline) override;
  absl::Status BindApp(const App& app, Deadline deadline) override;
  absl::Status Link(const std::string& project, const std::vector<Evidence>& evidence,
                    Deadline deadline) override;
  absl::StatusOr<std::string> LinkOne(const std::string& project, const Evidence& evidence,
                                      Deadline deadline) override;
  absl::Status RecordRelations(const std::string& project, const std::vector<Relation>& relations,
                               Deadline deadline) override;
  absl::Status Withdraw(const std::string& project, const Withdrawal& withdrawal,
                        Deadline deadline) override;
  absl::Status EraseCorp(const std::string& project, const std::string& corpid,
                         const std::string& provider, absl::Time when, Deadline deadline) override;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  rpc::Outgoing& outgoing_;
};

// datong.ingest.v1, as the broker uses it. Thread-safe.
class GrpcIngestPeer : public IngestPeer {
 public:
  GrpcIngestPeer(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);
  ~GrpcIngestPeer() override;
  absl::Status RegisterProject(const Project& project, Deadline deadline) override;
  absl::StatusOr<std::string> EnsurePushSource(const App& app, Deadline deadline) override;
  absl::Status AppendEvents(const std::string& source, const std::vector<PushEvent>& events,
                            Deadline deadline) override;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  rpc::Outgoing& outgoing_;
};

}  // namespace datong::broker
