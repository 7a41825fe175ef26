#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "common/rpc/client.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/privacy.grpc.pb.h"
#include "services/datacube/core/platform.h"

namespace datong::datacube {

// Tells identity what the platform says of followers, evidence oa.user_info, and asks it who was
// erased. `outgoing` must outlive it. Thread-safe.
class IdentityClient final : public EvidenceSink, public ErasureFeed {
 public:
  IdentityClient(const std::shared_ptr<grpc::Channel>& channel, rpc::Outgoing& outgoing);

  absl::Status Send(const AppKey& app, const std::vector<OpenidPair>& pairs,
                    absl::Time observed_time, Deadline deadline) override;
  absl::StatusOr<Page> ReadErasures(const std::string& project, const std::string& cursor,
                                    Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> FindKnown(const AppKey& app,
                                                     const std::vector<std::string>& openids,
                                                     Deadline deadline) override;

 private:
  rpc::Outgoing& outgoing_;
  std::unique_ptr<identity::v1::IdentityService::Stub> stub_;
  std::unique_ptr<identity::v1::PrivacyService::Stub> privacy_;
};

}  // namespace datong::datacube
