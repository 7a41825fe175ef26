#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "common/rpc/client.h"
#include "services/insight/core/ports.h"

namespace datong::insight {

// identity's feed over gRPC. Thread-safe. `outgoing` must outlive it.
class GrpcIdentityFeed : public IdentityFeed {
 public:
  GrpcIdentityFeed(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);
  ~GrpcIdentityFeed() override;
  absl::StatusOr<FeedPage> Read(const Asker& asker, const std::string& project,
                                const std::string& cursor) override;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  rpc::Outgoing& outgoing_;
};

// broker's projects over gRPC. Thread-safe. `outgoing` must outlive it.
class GrpcProjectDirectory : public ProjectDirectory {
 public:
  GrpcProjectDirectory(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);
  ~GrpcProjectDirectory() override;
  absl::StatusOr<std::vector<std::string>> List(const Asker& asker) override;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  rpc::Outgoing& outgoing_;
};

// ingest's sources over gRPC. Thread-safe. `outgoing` must outlive it.
class GrpcSourceDirectory : public SourceDirectory {
 public:
  GrpcSourceDirectory(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);
  ~GrpcSourceDirectory() override;
  absl::StatusOr<ProjectSources> List(const Asker& asker, const std::string& project) override;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  rpc::Outgoing& outgoing_;
};

// datacube's statistics over gRPC. Thread-safe. `outgoing` must outlive it.
class GrpcFollowerStatistics : public FollowerStatistics {
 public:
  GrpcFollowerStatistics(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing);
  ~GrpcFollowerStatistics() override;
  absl::StatusOr<FollowerFacts> Read(const Asker& asker, const std::string& project,
                                     const std::vector<std::string>& apps,
                                     const DayRange& range) override;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  rpc::Outgoing& outgoing_;
};

}  // namespace datong::insight
