#include "services/broker/core/metrics.h"

#include <iterator>

namespace datong::broker {
namespace {

constexpr TokenKind kKinds[] = {
    TokenKind::kStable,    TokenKind::kComponent,     TokenKind::kAuthorizer,
    TokenKind::kClassic,   TokenKind::kJsapiTicket,   TokenKind::kWxcardTicket,
    TokenKind::kWecomCorp, TokenKind::kWecomProvider, TokenKind::kWecomSuite};
static_assert(std::size(kKinds) == kTokenKinds);
constexpr const char* kServed[] = {"hit", "refreshed", "stale_served", "unavailable", "denied"};
constexpr const char* kRefresh[] = {"ok", "upstream_error", "revoked", "lease_lost", "store_error"};
constexpr const char* kInvalidated[] = {"caller_report", "upstream", "reauthorized"};
constexpr const char* kAuthorizers[] = {"active", "needs_reauth", "revoked"};
constexpr const char* kReconciled[] = {"adopted", "lost", "mended", "not_taken"};
constexpr const char* kAudit[] = {"ok", "spooled", "error"};
constexpr const char* kRejected[] = {"bad_signature", "stale", "too_large", "malformed",
                                     "unknown_app"};
constexpr char kExpiryName[] = "datong_token_expiry_timestamp_seconds";
constexpr char kExpiryHelp[] = "When the token ends.";
constexpr char kCryptoName[] = "datong_crypto_failures_total";
constexpr char kCryptoHelp[] = "Secrets that could not be sealed or opened.";

}  // namespace

absl::string_view TokenKindName(TokenKind kind) {
  switch (kind) {
    case TokenKind::kStable:
      return "stable_access_token";
    case TokenKind::kComponent:
      return "component_access_token";
    case TokenKind::kAuthorizer:
      return "authorizer_access_token";
    case TokenKind::kClassic:
      return "access_token";
    case TokenKind::kJsapiTicket:
      return "jsapi_ticket";
    case TokenKind::kWxcardTicket:
      return "wxcard_ticket";
    case TokenKind::kWecomCorp:
      return "wecom_corp";
    case TokenKind::kWecomProvider:
      return "wecom_provider";
    case TokenKind::kWecomSuite:
      return "wecom_suite";
  }
  return "";
}

BrokerMetrics::BrokerMetrics(metrics::Registry& registry, bool per_app)
    : registry_(registry), per_app_(per_app) {
  for (const TokenKind kind : kKinds) {
    const size_t k = Index(kind);
    const std::string name(TokenKindName(kind));
    for (size_t i = 0; i < 5; ++i) {
      requests_[k][i] = &registry.AddCounter("datong_token_requests_total", "Tokens asked for.",
                                             {{"kind", name}, {"result", kServed[i]}});
      refreshes_[k][i] =
          &registry.AddCounter("datong_token_refresh_total", "Tokens fetched from the platform.",
                               {{"kind", name}, {"result", kRefresh[i]}});
    }
    for (size_t i = 0; i < 3; ++i) {
      invalidations_[k][i] = &registry.AddCounter("datong_token_invalidations_total",
                                                  "Tokens replaced before their end.",
                                                  {{"kind", name}, {"reason", kInvalidated[i]}});
    }
    fenced_[k] =
        &registry.AddCounter("datong_token_fenced_writes_total",
                             "Token writes refused because the lease was lost.", {{"kind", name}});
    cut_off_[k] = &registry.AddCounter(
        "datong_token_refresh_cut_off_total",
        "Refreshes found cut off before their answer was stored, and repeated.", {{"kind", name}});
    refresh_seconds_[k] =
        &registry.AddHistogram("datong_token_refresh_seconds", "Time to fetch and store a token.",
                               metrics::kUpstreamBuckets, {{"kind", name}});
  }
  for (size_t i = 0; i < 3; ++i) {
    authorizers_[i] =
        &registry.AddGauge("datong_authorizers", "Accounts that authorised a component.",
                           {{"state", kAuthorizers[i]}});
    audit_writes_[i] = &registry.AddCounter("datong_audit_writes_total", "Audit rows written.",
                                            {{"result", kAudit[i]}});
  }
  for (size_t i = 0; i < reconciled_.size(); ++i) {
    reconciled_[i] = &registry.AddCounter("datong_broker_reconciled_accounts_total",
                                          "Accounts that differed from WeChat's list.",
                                          {{"result", kReconciled[i]}});
  }
  for (const char* op : {"encrypt", "decrypt"}) {
    for (const char* reason : {"key_missing", "seal_broken"}) {
      registry.AddCounter(kCryptoName, kCryptoHelp, {{"op", op}, {"reason", reason}});
    }
  }
  audit_pending_ = &registry.AddGauge("datong_audit_pending", "Audit rows not written yet.");
  for (size_t i = 0; i < 5; ++i) {
    rejected_[i] = &registry.AddCounter("datong_ingest_rejected_total", "Requests refused.",
                                        {{"source", "callback"}, {"reason", kRejected[i]}});
  }
  accepted_ = &registry.AddCounter("datong_ingest_events_total", "Events taken, by outcome.",
                                   {{"source", "callback"}, {"result", "accepted"}});
  duplicate_ = &registry.AddCounter("datong_ingest_events_total", "Events taken, by outcome.",
                                    {{"source", "callback"}, {"result", "duplicate"}});
  backlog_ = &registry.AddGauge("datong_ingest_queue_events", "Events waiting.",
                                {{"queue", "push_inbox"}});
  oldest_ = &registry.AddGauge("datong_ingest_oldest_pending_timestamp_seconds",
                               "Since when the oldest waits; 0 when none does.",
                               {{"queue", "push_inbox"}});
}

metrics::Gauge& BrokerMetrics::PerApp(const char* name, const char* help, metrics::Labels labels,
                                      const std::string& appid) {
  if (per_app_) labels["app"] = appid;
  return registry_.AddGauge(name, help, labels);
}

void BrokerMetrics::Refreshed(TokenKind kind, Refresh result, absl::Duration elapsed) {
  refreshes_[Index(kind)][static_cast<size_t>(result)]->Increment();
  if (result == Refresh::kLeaseLost) fenced_[Index(kind)]->Increment();
  refresh_seconds_[Index(kind)]->Observe(absl::ToDoubleSeconds(elapsed));
}

void BrokerMetrics::FailuresInARow(TokenKind kind, const std::string& appid, int failures) {
  PerApp("datong_token_refresh_consecutive_failures", "Failed refreshes since the last good one.",
         {{"kind", std::string(TokenKindName(kind))}}, appid)
      .Set(failures);
}

void BrokerMetrics::TokenExpires(TokenKind kind, const std::string& appid, absl::Time expires) {
  PerApp(kExpiryName, kExpiryHelp, {{"kind", std::string(TokenKindName(kind))}}, appid)
      .Set(static_cast<double>(absl::ToUnixSeconds(expires)));
}

void BrokerMetrics::TokenGone(TokenKind kind, const std::string& appid) {
  if (!per_app_) return;
  const metrics::Labels labels = {{"kind", std::string(TokenKindName(kind))}, {"app", appid}};
  // There may have been none yet: removing it would then register a metric without help.
  registry_.AddGauge(kExpiryName, kExpiryHelp, labels);
  registry_.RemoveGauge(kExpiryName, labels);
}

void BrokerMetrics::TicketReceived(const std::string& component, absl::Time when) {
  PerApp("datong_component_ticket_received_timestamp_seconds",
         "When the newest component_verify_ticket came.", {}, component)
      .Set(static_cast<double>(absl::ToUnixSeconds(when)));
}

void BrokerMetrics::Authorizers(int64_t active, int64_t needs_reauth, int64_t revoked) {
  authorizers_[0]->Set(static_cast<double>(active));
  authorizers_[1]->Set(static_cast<double>(needs_reauth));
  authorizers_[2]->Set(static_cast<double>(revoked));
}

void BrokerMetrics::Reconciled(size_t adopted, size_t lost, size_t mended, size_t not_taken) {
  const size_t counts[] = {adopted, lost, mended, not_taken};
  for (size_t i = 0; i < reconciled_.size(); ++i) {
    reconciled_[i]->Increment(static_cast<double>(counts[i]));
  }
}

void BrokerMetrics::AuditWritten(AuditResult result, size_t rows) {
  audit_writes_[static_cast<size_t>(result)]->Increment(static_cast<double>(rows));
}

void BrokerMetrics::PushBacklog(int64_t jobs, absl::Time oldest) {
  backlog_->Set(static_cast<double>(jobs));
  oldest_->Set(jobs == 0 ? 0 : static_cast<double>(absl::ToUnixSeconds(oldest)));
}

void BrokerMetrics::CryptoFailed(const std::string& op, const std::string& reason) {
  registry_.AddCounter(kCryptoName, kCryptoHelp, {{"op", op}, {"reason", reason}}).Increment();
}

}  // namespace datong::broker
