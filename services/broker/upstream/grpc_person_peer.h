#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/rpc/client.h"
#include "services/broker/core/person_peer.h"

namespace datong::broker {

// What the broker asks of datong.identity.v1 about persons. Thread-safe.
class GrpcPersonPeer : public PersonPeer {
 public:
  GrpcPersonPeer(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);
  ~GrpcPersonPeer() override;

  absl::StatusOr<std::vector<std::string>> FindPersons(const std::string& project,
                                                       const std::vector<std::string>& identifiers,
                                                       Deadline deadline) override;
  absl::Status MigrateOpenids(const std::string& project, const std::string& old_appid,
                              const std::string& new_appid, const std::vector<OpenidMove>& moves,
                              absl::Time when, Deadline deadline) override;
  absl::StatusOr<GraphChanges> ReadChanges(const std::string& project, const std::string& cursor,
                                           Deadline deadline) override;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  rpc::Outgoing& outgoing_;
};

}  // namespace datong::broker
