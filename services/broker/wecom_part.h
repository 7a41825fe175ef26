#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "services/broker/core/audit_log.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/wecom_contacts.h"
#include "services/broker/core/wecom_directory.h"
#include "services/broker/core/wecom_installer.h"
#include "services/broker/core/wecom_logins.h"
#include "services/broker/core/wecom_push_receiver.h"
#include "services/broker/core/wecom_pushes.h"
#include "services/broker/core/wecom_rosters.h"
#include "services/broker/core/wecom_tokens.h"
#include "services/broker/core/worker.h"
#include "services/broker/rpc/wecom_handlers.h"
#include "services/broker/store/postgres_wecom_store.h"
#include "services/broker/upstream/http_wecom_ids.h"
#include "services/broker/upstream/http_wecom_platform.h"

namespace datong::broker {

// What the token broker needs of WeCom.
struct WecomSources {
  WecomSources(postgres::Pool& pool, const crypto::Envelope& envelope, PostgresTokenStore& held,
               const JobWriter& jobs, AppStore& apps, const WecomAddresses& addresses,
               http::Client& http, metrics::Registry& registry, const Clock& clock)
      : store(pool, envelope, held, jobs, clock),
        platform(addresses, http, registry),
        ids(addresses.api_url, http, registry),
        tokens(apps, held, store, platform, clock) {}

  PostgresWecomStore store;
  HttpWecomPlatform platform;
  HttpWecomIds ids;
  WecomTokens tokens;
};

// The objects of the module's graph that WeCom alone needs, in the order of dependence.
struct WecomPart {
  WecomPart(WecomSources& sources, const AuthorizerOptions& links, const WecomRosterOptions& passes,
            EvidenceSender& sender, AppStore& apps, AuthorizationStore& authorizations,
            TokenStore& held, WorkStore& work, TokenBroker& tokens, IdentityPeer& identity,
            PersonPeer& persons, IngestPeer& ingest, AuditLog& audit, BrokerMetrics& metrics,
            const Clock& clock, std::function<void()> wake_worker, PushSightings& sightings)
      : directory(apps),
        installer(links, apps, authorizations, sources.store, held, tokens, sources.platform,
                  metrics, clock),
        logins(directory, sources.store, work, tokens, sources.platform, sources.ids, sender,
               clock),
        contacts(apps, directory, sources.store, work, tokens, sources.ids, identity, persons,
                 sender, clock),
        rosters(passes, directory, sources.store, tokens, sources.ids, contacts, identity, clock),
        pushes(apps, directory, sources.store, work, installer, identity, ingest, clock),
        receiver(apps, held, work, tokens, metrics, clock, std::move(wake_worker), &sightings),
        handlers({apps, directory, sources.store, installer, logins, contacts, rosters, audit}) {}

  // The worker does WeCom's jobs too.
  void AddRunners(Worker& worker) {
    worker.AddRunner(JobKind::kWecomPush, [this](const Job& job, Deadline deadline) {
      return pushes.Run(job, deadline);
    });
    worker.AddRunner(JobKind::kWecomForget, [this](const Job& job, Deadline deadline) {
      return pushes.Forget(job, deadline);
    });
    worker.AddRunner(JobKind::kWecomDetails, [this](const Job& job, Deadline deadline) {
      const absl::Status status = installer.FetchDetails(job.appid, deadline);
      // The corp went away again meanwhile.
      const bool is_gone =
          ErrorClassOf(status) == wechat::ErrorClass::kRevoked || absl::IsNotFound(status);
      return is_gone ? absl::OkStatus() : status;
    });
    worker.AddRunner(JobKind::kWecomRoster, [this](const Job& job, Deadline deadline) {
      return rosters.Run(job, deadline);
    });
    worker.AddRunner(JobKind::kWecomContact, [this](const Job& job, Deadline deadline) {
      return contacts.OnContactAdded(job, deadline);
    });
    worker.AddRunner(JobKind::kWecomGroup, [this](const Job& job, Deadline deadline) {
      return contacts.OnGroupChanged(job, deadline);
    });
  }

  WecomDirectory directory;
  WecomInstaller installer;
  WecomLogins logins;
  WecomContacts contacts;
  WecomRosters rosters;
  WecomPushes pushes;
  WecomPushReceiver receiver;
  WecomHandlers handlers;
};

}  // namespace datong::broker
