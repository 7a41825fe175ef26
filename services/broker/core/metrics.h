#pragma once

#include <array>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/metrics/registry.h"

namespace datong::broker {

enum class TokenKind {
  kStable,
  kComponent,
  kAuthorizer,
  kClassic,
  kJsapiTicket,
  kWxcardTicket,
  kWecomCorp,
  kWecomProvider,
  kWecomSuite,
};
inline constexpr size_t kTokenKinds = 9;
absl::string_view TokenKindName(TokenKind kind);

// The series that the broker reports, by verbs. All of closed label sets are there from zero; those
// per app come with the app, or stand for all apps when `per_app` is false. Thread-safe.
class BrokerMetrics {
 public:
  BrokerMetrics(metrics::Registry& registry, bool per_app);

  enum class Served { kHit, kRefreshed, kStale, kUnavailable, kDenied };
  void TokenServed(TokenKind kind, Served result) {
    requests_[Index(kind)][static_cast<size_t>(result)]->Increment();
  }

  enum class Refresh { kOk, kUpstreamError, kRevoked, kLeaseLost, kStoreError };
  void Refreshed(TokenKind kind, Refresh result, absl::Duration elapsed);
  void FailuresInARow(TokenKind kind, const std::string& appid, int failures);
  void TokenExpires(TokenKind kind, const std::string& appid, absl::Time expires);
  void TokenGone(TokenKind kind, const std::string& appid);

  enum class Invalidated { kCallerReport, kUpstream, kReauthorized };
  void TokenInvalidated(TokenKind kind, Invalidated reason) {
    invalidations_[Index(kind)][static_cast<size_t>(reason)]->Increment();
  }

  // A refresh found that the one before was cut off between the platform's answer and its commit.
  void RefreshCutOff(TokenKind kind) { cut_off_[Index(kind)]->Increment(); }

  void TicketReceived(const std::string& component, absl::Time when);
  void Authorizers(int64_t active, int64_t needs_reauth, int64_t revoked);

  enum class AuditResult { kOk, kSpooled, kError };
  void AuditWritten(AuditResult result, size_t rows);
  void AuditPending(size_t rows) { audit_pending_->Set(static_cast<double>(rows)); }

  enum class Rejected { kBadSignature, kStale, kTooLarge, kMalformed, kUnknownApp };
  void PushRejected(Rejected reason) { rejected_[static_cast<size_t>(reason)]->Increment(); }
  void PushAccepted(bool is_new) { (is_new ? accepted_ : duplicate_)->Increment(); }
  void PushBacklog(int64_t jobs, absl::Time oldest);

  // `op`: "encrypt" or "decrypt"; `reason`: "key_missing" or "seal_broken".
  void CryptoFailed(const std::string& op, const std::string& reason);

  // One comparison of a component's accounts with WeChat's list.
  void Reconciled(size_t adopted, size_t lost, size_t mended, size_t not_taken);

 private:
  static size_t Index(TokenKind kind) { return static_cast<size_t>(kind); }
  metrics::Gauge& PerApp(const char* name, const char* help, metrics::Labels labels,
                         const std::string& appid);

  metrics::Registry& registry_;
  const bool per_app_;
  std::array<std::array<metrics::Counter*, 5>, kTokenKinds> requests_;
  std::array<std::array<metrics::Counter*, 5>, kTokenKinds> refreshes_;
  std::array<std::array<metrics::Counter*, 3>, kTokenKinds> invalidations_;
  std::array<metrics::Counter*, kTokenKinds> fenced_;
  std::array<metrics::Counter*, kTokenKinds> cut_off_;
  std::array<metrics::Histogram*, kTokenKinds> refresh_seconds_;
  std::array<metrics::Gauge*, 3> authorizers_;
  std::array<metrics::Counter*, 4> reconciled_;
  std::array<metrics::Counter*, 3> audit_writes_;
  metrics::Gauge* audit_pending_;
  std::array<metrics::Counter*, 5> rejected_;
  metrics::Counter* accepted_;
  metrics::Counter* duplicate_;
  metrics::Gauge* backlog_;
  metrics::Gauge* oldest_;
};

}  // namespace datong::broker
