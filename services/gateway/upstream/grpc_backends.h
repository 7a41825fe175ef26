#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "services/gateway/core/rpc_backends.h"

namespace grpc {
class Channel;
}
namespace datong::rpc {
class Outgoing;
}

namespace datong::gateway {

// The services behind the gateway over gRPC, each on its channel; messages pass as bytes, unread.
// UNAVAILABLE until a service is connected. Thread-safe.
class GrpcBackends : public RpcBackends {
 public:
  // `registry` must outlive it.
  explicit GrpcBackends(metrics::Registry& registry);
  ~GrpcBackends() override;

  void Connect(const std::string& service, std::shared_ptr<grpc::Channel> channel);

  absl::StatusOr<std::string> Call(const gateway::Call& call, absl::string_view service,
                                   const std::string& request) override;

 private:
  const std::unique_ptr<rpc::Outgoing> outgoing_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::gateway
