#include "services/datacube/module.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/exec/periodic_task.h"
#include "common/log/log.h"
#include "common/postgres/pool.h"
#include "common/rpc/client.h"
#include "common/server/shared_settings.h"
#include "common/status/macros.h"
#include "datacube_migrations.h"
#include "services/datacube/config.h"
#include "services/datacube/core/syncer.h"
#include "services/datacube/rpc/statistics_grpc_service.h"
#include "services/datacube/rpc/statistics_handlers.h"
#include "services/datacube/store/postgres_store.h"
#include "services/datacube/upstream/broker_client.h"
#include "services/datacube/upstream/identity_client.h"

namespace datong::datacube {
namespace {

constexpr absl::Duration kGaugeInterval = absl::Seconds(30);
constexpr absl::Duration kReadyTimeout = absl::Seconds(2);

// Runs `step` again and again; says when it begins to fail and when that is over.
class Loop {
 public:
  Loop(const char* name, const Clock& clock, absl::Duration interval,
       std::function<absl::Status()> step)
      : name_(name), step_(std::move(step)), task_(clock, interval, [this] { RunOnce(); }) {}
  void Wake() { task_.Wake(); }
  void Stop() { task_.Stop(); }

 private:
  void RunOnce() {
    const absl::Status status = step_();
    if (!status.ok() && !failing_) {
      LogWarn("background work fails, and is tried again",
              {{"work", name_}, {"error", std::string(status.message())}});
    } else if (status.ok() && failing_) {
      LogInfo("background work goes on", {{"work", name_}});
    }
    failing_ = !status.ok();
  }

  const char* const name_;
  const std::function<absl::Status()> step_;
  bool failing_ = false;
  PeriodicTask task_;  // last: its thread uses the others
};

class DatacubeModule final : public server::Module {
 public:
  DatacubeModule(server::Environment& environment, Config config,
                 const server::SharedSettings& shared)
      : environment_(environment),
        config_(std::move(config)),
        pool_({.dsn = shared.database_dsn, .max_connections = shared.database_max_connections},
              environment.metrics()),
        store_(pool_),
        metrics_(environment.metrics()),
        handlers_(store_, environment.clock()),
        service_(MakeStatisticsGrpcService(environment.calls(), handlers_)),
        outgoing_(environment.metrics()),
        broker_(environment.PeerChannel("broker"), outgoing_),
        identity_(environment.PeerChannel("identity"), outgoing_),
        erasures_(store_, broker_, identity_, config_.sync.call_timeout),
        syncer_(config_.sync, store_, broker_, broker_, identity_, erasures_, metrics_,
                environment.clock()) {}
  ~DatacubeModule() override { StopWork(); }

  std::string name() const override { return "datacube"; }
  std::vector<grpc::Service*> GrpcServices() override { return {service_.get()}; }

  absl::Status Start() override {
    for (int i = 0; i < config_.workers; ++i) {
      AddLoop("datacube.work", config_.wake_interval, [this] { return syncer_.Work().status(); });
    }
    AddLoop("datacube.nights", config_.wake_interval, [this] { return syncer_.StartNights(); });
    AddLoop("datacube.accounts", config_.follow_interval,
            [this] { return syncer_.FollowAccounts(); });
    AddLoop("datacube.erasures", config_.follow_interval, [this] { return erasures_.Follow(); });
    AddLoop("datacube.gauges", kGaugeInterval, [this] { return syncer_.UpdateGauges(); });
    return absl::OkStatus();
  }

  void Stop() override { StopWork(); }

  absl::Status CheckReady() override {
    if (!reached_) {
      DATONG_RETURN_IF_ERROR(pool_.Transact("check_ready", Deadline::After(kReadyTimeout),
                                            [](pqxx::work& work) -> absl::Status {
                                              work.exec0("SELECT FROM datacube.pieces LIMIT 0");
                                              return absl::OkStatus();
                                            }));
      reached_ = true;
    }
    if (!pool_.healthy()) return absl::UnavailableError("The database cannot be reached.");
    return absl::OkStatus();
  }

 private:
  void AddLoop(const char* name, absl::Duration interval, std::function<absl::Status()> step) {
    loops_.push_back(std::make_unique<Loop>(name, environment_.clock(), interval, std::move(step)));
  }
  void StopWork() {
    syncer_.Stop();
    for (const std::unique_ptr<Loop>& loop : loops_) loop->Stop();
  }

  server::Environment& environment_;
  const Config config_;
  postgres::Pool pool_;
  PostgresStore store_;
  Metrics metrics_;
  StatisticsHandlers handlers_;
  std::unique_ptr<grpc::Service> service_;
  rpc::Outgoing outgoing_;
  BrokerClient broker_;
  IdentityClient identity_;
  Erasures erasures_;
  Syncer syncer_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<bool> reached_ = false;
};

absl::StatusOr<std::unique_ptr<server::Module>> MakeModule(server::Environment& environment) {
  Config config = Config::FromSettings(environment.settings());
  return std::make_unique<DatacubeModule>(environment, std::move(config), environment.shared());
}

}  // namespace

const server::ModuleDefinition kModule = {"datacube", &MakeModule, &Migrations};

}  // namespace datong::datacube
