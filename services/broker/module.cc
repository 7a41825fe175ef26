#include "services/broker/module.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker_migrations.h"
#include "common/auth/access.h"
#include "common/base/strings.h"
#include "common/exec/periodic_task.h"
#include "common/http/client.h"
#include "common/log/log.h"
#include "common/postgres/listener.h"
#include "common/postgres/migrator.h"
#include "common/postgres/pool.h"
#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/broker/config.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/erasure_follower.h"
#include "services/broker/core/estate.h"
#include "services/broker/core/js_tickets.h"
#include "services/broker/core/mend_links.h"
#include "services/broker/core/push_sightings.h"
#include "services/broker/core/readiness.h"
#include "services/broker/core/release_check.h"
#include "services/broker/rpc/door.h"
#include "services/broker/rpc/estate_grpc_service.h"
#include "services/broker/rpc/grpc_services.h"
#include "services/broker/rpc/js_api_grpc_service.h"
#include "services/broker/rpc/login_grpc_services.h"
#include "services/broker/rpc/readiness_grpc_service.h"
#include "services/broker/rpc/wecom_grpc_service.h"
#include "services/broker/store/file_audit_spool.h"
#include "services/broker/store/key_keeper.h"
#include "services/broker/store/postgres_api_usage_store.h"
#include "services/broker/store/postgres_app_store.h"
#include "services/broker/store/postgres_audit_store.h"
#include "services/broker/store/postgres_authorization_store.h"
#include "services/broker/store/postgres_estate_store.h"
#include "services/broker/store/postgres_js_ticket_store.h"
#include "services/broker/store/postgres_login_store.h"
#include "services/broker/store/postgres_refresh_book.h"
#include "services/broker/store/postgres_token_store.h"
#include "services/broker/store/postgres_work_store.h"
#include "services/broker/store/token_notice.h"
#include "services/broker/upstream/grpc_peers.h"
#include "services/broker/upstream/grpc_person_peer.h"
#include "services/broker/upstream/http_estate_platform.h"
#include "services/broker/upstream/http_js_ticket_platform.h"
#include "services/broker/upstream/http_login_platform.h"
#include "services/broker/upstream/http_platform_client.h"
#include "services/broker/upstream/http_readiness_platform.h"
#include "services/broker/wecom_part.h"

