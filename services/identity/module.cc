#include "services/identity/module.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/exec/periodic_task.h"
#include "common/log/log.h"
#include "common/postgres/pool.h"
#include "identity_migrations.h"
#include "services/identity/config.h"
#include "services/identity/core/linker.h"
#include "services/identity/rpc/decision_grpc_service.h"
#include "services/identity/rpc/identity_grpc_service.h"
#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/postgres_profile_store.h"

namespace datong::identity {
namespace {

constexpr absl::Duration kErasureInterval = absl::Seconds(10);

class IdentityModule final : public server::Module {
 public:
  IdentityModule(server::Environment& environment, const Config& config)
      : pool_({.dsn = environment.shared().database_dsn,
               .max_connections = environment.shared().database_max_connections},
              environment.metrics()),
        metrics_(environment.metrics()),
        graph_(pool_, environment.clock(), config.policy, metrics_),
        decisions_(pool_, environment.clock(), config.policy, metrics_),
        profiles_(pool_, environment.clock()),
        linker_(graph_, metrics_, config.known_evidence_entries),
        graph_handlers_(graph_, linker_, config.policy),
        decision_handlers_(graph_, decisions_, graph_handlers_, environment.clock(), config.policy),
        profile_handlers_(graph_, profiles_, decisions_, environment.clock()),
        identity_service_(environment.calls(), graph_handlers_),
        consent_service_(environment.calls(), profile_handlers_),
        profile_service_(environment.calls(), profile_handlers_),
        decision_service_(environment.calls(), decision_handlers_),
        clock_(environment.clock()) {}

  std::string name() const override { return "identity"; }
  std::vector<grpc::Service*> GrpcServices() override {
    return {&identity_service_, &consent_service_, &profile_service_, &decision_service_};
  }
  absl::Status Start() override {
    erasures_.emplace(clock_, kErasureInterval, [this] { RunErasures(); });
    return absl::OkStatus();
  }
  void Stop() override {
    if (erasures_.has_value()) erasures_->Stop();
  }
  absl::Status CheckReady() override {
    return postgres::CheckSchemaVersion(pool_, {"identity", Migrations()});
  }

 private:
  // Erasures of which the hold-back is over.
  void RunErasures() {
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = decisions_.RunErasure(Deadline::After(absl::Minutes(5)));
    if (!more.ok()) {
      LogWarn("An erasure failed and is tried again.", {{"error", more.status().ToString()}});
    }
  }

  postgres::Pool pool_;
  Metrics metrics_;
  PostgresGraphStore graph_;
  PostgresDecisionStore decisions_;
  PostgresProfileStore profiles_;
  Linker linker_;
  GraphHandlers graph_handlers_;
  DecisionHandlers decision_handlers_;
  ProfileHandlers profile_handlers_;
  IdentityGrpcService identity_service_;
  ConsentGrpcService consent_service_;
  ProfileGrpcService profile_service_;
  DecisionGrpcService decision_service_;
  const Clock& clock_;
  std::optional<PeriodicTask> erasures_;
};

absl::StatusOr<std::unique_ptr<server::Module>> Make(server::Environment& environment) {
  const Config config = Config::FromSettings(environment.settings());
  return std::make_unique<IdentityModule>(environment, config);
}

}  // namespace

const server::ModuleDefinition kModule{.name = "identity", .make = Make, .migrations = Migrations};

}  // namespace datong::identity
