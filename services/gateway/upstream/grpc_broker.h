#pragma once

#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "services/gateway/core/broker.h"

namespace grpc {
class Channel;
}

namespace datong::gateway {

// The broker over gRPC. UNAVAILABLE until it is connected. Thread-safe.
class GrpcBroker : public Broker {
 public:
  // `registry` must outlive it.
  explicit GrpcBroker(metrics::Registry& registry);
  ~GrpcBroker() override;

  void Connect(std::shared_ptr<grpc::Channel> channel);

  absl::StatusOr<PushAnswer> ReceivePush(const Call& call, const Push& push) override;
  absl::StatusOr<LaunchLink> GetLink(const Call& call, absl::string_view link) override;
  absl::StatusOr<std::string> Begin(const Call& call, absl::string_view link,
                                    bool on_phone) override;
  absl::StatusOr<ConnectedAccount> Complete(const Call& call, absl::string_view link,
                                            absl::string_view auth_code, int expires_in) override;

 private:
  struct Stubs;
  std::shared_ptr<Stubs> stubs();

  Mutex mutex_;
  std::shared_ptr<Stubs> stubs_ ABSL_GUARDED_BY(mutex_);
  metrics::Registry& registry_;
};

}  // namespace datong::gateway
