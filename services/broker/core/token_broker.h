#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/exec/single_flight.h"
#include "common/exec/thread_pool.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/lease_keeper.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/refresh_book.h"
#include "services/broker/core/token_cache.h"
#include "services/broker/core/token_health.h"
#include "services/broker/core/token_source.h"
#include "services/broker/core/token_store.h"

namespace datong::broker {

struct TokenBrokerOptions {
  absl::Duration refresh_ahead = absl::Seconds(900);
  // WeChat makes a new stable token only in the last 300 s of the old one.
  absl::Duration stable_refresh_ahead = absl::Seconds(270);
  absl::Duration spread = absl::Seconds(30);
  // A token with less left than this is fetched anew before it is handed out.
  absl::Duration serve_margin = absl::Seconds(60);
  TokenHealthOptions health;
  absl::Duration least_between_replacements = absl::Seconds(30);
  int most_forced_a_day = 10;
  // So many refusals within an hour are told in the app's state.
  int refusals_of_a_fight = 3;
  // WeCom answers the same token until its end: tried once ahead of it, then at the end.
  absl::Duration wecom_refresh_ahead = absl::Seconds(60);
  absl::Duration ticket_lifetime = absl::Hours(12);
  absl::Duration lease_ttl = absl::Seconds(30);
  absl::Duration lease_renew_every = absl::Seconds(10);
  // Several calls to the platform, each of 10 s at most, may follow each other.
  absl::Duration longest_refresh = absl::Seconds(60);
  // How long the platform's answer is kept trying to be stored.
  absl::Duration longest_save = absl::Seconds(20);
  // Clocks of replicas differ by less.
  absl::Duration clock_skew = absl::Seconds(60);
  int refresh_threads = 4;
};

// Hands out tokens and keeps them fresh: refreshes ahead of time under a lease, so that there is
// one refresher over all replicas, stores what came before anyone sees it, and follows what other
// replicas stored. Thread-safe. Everything that it is given must outlive it.
class TokenBroker {
 public:
  // `wecom` fetches the tokens of WeCom's apps; without it there are none.
  TokenBroker(TokenBrokerOptions options, AppStore& apps, TokenStore& store, RefreshBook& book,
              PlatformClient& platform, BrokerMetrics& metrics, const Clock& clock,
              TokenSource* wecom = nullptr);

  // The token, if memory holds one that may be handed out. Never blocks.
  CachedTokenPtr FindCached(absl::string_view appid) const;
  // Whether what memory holds may be behind, since the database cannot be read.
  bool store_reachable() const { return store_reachable_.load(std::memory_order_relaxed); }

  // The token, fetched first when need be. Blocks on the database and the platform.
  // Errors: NOT_FOUND/APP_UNKNOWN, FAILED_PRECONDITION/APP_REVOKED, APP_NEEDS_REAUTH,
  // APP_BAD_CONFIG, TICKET_MISSING; UNAVAILABLE/PLATFORM_UNREACHABLE (with a retry delay).
  absl::StatusOr<CachedTokenPtr> Get(const std::string& appid, Deadline deadline);

  struct Replacement {
    bool replaced = false;
    CachedTokenPtr current;
  };
  // The platform refused the token of that fingerprint: fetches another one if it is current still.
  // Errors: those of Get; RESOURCE_EXHAUSTED/REFRESH_TOO_OFTEN, ABORTED/TOKEN_CONFLICT.
  absl::StatusOr<Replacement> Replace(const std::string& appid, const std::string& fingerprint,
                                      BrokerMetrics::Invalidated reason, Deadline deadline);

