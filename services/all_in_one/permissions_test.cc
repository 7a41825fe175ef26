#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/rpc/gate.h"
#include "services/gateway/rpc/api_files.h"

namespace datong::all_in_one {
namespace {

// Those that are about no project, or about all of them: a grant must name every project ("*").
const std::set<std::string> kAboutNoProject = {
    "datong.broker.v1.ProjectService.ListProjects",
    "datong.broker.v1.PushService.ReceivePush",
    "datong.broker.v1.AuthorizationService.GetAuthorizationLink",
    "datong.broker.v1.AuthorizationService.BeginAuthorization",
    "datong.broker.v1.AuthorizationService.CompleteAuthorization",
    "datong.broker.v1.WecomService.GetInstallLink",
    "datong.broker.v1.WecomService.BeginInstall",
    "datong.broker.v1.WecomService.CompleteInstall",
};

TEST(PermissionsTest, EveryRpcNamesItsPermissionAndWhatItIsAbout) {
  for (const auto* file : gateway::ApiFiles()) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int i = 0; i < service->method_count(); ++i) {
        const auto& method = *service->method(i);
        const rpc::MethodRule rule = rpc::RuleOf(method);
        EXPECT_FALSE(rule.permission.empty()) << method.full_name();
        EXPECT_EQ(rule.names.empty(), kAboutNoProject.count(method.full_name()) > 0)
            << method.full_name();
        EXPECT_EQ(rule.api_path != nullptr, rule.permission == "api.call") << method.full_name();
      }
    }
  }
}

}  // namespace
}  // namespace datong::all_in_one
