#include "services/ingest/module.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include <optional>
#include <utility>

#include "common/exec/periodic_task.h"
#include "common/log/log.h"
#include "common/postgres/pool.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "ingest_migrations.h"
#include "services/ingest/collect/collect_routes.h"
#include "services/ingest/config.h"
#include "services/ingest/core/identity_workers.h"
#include "services/ingest/rpc/event_handlers.h"
#include "services/ingest/rpc/ingest_grpc_services.h"
#include "services/ingest/rpc/quarantine_handlers.h"
#include "services/ingest/rpc/source_handlers.h"
#include "services/ingest/store/postgres_erasure_store.h"
#include "services/ingest/store/postgres_event_store.h"
#include "services/ingest/store/postgres_identity_stores.h"
#include "services/ingest/store/postgres_quarantine_store.h"
#include "services/ingest/store/postgres_source_store.h"
#include "services/ingest/upstream/grpc_identity_client.h"

namespace datong::ingest {
namespace {

// Says once that background work fails, and once that it works again.
class FailureLog {
 public:
  explicit FailureLog(const char* work) : work_(work) {}
  void Note(const absl::Status& status) {
    if (status.ok() == !failing_) return;
    failing_ = !status.ok();
    if (failing_) {
      LogWarn("background work fails", {{"work", work_}, {"reason", GetReason(status)}});
    } else {
      LogInfo("background work goes on", {{"work", work_}});
    }
  }

 private:
  const char* const work_;
  bool failing_ = false;
};

class IngestModule final : public server::Module {
 public:
  IngestModule(server::Environment& environment, const Config& config)
      : environment_(environment),
        config_(config),
        clock_(environment.clock()),
        metrics_(environment.metrics()),
        pool_({.dsn = config.dsn, .max_connections = config.max_connections},
              environment.metrics()),
        source_store_(pool_),
        event_store_(pool_, config.event_days),
        quarantine_store_(pool_),
        outbox_(pool_),
        consent_store_(pool_),
        erasure_store_(pool_),
        privacy_(config.hash_key),
        sources_(source_store_, privacy_, clock_),
        writer_(config.writer, event_store_, metrics_, clock_),
        collector_(sources_, consents_, privacy_, writer_, metrics_, clock_),
        appender_(sources_, consents_, privacy_, writer_, metrics_, clock_),
        replayer_(quarantine_store_, writer_, clock_),
        collect_routes_(config.collect, collector_, metrics_),
        source_handlers_(sources_),
        event_handlers_(appender_),
        quarantine_handlers_(sources_, quarantine_store_, replayer_),
        grpc_services_(MakeGrpcServices(environment.calls(), source_handlers_, event_handlers_,
                                        quarantine_handlers_)) {
    replayer_.AddDialect(collector_, collect_routes_.gio());
    replayer_.AddDialect(collector_, collect_routes_.segment());
    replayer_.AddDialect("grpc", GrpcReplay(sources_, appender_));
    writer_.SetEvidenceHook([this] {
      MutexLock lock(&ship_mutex_);
      if (ship_.has_value()) ship_->Wake();
    });
  }

  ~IngestModule() override { Stop(); }

  std::string name() const override { return "ingest"; }

  std::vector<grpc::Service*> GrpcServices() override {
    std::vector<grpc::Service*> services;
    for (const auto& service : grpc_services_) services.push_back(service.get());
    return services;
  }

  void RegisterRoutes(http::Router& router) override { collect_routes_.Register(router); }

