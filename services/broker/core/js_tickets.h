#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/exec/single_flight.h"
#include "common/time/backoff.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/js_ticket_platform.h"
#include "services/broker/core/js_ticket_store.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

struct JsTicketOptions {
  absl::Duration refresh_ahead = absl::Seconds(900);
  // A ticket with less left than this is fetched anew before it is used.
  absl::Duration serve_margin = absl::Seconds(60);
  // Tickets that nobody used for this long are let go.
  absl::Duration forget_after = absl::Hours(4);
  absl::Duration backoff_first = absl::Seconds(1);
  absl::Duration backoff_longest = absl::Seconds(60);
  absl::Duration lease_ttl = absl::Seconds(30);
  absl::Duration longest_refresh = absl::Seconds(25);
};

using JsTicketPtr = std::shared_ptr<const JsTicket>;

// What wx.config wants.
struct JsApiSignature {
  std::string url;  // as signed
  int64_t timestamp = 0;
  std::string nonce;
  std::string signature;
};

// The tickets with which web pages inside WeChat are signed: fetched once for all replicas, under a
// lease and fenced as tokens are, kept fresh while somebody uses them. Thread-safe; blocks on the
// database and the platform. Everything that it is given must outlive it.
class JsTickets {
 public:
  JsTickets(JsTicketOptions options, JsTicketStore& store, TokenStore& leases, TokenBroker& tokens,
            JsTicketPlatform& platform, BrokerMetrics& metrics, const Clock& clock);

  // Errors: INVALID_ARGUMENT/APP_KIND_UNSUPPORTED, FAILED_PRECONDITION/PERMISSION_MISSING,
  // UNAVAILABLE/PLATFORM_UNREACHABLE (with a retry delay), those of TokenBroker::Get.
  absl::StatusOr<JsTicketPtr> Get(const App& app, JsTicketType type, Deadline deadline);
  // Errors: INVALID_ARGUMENT/PAGE_URL_INVALID, FAILED_PRECONDITION/JS_DOMAIN_UNKNOWN, those of Get.
  absl::StatusOr<JsApiSignature> Sign(const App& app, const std::string& url, Deadline deadline);
  // Replaces tickets in use that end soon. Called every few seconds.
  void RefreshDue();

 private:
  using Key = std::pair<std::string, JsTicketType>;
  struct Held {
    explicit Held(const JsTicketOptions& options)
        : backoff(options.backoff_first, options.backoff_longest) {}
    App app;
    JsTicketPtr ticket;
    absl::Time used;
    Backoff backoff;
    Deadline not_before = Deadline::After(absl::ZeroDuration());
    absl::Status last;
  };

  bool IsGood(const JsTicket& ticket) const;
  absl::StatusOr<JsTicketPtr> Refresh(const App& app, JsTicketType type, int64_t held,
                                      Deadline deadline);
  absl::StatusOr<JsTicketPtr> RefreshUnderLease(const App& app, JsTicketType type, int64_t held,
                                                const Lease& lease, Deadline deadline);
  absl::StatusOr<FetchedToken> Fetch(const App& app, JsTicketType type, Deadline deadline);
  JsTicketPtr Adopt(const JsTicket& ticket);
  absl::Status Failed(const App& app, JsTicketType type, const absl::Status& cause);

  const JsTicketOptions options_;
  JsTicketStore& store_;
  TokenStore& leases_;
  TokenBroker& tokens_;
  JsTicketPlatform& platform_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  SingleFlight<std::string, JsTicketPtr> flights_;
  Mutex mutex_;
  std::map<Key, Held> held_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

TokenKind TokenKindOf(JsTicketType type);

}  // namespace datong::broker
