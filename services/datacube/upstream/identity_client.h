#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "common/rpc/client.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "services/datacube/core/platform.h"

namespace datong::datacube {

// Tells identity what the platform says of followers: evidence oa.user_info. `outgoing` must
// outlive it. Thread-safe.
class IdentityClient final : public EvidenceSink {
 public:
  IdentityClient(const std::shared_ptr<grpc::Channel>& channel, rpc::Outgoing& outgoing);

  absl::Status Send(const AppKey& app, const std::vector<OpenidPair>& pairs,
                    absl::Time observed_time, Deadline deadline) override;

 private:
  rpc::Outgoing& outgoing_;
  std::unique_ptr<identity::v1::IdentityService::Stub> stub_;
};

}  // namespace datong::datacube