namespace datong::broker {
namespace {

constexpr absl::Duration kAuditInterval = absl::Milliseconds(500);
constexpr absl::Duration kUsageInterval = absl::Seconds(1);
constexpr absl::Duration kQuotaInterval = absl::Seconds(5);
constexpr absl::Duration kHoldInterval = absl::Seconds(4);
constexpr absl::Duration kKeysInterval = absl::Seconds(2);
constexpr absl::Duration kCountInterval = absl::Minutes(1);
constexpr absl::Duration kSightingInterval = absl::Seconds(15);

// The object graph, in the order of dependence; destroyed from the end.
class BrokerModule : public server::Module {
 public:
  BrokerModule(server::Environment& environment, Config config, crypto::KeyRing keys)
      : config_(std::move(config)),
        listen_dsn_(environment.shared().database_direct_dsn),
        clock_(environment.clock()),
        metrics_(environment.metrics(), config_.metrics_per_app),
        envelope_(
            std::move(keys),
            [this](const char* op, const char* reason) { metrics_.CryptoFailed(op, reason); }),
        pool_({environment.shared().database_dsn, environment.shared().database_max_connections},
              environment.metrics()),
        job_writer_(pool_, envelope_, clock_),
        apps_(pool_, envelope_, job_writer_, clock_),
        token_store_(pool_, envelope_, RandomHex(8), environment.metrics()),
        refresh_book_(pool_, token_store_),
        authorizations_(pool_, token_store_, job_writer_, clock_),
        work_(pool_, job_writer_, clock_),
        logins_(pool_, envelope_, job_writer_, clock_),
        estate_store_(pool_),
        js_ticket_store_(pool_, envelope_, token_store_),
        audit_store_(pool_),
        api_usage_store_(pool_),
        key_keeper_(environment.shared().keys_folder, envelope_, pool_, environment.metrics()),
        http_(HttpOptions(environment.shared())),
        platform_({environment.shared().wechat_api_url, environment.shared().wechat_mp_url,
                   environment.shared().wechat_open_url, environment.shared().wechat_wecom_url},
                  http_, environment.metrics()),
        wecom_sources_(pool_, envelope_, token_store_, job_writer_, apps_,
                       {environment.shared().wechat_wecom_url, environment.shared().wechat_work_url,
                        environment.shared().wechat_open_url},
                       http_, environment.metrics(), clock_),
        login_platform_(environment.shared().wechat_api_url, environment.shared().wechat_open_url,
                        http_, environment.metrics()),
        estate_platform_(environment.shared().wechat_api_url, http_, environment.metrics()),
        js_ticket_platform_(environment.shared().wechat_api_url, http_, environment.metrics()),
        readiness_platform_(environment.shared().wechat_api_url, http_, environment.metrics()),
        outgoing_(environment.metrics()),
        identity_(environment.PeerChannel("identity"), outgoing_),
        persons_(environment.PeerChannel("identity"), outgoing_),
        ingest_(environment.PeerChannel("ingest"), outgoing_),
        audit_(audit_store_, Spool(), config_.audit_fail_open, metrics_, clock_),
        tokens_(config_.tokens, apps_, token_store_, refresh_book_, platform_, metrics_, clock_,
                &wecom_sources_.tokens),
        authorizer_(config_.authorizer, apps_, authorizations_, tokens_, platform_, metrics_,
                    clock_),
        api_metrics_(environment.metrics(), config_.metrics_per_app),
        api_usage_(config_.api_usage, api_usage_store_, api_metrics_, clock_),
        estate_(config_.estate, apps_, authorizations_, estate_store_, token_store_, tokens_,
                authorizer_, platform_, estate_platform_, metrics_, clock_),
        mend_links_(estate_store_, authorizer_, clock_),
        readiness_(config_.readiness, apps_, authorizations_, token_store_, estate_store_, tokens_,
                   mend_links_, readiness_platform_, wecom_sources_.store, wecom_sources_.ids,
                   clock_),
        js_tickets_({}, js_ticket_store_, token_store_, tokens_, js_ticket_platform_, metrics_,
                    clock_),
        api_(config_.api, tokens_, platform_, api_usage_, api_metrics_, clock_),
        sender_(config_.login_identity_timeout, identity_),
        app_cache_(apps_),
        phones_(logins_),
        login_(logins_, tokens_, platform_, sender_, clock_),
        web_login_(logins_, tokens_, login_platform_, sender_, clock_),
        sessions_(logins_, tokens_, login_platform_, sender_, phones_, clock_),
        users_(logins_, tokens_, login_platform_, sender_, identity_, persons_, clock_),
        erasures_(apps_, logins_, persons_),
        worker_(config_.worker, apps_, work_, token_store_, tokens_, authorizer_, platform_,
                identity_, ingest_, metrics_, clock_),
        release_check_(tokens_, platform_),
        push_sightings_(estate_store_, clock_),
        pushes_(
            apps_, token_store_, work_, tokens_, metrics_, clock_, [this] { WakeWorker(); },
            &push_sightings_),
        wecom_(
            wecom_sources_, config_.authorizer, config_.rosters, sender_, apps_, authorizations_,
            token_store_, work_, tokens_, identity_, persons_, ingest_, audit_, metrics_, clock_,
            [this] { WakeWorker(); }, push_sightings_),
        project_handlers_(apps_, identity_, ingest_, mend_links_, audit_),
        authorization_handlers_(authorizer_, authorizations_, apps_, mend_links_),
        token_handlers_(tokens_, api_, pushes_, audit_, audit_store_, apps_, metrics_),
        login_handlers_(app_cache_, audit_, login_, web_login_, sessions_, users_, phones_),
        door_(apps_, audit_),
        estate_handlers_(estate_, wecom_.installer, apps_, audit_),
        js_api_handlers_(js_tickets_, apps_, audit_),
        readiness_handlers_(readiness_, apps_),
        services_(MakeGrpcServices(environment.calls(), project_handlers_, authorization_handlers_,
                                   token_handlers_)) {
    pushes_.UseForWecom([this](const RawPush& push, Deadline deadline) {
      return wecom_.receiver.Receive(push, deadline);
    });
    wecom_.AddRunners(worker_);
    tokens_.OnRefreshed([this](const CachedToken& token) {
      // It is stored and will be used, whether or not that can be recorded.
      static_cast<void>(audit_.Count({.caller = "service:broker",
                                      .project = token.project,
                                      .appid = token.appid,
                                      .kind = token.app_kind,
                                      .action = "refresh_token",
                                      .fingerprint = token.fingerprint}));
    });
    services_.push_back(MakeWecomGrpcService(environment.calls(), wecom_.handlers));
    for (auto& service : MakeLoginGrpcServices(environment.calls(), login_handlers_)) {
      services_.push_back(std::move(service));
    }
    services_.push_back(MakeEstateGrpcService(environment.calls(), estate_handlers_));
    services_.push_back(MakeReadinessGrpcService(environment.calls(), readiness_handlers_));
    services_.push_back(MakeJsApiGrpcService(environment.calls(), js_api_handlers_));
    environment.access().SetKindOfApp([this](absl::string_view project, absl::string_view app) {
      return door_.KindOfApp(project, app);
    });
    environment.gate().OnDenied("datong.broker.v1",
                                [this](const rpc::Denial& denial) { door_.Record(denial); });
  }

