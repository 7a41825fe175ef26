#include "services/identity/module.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/exec/periodic_task.h"
#include "common/log/log.h"
#include "common/postgres/pool.h"
#include "identity_migrations.h"
#include "services/identity/config.h"
#include "services/identity/core/integrity_checker.h"
#include "services/identity/core/linker.h"
#include "services/identity/rpc/decision_grpc_service.h"
#include "services/identity/rpc/identity_grpc_service.h"
#include "services/identity/rpc/policy_grpc_services.h"
#include "services/identity/rpc/privacy_grpc_services.h"
#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/postgres_policy_store.h"
#include "services/identity/store/postgres_privacy_store.h"
#include "services/identity/store/postgres_profile_store.h"
#include "services/identity/store/postgres_relation_store.h"

namespace datong::identity {
namespace {

// By then every service has read it.
constexpr absl::Duration kKeepErasures = absl::Hours(24 * 90);
constexpr absl::Duration kErasureInterval = absl::Seconds(10);
constexpr absl::Duration kRecomputationInterval = absl::Seconds(5);

class IdentityModule final : public server::Module {
 public:
  IdentityModule(server::Environment& environment, const Config& config)
      : pool_({.dsn = environment.shared().database_dsn,
               .max_connections = environment.shared().database_max_connections},
              environment.metrics()),
        metrics_(environment.metrics()),
        privacy_metrics_(environment.metrics()),
        graph_(pool_, environment.clock(), config.policy, metrics_),
        decisions_(pool_, environment.clock(), config.policy, metrics_),
        profiles_(pool_, environment.clock()),
        privacy_(pool_, environment.clock()),
        policies_(pool_, environment.clock(), config.policy, metrics_),
        relations_(pool_, environment.clock()),
        checker_(policies_, environment.clock(), metrics_),
        linker_(graph_, metrics_, config.known_evidence_entries),
        graph_handlers_(graph_, linker_, policies_),
        decision_handlers_(graph_, decisions_, graph_handlers_, environment.clock(), policies_),
        profile_handlers_(graph_, profiles_, decisions_, privacy_metrics_, environment.clock()),
        privacy_handlers_(graph_, privacy_, privacy_metrics_, environment.clock()),
        policy_handlers_(graph_, policies_),
        integrity_handlers_(graph_, policies_),
        relation_handlers_(graph_, relations_),
        identity_service_(environment.calls(), graph_handlers_),
        consent_service_(environment.calls(), profile_handlers_),
        profile_service_(environment.calls(), profile_handlers_),
        decision_service_(environment.calls(), decision_handlers_),
        policy_service_(environment.calls(), policy_handlers_),
        integrity_service_(environment.calls(), integrity_handlers_),
        privacy_service_(environment.calls(), privacy_handlers_),
        record_service_(environment.calls(), privacy_handlers_),
        relation_service_(environment.calls(), relation_handlers_),
        check_interval_(config.check_interval),
        clock_(environment.clock()) {}

  std::string name() const override { return "identity"; }
  std::vector<grpc::Service*> GrpcServices() override {
    return {&identity_service_, &consent_service_, &profile_service_,
            &decision_service_, &policy_service_,  &integrity_service_,
            &relation_service_, &privacy_service_, &record_service_};
  }
  absl::Status Start() override {
    metrics_.CheckInterval(check_interval_);
    erasures_.emplace(clock_, kErasureInterval, [this] { RunErasures(); });
    recomputations_.emplace(clock_, kRecomputationInterval, [this] { RunRecomputations(); });
    checks_.emplace(clock_, check_interval_, [this] { RunCheck(); });
    return absl::OkStatus();
  }
  void Stop() override {
    stopping_ = true;
    checker_.Stop();
    for (std::optional<PeriodicTask>* task : {&erasures_, &recomputations_, &checks_}) {
      if (task->has_value()) (*task)->Stop();
    }
  }
  absl::Status CheckReady() override {
    return postgres::CheckSchemaVersion(pool_, {"identity", Migrations()});
  }

 private:
  // Erasures of which the hold-back is over.
  void RunErasures() {
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) {
      more = decisions_.RunErasure(Deadline::After(absl::Minutes(5)));
      if (!more.ok() || *more) privacy_metrics_.Erased(more.ok());
    }
    if (!more.ok()) {
      LogWarn("An erasure failed and is tried again.", {{"error", more.status().ToString()}});
    }
    const Deadline soon = Deadline::After(absl::Seconds(5));
    if (const auto oldest = privacy_.OldestErasure(soon); oldest.ok()) {
      privacy_metrics_.OldestErasure(*oldest);
    }
    privacy_.ForgetErasures(clock_.Now() - kKeepErasures, soon).IgnoreError();
  }

  // What a change of a policy or a binding left to do.
  void RunRecomputations() {
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more && !stopping_) {
      more = policies_.RunRecomputation(nullptr, Deadline::After(absl::Minutes(1)));
    }
    if (!more.ok()) {
      LogWarn("A recomputation failed and is tried again.", {{"error", more.status().ToString()}});
    }
  }
  void RunCheck() {
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status done = checker_.CheckAll(check_interval_);
    if (!done.ok()) LogWarn("A check of persons failed.", {{"error", done.ToString()}});
    metrics_.CheckEnded(done.ok(), absl::FromChrono(std::chrono::steady_clock::now() - begin),
                        clock_.Now());
  }

  postgres::Pool pool_;
  Metrics metrics_;
  PrivacyMetrics privacy_metrics_;
  PostgresGraphStore graph_;
  PostgresDecisionStore decisions_;
  PostgresProfileStore profiles_;
  PostgresPrivacyStore privacy_;
  PostgresPolicyStore policies_;
  PostgresRelationStore relations_;
  IntegrityChecker checker_;
  Linker linker_;
  GraphHandlers graph_handlers_;
  DecisionHandlers decision_handlers_;
  ProfileHandlers profile_handlers_;
  PrivacyHandlers privacy_handlers_;
  PolicyHandlers policy_handlers_;
  IntegrityHandlers integrity_handlers_;
  RelationHandlers relation_handlers_;
  IdentityGrpcService identity_service_;
  ConsentGrpcService consent_service_;
  ProfileGrpcService profile_service_;
  DecisionGrpcService decision_service_;
  PolicyGrpcService policy_service_;
  IntegrityGrpcService integrity_service_;
  PrivacyGrpcService privacy_service_;
  RecordGrpcService record_service_;
  RelationGrpcService relation_service_;
  const absl::Duration check_interval_;
  const Clock& clock_;
  std::atomic<bool> stopping_ = false;
  std::optional<PeriodicTask> erasures_;
  std::optional<PeriodicTask> recomputations_;
  std::optional<PeriodicTask> checks_;
};

absl::StatusOr<std::unique_ptr<server::Module>> Make(server::Environment& environment) {
  const Config config = Config::FromSettings(environment.settings());
  return std::make_unique<IdentityModule>(environment, config);
}

}  // namespace

const server::ModuleDefinition kModule{.name = "identity", .make = Make, .migrations = Migrations};

}  // namespace datong::identity
