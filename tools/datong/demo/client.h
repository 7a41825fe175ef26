#pragma once

#include <memory>
#include <string>

#include "common/base/secret.h"
#include "common/metrics/registry.h"
#include "common/rpc/client.h"
#include "tools/datong/connection.h"

namespace datong::demo {

// The demo as a client of the suite: one gRPC connection, a minute for each answer.
class Client {
 public:
  explicit Client(const std::string& address, const Secret& api_key = Secret())
      : channel_(tools::OpenChannel(address, api_key)), outgoing_(metrics_) {}

  std::shared_ptr<grpc::Channel> channel() const { return channel_; }

  template <typename Stub, typename Interface, typename Request, typename Response>
  absl::StatusOr<Response> Ask(const std::unique_ptr<Stub>& stub,
                               grpc::Status (Interface::*rpc)(grpc::ClientContext*, const Request&,
                                                              Response*),
                               const Request& request) {
    rpc::CallContext call;
    call.deadline = Deadline::After(absl::Minutes(1));
    return outgoing_.Call(call, "demo", *stub, rpc, request,
                          {.longest = absl::Minutes(1), .idempotent = true});
  }

 private:
  metrics::Registry metrics_;
  std::shared_ptr<grpc::Channel> channel_;
  rpc::Outgoing outgoing_;
};

}  // namespace datong::demo