  std::string name() const override { return "broker"; }

  std::vector<grpc::Service*> GrpcServices() override {
    std::vector<grpc::Service*> services;
    for (const auto& service : services_) services.push_back(service.get());
    return services;
  }

  absl::Status Start() override {
    const absl::Status schema = postgres::CheckSchemaVersion(pool_, {"broker", Migrations()});
    // A migration that is still to come is waited for, like a database.
    if (absl::IsFailedPrecondition(schema)) return absl::UnavailableError(schema.message());
    DATONG_RETURN_IF_ERROR(schema);
    DATONG_RETURN_IF_ERROR(tokens_.Sync(Deadline::After(absl::Seconds(5))));
    tasks_.push_back(std::make_unique<PeriodicTask>(clock_, config_.poll_interval, [this] {
      LogFailure("token poll", tokens_.Sync(Deadline::After(absl::Seconds(5))));
      tokens_.RefreshDue();
    }));
    listener_ = std::make_unique<postgres::Listener>(
        listen_dsn_, kTokenChannel, [this](const std::string& text) { tokens_.OnNotice(text); },
        [this] { tasks_.front()->Wake(); });
    tasks_.push_back(std::make_unique<PeriodicTask>(clock_, config_.poll_interval,
                                                    [this] { js_tickets_.RefreshDue(); }));
    tasks_.push_back(std::make_unique<PeriodicTask>(
        clock_, kAuditInterval, [this] { audit_.Flush(Deadline::After(absl::Seconds(2))); }));
    tasks_.push_back(std::make_unique<PeriodicTask>(clock_, kUsageInterval, [this] {
      LogFailure("count of calls", api_usage_.Flush(Deadline::After(absl::Seconds(2))));
    }));
    tasks_.push_back(std::make_unique<PeriodicTask>(
        clock_, kQuotaInterval, [this] { api_.CheckQuotas(Deadline::After(absl::Seconds(10))); }));
    tasks_.push_back(std::make_unique<PeriodicTask>(clock_, config_.maintenance_interval, [this] {
      LogFailure("maintenance", worker_.Maintain());
      LogFailure("contact rosters",
                 wecom_.rosters.Maintain(apps_, Deadline::After(absl::Seconds(20))));
      LogFailure("old logins", logins_.ForgetOld(Deadline::After(absl::Seconds(5))));
    }));
    tasks_.push_back(
        std::make_unique<PeriodicTask>(real_time_, kHoldInterval, [this] { worker_.HoldOn(); }));
    tasks_.push_back(std::make_unique<PeriodicTask>(real_time_, kKeysInterval,
                                                    [this] { key_keeper_.FollowFolder(); }));
    tasks_.push_back(std::make_unique<PeriodicTask>(real_time_, kCountInterval, [this] {
      LogFailure("count of sealed values",
                 key_keeper_.CountRecords(Deadline::After(absl::Seconds(10))));
    }));
    tasks_.push_back(std::make_unique<PeriodicTask>(clock_, config_.erasure_interval, [this] {
      LogFailure("erasures", erasures_.Run(Deadline::After(absl::Seconds(20))));
    }));
    worker_.AddRunner(JobKind::kReleaseCheck, [this](const Job& job, Deadline deadline) {
      return release_check_.Run(job, deadline);
    });
    worker_.AddRunner(JobKind::kMigrateOpenids, [this](const Job& job, Deadline deadline) {
      return users_.RunMigration(job, deadline);
    });
    worker_.AddRunner(JobKind::kEvidence, [this](const Job& job, Deadline deadline) {
      return erasures_.OnEvidence(job, deadline);
    });
    tasks_.push_back(std::make_unique<PeriodicTask>(clock_, config_.maintenance_interval, [this] {
      LogFailure("reconciliation", estate_.ReconcileDue());
    }));
    tasks_.push_back(std::make_unique<PeriodicTask>(clock_, kSightingInterval, [this] {
      LogFailure("push sightings", push_sightings_.Flush(Deadline::After(absl::Seconds(2))));
    }));
    worker_task_ =
        std::make_unique<PeriodicTask>(clock_, config_.work_interval, [this] { RunWorker(); });
    started_.store(worker_task_.get());
    return absl::OkStatus();
  }

  void Stop() override {
    started_.store(nullptr);
    if (listener_ != nullptr) listener_->Stop();
    if (worker_task_ != nullptr) worker_task_->Stop();
    for (const auto& task : tasks_) task->Stop();
    tokens_.Stop();
    LogFailure("push sightings", push_sightings_.Flush(Deadline::After(absl::Seconds(2))));
    audit_.Flush(Deadline::After(absl::Seconds(2)));
    LogFailure("count of calls", api_usage_.Flush(Deadline::After(absl::Seconds(2))));
  }

