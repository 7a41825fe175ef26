// The certificates of running services are replaced while they are called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/testing/matchers.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "tools/datong/demo/client.h"
#include "tools/datong/demo/wait.h"
#include "tools/datong/dev_certificates.h"
#include "tools/datong/dev_stack.h"

namespace datong {
namespace {

using broker::v1::ProjectService;

std::string Output(const std::string& command) {
  std::string text;
  std::FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> bytes{};
  while (const size_t got = fread(bytes.data(), 1, bytes.size(), pipe)) {
    text.append(bytes.data(), got);
  }
  pclose(pipe);
  return text;
}

// Of the certificate that this service shows now.
std::string SerialAt(const std::string& address) {
  return Output(absl::StrCat("openssl s_client -alpn h2 -connect ", address,
                             " </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null"));
}

TEST(CertificatesTest, AreReplacedInRunningServicesWithoutAFailedCall) {
  auto stack = tools::DevStack::Start({.programs = DATONG_PROGRAMS,
                                       .fsync = false,
                                       .authenticate = true,
                                       .settings = {{"tls.reload_interval", "1s"}}});
  ASSERT_OK(stack);
  const tools::Doors& doors = (*stack)->doors();
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0};
  std::atomic<int> failures{0};
  const auto again_and_again = [&](const std::function<bool()>& call) {
    return std::thread([&, call] {
      while (!stop) {
        if (!call()) ++failures;
        ++calls;
      }
    });
  };
  // Connections of our own, new each time, and the gateway's to the broker.
  std::thread direct = again_and_again([&] {
    demo::Client fresh(doors, (*stack)->api_key());
    const auto projects = fresh.StubOf<ProjectService>();
    return fresh.Ask(projects, &ProjectService::Stub::ListProjects, {}).ok();
  });
  http::Client client({.allow_private = true});
  std::thread through_the_gateway = again_and_again([&] {
    http::ClientRequest request;
    request.method = "POST";
    request.url = doors.gateway_url + "/datong.broker.v1.ProjectService/ListProjects";
    request.headers = {{"Content-Type", "application/json"},
                       {"Authorization", "Bearer " + (*stack)->api_key().Expose()}};
    request.body = "{}";
    const auto answer = client.Send(request, Deadline::After(absl::Seconds(30)));
    return answer.ok() && answer->status == 200;
  });

  std::map<std::string, std::string> before;
  std::vector<std::string> services;
  for (const auto& [name, door] : doors.services) {
    services.push_back(name);
    before[name] = SerialAt(door.grpc_address);
    EXPECT_THAT(before[name], ::testing::StartsWith("serial="));
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_OK(tools::MakeDevCertificates((*stack)->folder() + "/tls", services));
    for (const auto& [name, door] : doors.services) {
      EXPECT_OK(demo::WaitUntil(name + " shows its next certificate", [&] {
        const std::string now = SerialAt(door.grpc_address);
        return !now.empty() && now != before[name];
      }));
      before[name] = SerialAt(door.grpc_address);
    }
  }
  for (const int seen = calls; calls < seen + 20;) std::this_thread::yield();
  stop = true;
  direct.join();
  through_the_gateway.join();
  EXPECT_EQ(failures, 0);
  EXPECT_OK((*stack)->Check());
}

}  // namespace
}  // namespace datong
