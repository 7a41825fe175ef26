#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/base/secret.h"
#include "common/metrics/registry.h"
#include "common/rpc/client.h"
#include "tools/datong/connection.h"
#include "tools/datong/doors.h"

namespace datong::demo {

// The demo as a client of the suite: one gRPC connection to each door, a minute for each answer.
class Client {
 public:
  explicit Client(const tools::Doors& doors, const Secret& api_key = Secret()) {
    for (const auto& [service, door] : doors.services) {
      channels_[service] = tools::OpenChannel(door.grpc_address, api_key, doors.ca_file);
    }
  }

  // Of broker::v1::TokenService, say.
  template <typename Service>
  std::unique_ptr<typename Service::Stub> StubOf() const {
    const std::vector<std::string> parts = absl::StrSplit(Service::service_full_name(), '.');
    return Service::NewStub(channels_.at(parts[1]));  // datong.<service>.v1.…
  }

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
  rpc::Outgoing outgoing_{metrics_};
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace datong::demo