  // Calls `call` with the app's token; when the platform refuses the token, once more with another
  // one.
  template <typename T>
  absl::StatusOr<T> WithToken(const std::string& appid, Deadline deadline,
                              absl::FunctionRef<absl::StatusOr<T>(const Secret& token)> call) {
    absl::StatusOr<CachedTokenPtr> token = Get(appid, deadline);
    if (!token.ok()) return token.status();
    absl::StatusOr<T> answer = call((*token)->token);
    if (ErrorClassOf(answer.status()) != wechat::ErrorClass::kTokenInvalid) return answer;
    absl::StatusOr<Replacement> other =
        Replace(appid, (*token)->fingerprint, BrokerMetrics::Invalidated::kUpstream, deadline);
    if (!other.ok()) return other.status();
    return call(other->current->token);
  }

  // A ticket came, or an account authorised anew: what held calls back is over.
  void ForgetFailures(const std::string& appid) { health_.Forget(appid); }
  // Reads the stored token of one app into memory.
  absl::Status Reload(const std::string& appid, Deadline deadline);

  // Follows one change that a replica told of (TokenNotice), at once.
  void OnNotice(const std::string& text);
  // Follows what other replicas stored. Called every few seconds.
  absl::Status Sync(Deadline deadline);
  // Starts to refresh what is due, on the broker's own threads. Called every few seconds.
  void RefreshDue();
  // Hears of every token that was made and stored by this replica. Set before the first call.
  void OnRefreshed(std::function<void(const CachedToken&)> listener) {
    on_refreshed_ = std::move(listener);
  }
  // Waits for refreshes under way; none are started any more.
  void Stop() { pool_.Drain(); }
  // The leases under which tokens are written.
  LeaseKeeper& leases() { return leases_; }

 private:
  absl::StatusOr<CachedTokenPtr> Refresh(const std::string& appid, int64_t held, RefreshCause cause,
                                         Deadline deadline);
  absl::StatusOr<CachedTokenPtr> RefreshAlone(const std::string& appid, int64_t held,
                                              RefreshCause cause, Deadline deadline);
  // Refreshes unless another replica is at it.
  absl::Status RefreshIfFree(const std::string& appid);
  absl::StatusOr<CachedTokenPtr> RefreshUnderLease(const App& app, const Lease& lease, int64_t held,
                                                   RefreshCause cause, Deadline deadline);
  absl::StatusOr<int64_t> SaveAnswer(const Lease& lease, const TokenRecord& record);
  absl::StatusOr<FetchedToken> Fetch(const App& app, const Lease& lease, const TokenRecord& held,
                                     bool refused, Deadline deadline);
  absl::StatusOr<FetchedToken> FetchStable(const App& app, const Lease& lease,
                                           const TokenRecord& held, bool refused,
                                           Deadline deadline);
  absl::StatusOr<FetchedToken> FetchComponent(const App& app, Deadline deadline);
  absl::StatusOr<FetchedToken> FetchAuthorizer(const App& app, const TokenRecord& held,
                                               Deadline deadline);
  // Tells in the app's state that another system refreshes its tokens, and that it no longer does.
  void ShowFight(const App& app, const RefreshStart& start, RefreshCause cause);
  CachedTokenPtr Adopt(const App& app, const TokenRecord& record);
  bool IsDue(const TokenVersion& version) const;
  // A token with less left is not handed out while another can be had.
  absl::Duration MarginOf(TokenKind kind) const;

  const TokenBrokerOptions options_;
  AppStore& apps_;
  TokenStore& store_;
  RefreshBook& book_;
  PlatformClient& platform_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  TokenSource* const wecom_;
  std::function<void(const CachedToken&)> on_refreshed_;

  LeaseKeeper leases_;
  TokenHealth health_;
  TokenCache cache_;
  std::atomic<bool> store_reachable_{true};
  SingleFlight<std::string, CachedTokenPtr> flights_;
  Mutex mutex_;
  std::vector<TokenVersion> versions_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::string> refreshing_ ABSL_GUARDED_BY(mutex_);
  absl::CondVar adopted_;
  ThreadPool pool_;
};

// 12 hexadecimal digits that name a token without telling it.
std::string FingerprintOf(const Secret& token);

}  // namespace datong::broker
