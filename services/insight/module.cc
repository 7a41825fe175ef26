#include "services/insight/module.h"

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <utility>

#include "common/exec/periodic_task.h"
#include "common/log/log.h"
#include "common/postgres/migrator.h"
#include "common/postgres/pool.h"
#include "common/rpc/call_context.h"
#include "common/rpc/client.h"
#include "insight_migrations.h"
#include "services/insight/config.h"
#include "services/insight/core/analyst.h"
#include "services/insight/core/metrics.h"
#include "services/insight/rpc/insight_grpc_service.h"
#include "services/insight/store/postgres_event_store.h"
#include "services/insight/store/postgres_person_projection.h"
#include "services/insight/upstream/peer_clients.h"

namespace datong::insight {
namespace {

class InsightModule final : public server::Module {
 public:
  InsightModule(server::Environment& environment, Config config)
      : config_(config),
        clock_(environment.clock()),
        metrics_(environment.metrics()),
        pool_({.dsn = environment.shared().database_dsn,
               .max_connections = environment.shared().database_max_connections},
              environment.metrics()),
        events_(pool_),
        projection_(pool_),
        outgoing_(environment.metrics()),
        projects_(environment.PeerChannel("broker"), outgoing_),
        feed_(environment.PeerChannel("identity"), outgoing_),
        sources_(environment.PeerChannel("ingest"), outgoing_),
        followers_(environment.PeerChannel("datacube"), outgoing_),
        persons_(projects_, feed_, projection_, metrics_, clock_),
        analyst_(events_, persons_, sources_, followers_, clock_),
        handlers_(analyst_, metrics_),
        service_(MakeInsightGrpcService(environment.calls(), handlers_)) {}
  ~InsightModule() override { Stop(); }

  std::string name() const override { return "insight"; }
  std::vector<grpc::Service*> GrpcServices() override { return {service_.get()}; }

  absl::Status Start() override {
    const absl::Status schema = postgres::CheckSchemaVersion(pool_, {"insight", Migrations()});
    if (!schema.ok()) return schema;
    following_ =
        std::make_unique<PeriodicTask>(clock_, config_.follow_interval, [this] { Follow(); });
    return absl::OkStatus();
  }
  void Stop() override {
    if (following_ != nullptr) following_->Stop();
  }
  absl::Status CheckReady() override {
    if (pool_.healthy()) return absl::OkStatus();
    return postgres::CheckSchemaVersion(pool_, {"insight", Migrations()});
  }

 private:
  void Follow() {
    const rpc::CallContext call =
        rpc::MakeBackgroundCall("insight.persons", Deadline::After(absl::Seconds(30)));
    const absl::Status status = persons_.CatchUpAll({call.deadline, call});
    if (!status.ok() && !absl::IsUnavailable(status)) {
      LogWarn("persons not followed", {{"error", std::string(status.message())}});
    }
  }

  const Config config_;
  const Clock& clock_;
  InsightMetrics metrics_;
  postgres::Pool pool_;
  PostgresEventStore events_;
  PostgresPersonProjection projection_;
  rpc::Outgoing outgoing_;
  GrpcProjectDirectory projects_;
  GrpcIdentityFeed feed_;
  GrpcSourceDirectory sources_;
  GrpcFollowerStatistics followers_;
  PersonFollower persons_;
  Analyst analyst_;
  InsightHandlers handlers_;
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<PeriodicTask> following_;
};

absl::StatusOr<std::unique_ptr<server::Module>> Make(server::Environment& environment) {
  const Config config = Config::FromSettings(environment.settings());
  return std::make_unique<InsightModule>(environment, config);
}

}  // namespace

const server::ModuleDefinition kModule = {"insight", &Make, &Migrations};

}  // namespace datong::insight
