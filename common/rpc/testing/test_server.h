#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include <functional>
#include <memory>
#include <vector>

#include "common/metrics/registry.h"
#include "common/rpc/client.h"
#include "common/rpc/server_calls.h"

namespace datong::rpc {

// A gRPC server on a free port for as long as the object lives, and a channel to it:
//
//   TestServer server([&](rpc::Calls& calls) {
//     return std::make_unique<TokenGrpcService>(calls, handlers);
//   });
//   auto stub = TokenService::NewStub(server.channel());
class TestServer {
 public:
  using MakeService = std::function<std::unique_ptr<grpc::Service>(Calls&)>;

  explicit TestServer(const MakeService& make, CallsOptions options = {.threads = 4})
      : TestServer(std::vector<MakeService>{make}, options) {}
  explicit TestServer(const std::vector<MakeService>& makes, CallsOptions options = {.threads = 4},
                      Gate* gate = nullptr);
  ~TestServer();

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  std::string address() const;
  metrics::Registry& metrics() { return registry_; }
  Calls& calls() { return *calls_; }
  // Ends the server early; calls are UNAVAILABLE from then on.
  void Stop();

 private:
  metrics::Registry registry_;
  std::unique_ptr<Calls> calls_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace datong::rpc