  absl::Status Start() override {
    const Deadline deadline = Deadline::After(absl::Seconds(10));
    DATONG_RETURN_IF_ERROR(sources_.Reload(deadline));
    if (identity_ == nullptr) {
      identity_ = MakeGrpcIdentityClient(environment_.PeerChannel("identity"),
                                         config_.consent_purpose, environment_.metrics());
      shipper_.emplace(outbox_, *identity_, sources_, metrics_);
      follower_.emplace(consent_store_, *identity_, sources_, consents_, metrics_.consent_lag(),
                        clock_);
      erasures_.emplace(erasure_store_, *identity_, sources_, consents_, metrics_.erasure_lag(),
                        clock_);
    }
    DATONG_RETURN_IF_ERROR(follower_->Load(deadline));
    DATONG_RETURN_IF_ERROR(erasures_->Load(deadline));
    DATONG_RETURN_IF_ERROR(MakePartitions());
    reload_.emplace(clock_, absl::Seconds(5), [this, log = FailureLog("reload sources")]() mutable {
      log.Note(sources_.Reload(Deadline::After(absl::Seconds(5))));
      CountQuarantine();
    });
    partitions_.emplace(
        clock_, absl::Hours(1),
        [this, log = FailureLog("make partitions")]() mutable { log.Note(MakePartitions()); });
    follow_.emplace(clock_, absl::Seconds(2),
                    [this, log = FailureLog("follow consents")]() mutable {
                      log.Note(follower_->Follow(absl::Seconds(20)));
                    });
    erase_.emplace(clock_, absl::Seconds(10),
                   [this, log = FailureLog("follow erasures")]() mutable {
                     log.Note(erasures_->Follow(absl::Seconds(20)));
                   });
    MutexLock lock(&ship_mutex_);
    ship_.emplace(clock_, absl::Seconds(2), [this, log = FailureLog("ship evidence")]() mutable {
      log.Note(shipper_->ShipAll(absl::Seconds(30)));
    });
    return absl::OkStatus();
  }

  void Stop() override {
    reload_.reset();
    partitions_.reset();
    follow_.reset();
    erase_.reset();
    // What was taken is committed first; its evidence waits in the outbox for the next start.
    writer_.Stop();
    // The task may be waking itself through the hook: end it without holding the mutex.
    if (PeriodicTask* ship = Ship()) ship->Stop();
    MutexLock lock(&ship_mutex_);
    ship_.reset();
  }

  absl::Status CheckReady() override {
    if (!sources_.loaded()) return absl::UnavailableError("The sources were not read yet.");
    return absl::OkStatus();
  }

 private:
  PeriodicTask* Ship() {
    MutexLock lock(&ship_mutex_);
    return ship_.has_value() ? &*ship_ : nullptr;
  }

  absl::Status MakePartitions() {
    return event_store_.MaintainPartitions(absl::ToUnixMicros(clock_.Now()),
                                           config_.partition_days_ahead,
                                           Deadline::After(absl::Seconds(10)));
  }

  void CountQuarantine() {
    const auto counts = quarantine_store_.CountWaiting(Deadline::After(absl::Seconds(2)));
    if (!counts.ok()) return;
    for (size_t i = 1; i < kReasonNames.size(); ++i) {
      int64_t items = 0;
      for (const auto& [reason, count] : *counts) {
        if (reason == static_cast<Reason>(i)) items = count;
      }
      metrics_.QuarantineHolds(static_cast<Reason>(i), items);
    }
  }

  server::Environment& environment_;
  const Config config_;
  const Clock& clock_;
  IngestMetrics metrics_;
  postgres::Pool pool_;
  PostgresSourceStore source_store_;
  PostgresEventStore event_store_;
  PostgresQuarantineStore quarantine_store_;
  PostgresEvidenceOutbox outbox_;
  PostgresConsentStore consent_store_;
  PostgresErasureStore erasure_store_;
  Privacy privacy_;
  SourceRegistry sources_;
  ConsentBook consents_;
  Mutex ship_mutex_;
  EventWriter writer_;
  Collector collector_;
  ServerAppender appender_;
  Replayer replayer_;
  CollectRoutes collect_routes_;
  SourceHandlers source_handlers_;
  EventHandlers event_handlers_;
  QuarantineHandlers quarantine_handlers_;
  std::vector<std::unique_ptr<grpc::Service>> grpc_services_;

  std::unique_ptr<IdentityClient> identity_;
  std::optional<EvidenceShipper> shipper_;
  std::optional<ConsentFollower> follower_;
  std::optional<ErasureFollower> erasures_;
  std::optional<PeriodicTask> reload_;
  std::optional<PeriodicTask> partitions_;
  std::optional<PeriodicTask> follow_;
  std::optional<PeriodicTask> erase_;
  std::optional<PeriodicTask> ship_ ABSL_GUARDED_BY(ship_mutex_);
};

absl::StatusOr<std::unique_ptr<server::Module>> Make(server::Environment& environment) {
  const Config config = Config::FromSettings(environment.settings(), environment.shared());
  return std::make_unique<IngestModule>(environment, config);
}

}  // namespace

const server::ModuleDefinition kModule = {"ingest", Make, Migrations, 8 << 20};

}  // namespace datong::ingest