  // A database that goes later leaves the broker ready: it serves tokens from memory.
  absl::Status CheckReady() override {
    return worker_task_ == nullptr ? absl::UnavailableError("the broker has not started yet")
                                   : absl::OkStatus();
  }

 private:
  static http::ClientOptions HttpOptions(const server::SharedSettings& shared) {
    http::ClientOptions options;
    options.allow_private = shared.wechat_allow_private_upstream;
    return options;
  }

  AuditSpool* Spool() {
    if (config_.audit_spool.empty()) return nullptr;
    spool_.emplace(config_.audit_spool, config_.audit_spool_bytes);
    return &*spool_;
  }

  static void LogFailure(const char* what, const absl::Status& status) {
    if (!status.ok()) LogWarn("task failed", {{"task", what}, {"reason", GetReason(status)}});
  }

  // Handlers may still run while the task ends.
  void WakeWorker() {
    if (PeriodicTask* task = started_.load()) task->Wake();
  }

  void RunWorker() {
    while (started_.load() != nullptr) {
      absl::StatusOr<int> taken = worker_.RunOnce();
      LogFailure("background work", taken.status());
      if (!taken.ok() || *taken == 0) return;
    }
  }

  const Config config_;
  const Secret listen_dsn_;
  const Clock& clock_;
  const SystemClock real_time_;  // for what has nothing to do with business
  BrokerMetrics metrics_;
  crypto::Envelope envelope_;
  postgres::Pool pool_;
  JobWriter job_writer_;
  PostgresAppStore apps_;
  PostgresTokenStore token_store_;
  PostgresRefreshBook refresh_book_;
  PostgresAuthorizationStore authorizations_;
  PostgresWorkStore work_;
  PostgresLoginStore logins_;
  PostgresEstateStore estate_store_;
  PostgresJsTicketStore js_ticket_store_;
  PostgresAuditStore audit_store_;
  PostgresApiUsageStore api_usage_store_;
  KeyKeeper key_keeper_;
  http::Client http_;
  HttpPlatformClient platform_;
  WecomSources wecom_sources_;
  HttpLoginPlatform login_platform_;
  HttpEstatePlatform estate_platform_;
  HttpJsTicketPlatform js_ticket_platform_;
  HttpReadinessPlatform readiness_platform_;
  rpc::Outgoing outgoing_;
  GrpcIdentityPeer identity_;
  GrpcPersonPeer persons_;
  GrpcIngestPeer ingest_;
  std::optional<FileAuditSpool> spool_;
  AuditLog audit_;
  TokenBroker tokens_;
  Authorizer authorizer_;
  ApiMetrics api_metrics_;
  ApiUsage api_usage_;
  Estate estate_;
  MendLinks mend_links_;
  Readiness readiness_;
  JsTickets js_tickets_;
  ApiProxy api_;
  EvidenceSender sender_;
  AppCache app_cache_;
  PhoneIds phones_;
  Login login_;
  WebLogin web_login_;
  Sessions sessions_;
  UserDirectory users_;
  ErasureFollower erasures_;
  Worker worker_;
  std::atomic<PeriodicTask*> started_{nullptr};
  ReleaseCheck release_check_;
  PushSightings push_sightings_;
  PushReceiver pushes_;
  WecomPart wecom_;
  ProjectHandlers project_handlers_;
  AuthorizationHandlers authorization_handlers_;
  TokenHandlers token_handlers_;
  LoginHandlers login_handlers_;
  Door door_;
  EstateHandlers estate_handlers_;
  JsApiHandlers js_api_handlers_;
  ReadinessHandlers readiness_handlers_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<PeriodicTask> worker_task_;
  std::unique_ptr<postgres::Listener> listener_;
  std::vector<std::unique_ptr<PeriodicTask>> tasks_;
};

absl::StatusOr<std::unique_ptr<server::Module>> Make(server::Environment& environment) {
  Config config = Config::FromSettings(environment.settings());
  config.authorizer.public_url = environment.shared().public_url;
  config.readiness.public_url = environment.shared().public_url;
  if (config.readiness.collector_url.empty()) {
    config.readiness.collector_url = environment.shared().public_url;
  }
  DATONG_ASSIGN_OR_RETURN(crypto::KeyRing keys,
                          crypto::KeyRing::Load(environment.shared().keys_folder));
  return std::make_unique<BrokerModule>(environment, std::move(config), std::move(keys));
}

}  // namespace

const server::ModuleDefinition kModule{"broker", &Make, &Migrations};

}  // namespace datong::broker
