#include "common/rpc/testing/test_server.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace datong::rpc {

TestServer::TestServer(const std::vector<MakeService>& makes, CallsOptions options, Gate* gate)
    : calls_(std::make_unique<Calls>(options, registry_, gate)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.SetOption(SeriesFromZero(calls_->series()));
  absl::Status rules;
  if (gate != nullptr) builder.SetOption(GateRules(*gate, rules));
  for (const MakeService& make : makes) {
    services_.push_back(make(*calls_));
    builder.RegisterService(services_.back().get());
  }
  server_ = builder.BuildAndStart();
  channel_ = CreateChannel(address());
}

TestServer::~TestServer() { Stop(); }

std::string TestServer::address() const { return absl::StrCat("127.0.0.1:", port_); }

void TestServer::Stop() {
  if (server_ == nullptr) return;
  calls_->EndStreams();
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  server_->Wait();
  calls_->Drain();
  server_.reset();
}

}  // namespace datong::rpc
