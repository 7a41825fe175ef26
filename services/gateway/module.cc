#include "services/gateway/module.h"

#include "services/gateway/config.h"
#include "services/gateway/rpc/api_files.h"
#include "services/gateway/rpc/authorize_handlers.h"
#include "services/gateway/rpc/connect_handlers.h"
#include "services/gateway/rpc/console_handlers.h"
#include "services/gateway/rpc/push_handlers.h"
#include "services/gateway/rpc/runbook_handlers.h"
#include "services/gateway/upstream/grpc_backends.h"
#include "services/gateway/upstream/grpc_broker.h"
#include "services/gateway/upstream/grpc_wecom_links.h"

namespace datong::gateway {
namespace {

class GatewayModule : public server::Module {
 public:
  GatewayModule(server::Environment& environment, const Config& config)
      : environment_(environment),
        broker_(environment.metrics()),
        backends_(environment.metrics()),
        directory_(ApiFiles()),
        push_(config.push, broker_),
        authorize_({}, broker_),
        installs_(environment.metrics()),
        wecom_({.base = "/wecom/install"}, installs_),
        connect_(config.connect, directory_, backends_),
        console_(directory_, environment.shared().public_url) {}

  std::string name() const override { return "gateway"; }

  void RegisterRoutes(http::Router& router) override {
    push_.RegisterRoutes(router);
    authorize_.RegisterRoutes(router);
    wecom_.RegisterRoutes(router);
    connect_.RegisterRoutes(router);
    console_.RegisterRoutes(router);
    runbooks_.RegisterRoutes(router);
  }

  absl::Status Start() override {
    for (const auto& [path, method] : directory_.methods()) {
      backends_.Connect(method.owner, environment_.PeerChannel(method.owner));
    }
    broker_.Connect(environment_.PeerChannel("broker"));
    installs_.Connect(environment_.PeerChannel("broker"));
    return absl::OkStatus();
  }

 private:
  server::Environment& environment_;
  GrpcBroker broker_;
  GrpcBackends backends_;
  const MethodDirectory directory_;
  PushHandlers push_;
  AuthorizeHandlers authorize_;
  GrpcWecomLinks installs_;
  AuthorizeHandlers wecom_;
  ConnectHandlers connect_;
  ConsoleHandlers console_;
  RunbookHandlers runbooks_;
};

}  // namespace

const server::ModuleDefinition kModule = {
    .name = "gateway",
    .make =
        [](server::Environment& environment) -> absl::StatusOr<std::unique_ptr<server::Module>> {
      return std::make_unique<GatewayModule>(environment,
                                             Config::FromSettings(environment.settings()));
    },
    .migrations = [] { return std::vector<postgres::Migration>(); }};

}  // namespace datong::gateway
