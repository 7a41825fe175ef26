#pragma once

#include <memory>

#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "services/gateway/core/broker.h"

namespace grpc {
class Channel;
}

namespace datong::gateway {

// The broker's links for installing suites of WeCom, over gRPC. UNAVAILABLE until it is connected.
// Thread-safe.
class GrpcWecomLinks : public Links {
 public:
  // `registry` must outlive it.
  explicit GrpcWecomLinks(metrics::Registry& registry);
  ~GrpcWecomLinks() override;

  void Connect(std::shared_ptr<grpc::Channel> channel);

  absl::StatusOr<LaunchLink> GetLink(const Call& call, absl::string_view link) override;
  absl::StatusOr<std::string> Begin(const Call& call, absl::string_view link,
                                    bool on_phone) override;
  absl::StatusOr<ConnectedAccount> Complete(const Call& call, absl::string_view link,
                                            absl::string_view auth_code, int expires_in) override;

 private:
  struct Stub;
  std::shared_ptr<Stub> stub();

  Mutex mutex_;
  std::shared_ptr<Stub> stub_ ABSL_GUARDED_BY(mutex_);
  metrics::Registry& registry_;
};

}  // namespace datong::gateway
