#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/client.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "services/datacube/core/platform.h"

namespace datong::datacube {

// The platform and the account feed, through broker. `outgoing` must outlive it. Thread-safe.
class BrokerClient final : public Platform, public AccountFeed {
 public:
  BrokerClient(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);

  absl::StatusOr<std::string> Call(const AppKey& app, const std::string& path,
                                   const std::map<std::string, std::string>& query,
                                   const std::string& body, Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> ListProjects(Deadline deadline) override;
  absl::StatusOr<Page> Read(const std::string& project, const std::string& cursor,
                            Deadline deadline) override;

 private:
  rpc::Outgoing& outgoing_;
  std::unique_ptr<broker::v1::ProjectService::Stub> projects_;
  std::unique_ptr<broker::v1::AuthorizationService::Stub> authorizations_;
  std::unique_ptr<broker::v1::ApiService::Stub> api_;
};

}  // namespace datong::datacube
