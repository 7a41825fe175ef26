#include "services/broker/core/token_broker.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/token_notice.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

constexpr absl::Duration kBetweenSaves = absl::Milliseconds(100);

std::string LeaseKey(const std::string& appid) { return absl::StrCat("token/", appid); }

}  // namespace

std::string FingerprintOf(const Secret& token) {
  // Tokens are long and random, so a digest under a fixed key tells nothing of them.
  static const Secret key("datong.token.fingerprint");
  return BytesToHex(crypto::HmacSha256(key, token.Expose())).substr(0, 12);
}

TokenBroker::TokenBroker(TokenBrokerOptions options, AppStore& apps, TokenStore& store,
                         RefreshBook& book, PlatformClient& platform, BrokerMetrics& metrics,
                         const Clock& clock, TokenSource* wecom)
    : options_(options),
      apps_(apps),
      store_(store),
      book_(book),
      platform_(platform),
      metrics_(metrics),
      clock_(clock),
      wecom_(wecom),
      leases_(store, options.lease_ttl, options.lease_renew_every),
      health_(options.health, apps, book, metrics),
      pool_(options.refresh_threads, 100'000) {}

absl::Duration TokenBroker::MarginOf(TokenKind kind) const {
  return IsSameUntilItsEnd(kind) ? absl::ZeroDuration() : options_.serve_margin;
}

CachedTokenPtr TokenBroker::FindCached(absl::string_view appid) const {
  CachedTokenPtr token = cache_.Find(appid);
  if (token == nullptr || !token->LivesFor(MarginOf(token->kind), clock_.Now())) return nullptr;
  return token;
}

absl::StatusOr<CachedTokenPtr> TokenBroker::Get(const std::string& appid, Deadline deadline) {
  if (CachedTokenPtr token = FindCached(appid)) return token;
  const CachedTokenPtr old = cache_.Find(appid);
  absl::StatusOr<CachedTokenPtr> fresh =
      Refresh(appid, old == nullptr ? 0 : old->generation, RefreshCause::kDue, deadline);
  // A failed refresh is no outage while the old token still works.
  if (!fresh.ok() && old != nullptr && old->LivesFor(absl::ZeroDuration(), clock_.Now()) &&
      absl::IsUnavailable(fresh.status())) {
    return old;
  }
  return fresh;
}

absl::StatusOr<TokenBroker::Replacement> TokenBroker::Replace(const std::string& appid,
                                                              const std::string& fingerprint,
                                                              BrokerMetrics::Invalidated reason,
                                                              Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(CachedTokenPtr current, Get(appid, deadline));
  if (current->fingerprint != fingerprint) return Replacement{false, current};
  const RefreshCause cause = reason == BrokerMetrics::Invalidated::kUpstream
                                 ? RefreshCause::kRefusedByPlatform
                                 : RefreshCause::kReportedByCaller;
  absl::StatusOr<CachedTokenPtr> fresh = Refresh(appid, current->generation, cause, deadline);
  if (GetReason(fresh.status()) != "REFRESH_TOO_OFTEN") {
    metrics_.TokenInvalidated(current->kind, reason);
  }
  if (!fresh.ok()) return fresh.status();
  if ((*fresh)->fingerprint == fingerprint) return TokenConflict(appid);
  return Replacement{true, *fresh};
}

absl::Status TokenBroker::Reload(const std::string& appid, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(appid, deadline));
  DATONG_ASSIGN_OR_RETURN(std::optional<TokenRecord> record, store_.Load(appid, deadline));
  if (app.state == AppState::kRevoked || !record.has_value() || record->access_token.empty()) {
    cache_.Erase(appid);
    metrics_.TokenGone(TokenKindOf(app), appid);
    return absl::OkStatus();
  }
  Adopt(app, *record);
  return absl::OkStatus();
}

void TokenBroker::OnNotice(const std::string& text) {
  const std::optional<TokenNotice> notice = TokenNotice::FromText(text);
  if (!notice.has_value()) return;
  const CachedTokenPtr held = cache_.Find(notice->appid);
  if (notice->generation > 0 && held != nullptr && held->generation >= notice->generation) return;
  // Whatever changed deserves a new try: a token came, credentials were corrected, a ticket came.
  ForgetFailures(notice->appid);
  const absl::Status status = Reload(notice->appid, Deadline::After(absl::Seconds(5)));
  if (!status.ok() && !absl::IsNotFound(status)) {
    LogWarn("change of a token not read yet",
            {{"app", notice->appid}, {"reason", GetReason(status)}});
  }
}

absl::Status TokenBroker::Sync(Deadline deadline) {
  absl::StatusOr<std::vector<TokenVersion>> versions = store_.ListVersions(deadline);
  store_reachable_.store(versions.ok(), std::memory_order_relaxed);
  if (!versions.ok()) return versions.status();
  int64_t authorizers[3] = {0, 0, 0};
  absl::Status worst;
  for (const TokenVersion& version : *versions) {
    if (!version.component.empty()) {
      ++authorizers[version.state == AppState::kActive    ? 0
                    : version.state == AppState::kRevoked ? 2
                                                          : 1];
    }
    const CachedTokenPtr held = cache_.Find(version.appid);
    const bool gone = version.generation == 0 || version.state == AppState::kRevoked;
    const bool stale = held == nullptr ? !gone : gone || held->generation < version.generation;
    if (stale) worst.Update(Reload(version.appid, deadline));
  }
  metrics_.Authorizers(authorizers[0], authorizers[1], authorizers[2]);
  for (const TokenVersion& version : *versions) {
    // Credentials were corrected, or the account authorised anew, on whatever replica.
    if (version.state == AppState::kActive) health_.OnActive(version.appid);
  }
  MutexLock lock(&mutex_);
  versions_ = *std::move(versions);
  return worst;
}

bool TokenBroker::IsDue(const TokenVersion& version) const {
  if (version.state == AppState::kRevoked) return false;
  const CachedTokenPtr token = cache_.Find(version.appid);
  // Accounts without API permission have no token and are asked only when somebody wants it; so are
  // web apps, most of which use logins alone.
  if (token == nullptr) return version.generation == 0 && version.kind != AppKind::kWebApp;
  if (token->is_from_the_future) return true;
  if (IsSameUntilItsEnd(token->kind)) {
    const absl::Time ahead = token->expires - options_.wecom_refresh_ahead;
    return clock_.Now() >= (token->fetched >= ahead ? token->expires : ahead);
  }
  const absl::Duration ahead =
      token->kind == TokenKind::kStable ? options_.stable_refresh_ahead : options_.refresh_ahead;
  const auto spread_s = static_cast<uint64_t>(absl::ToInt64Seconds(options_.spread)) + 1;
  const absl::Duration spread =
      absl::Seconds(static_cast<int64_t>(absl::HashOf(version.appid) % spread_s));
  return !token->LivesFor(ahead - spread, clock_.Now());
}

void TokenBroker::RefreshDue() {
  std::vector<TokenVersion> versions;
  {
    MutexLock lock(&mutex_);
    versions = versions_;
  }
  for (const TokenVersion& version : versions) {
    if (!IsDue(version) || health_.IsHeldBack(version.appid)) continue;
    {
      MutexLock lock(&mutex_);
      if (!refreshing_.insert(version.appid).second) continue;
    }
    const bool taken = pool_.TrySchedule([this, appid = version.appid] {
      const absl::Status status = RefreshIfFree(appid);
      if (!status.ok()) {
        LogWarn("token not refreshed", {{"app", appid}, {"reason", GetReason(status)}});
      }
      MutexLock lock(&mutex_);
      refreshing_.erase(appid);
    });
    if (!taken) {
      MutexLock lock(&mutex_);
      refreshing_.erase(version.appid);
    }
  }
}

absl::Status TokenBroker::RefreshIfFree(const std::string& appid) {
  const Deadline deadline = Deadline::After(options_.longest_refresh);
  const CachedTokenPtr held = cache_.Find(appid);
  DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(appid, deadline));
  if (app.state == AppState::kRevoked) return absl::OkStatus();
  DATONG_RETURN_IF_ERROR(health_.HeldBack(appid));
  DATONG_ASSIGN_OR_RETURN(std::unique_ptr<LeaseKeeper::Held> lease,
                          leases_.TryAcquire(LeaseKey(appid), deadline));
  if (lease == nullptr) return absl::OkStatus();
  return RefreshUnderLease(app, lease->lease(), held == nullptr ? 0 : held->generation,
                           RefreshCause::kDue, deadline)
      .status();
}

absl::StatusOr<CachedTokenPtr> TokenBroker::Refresh(const std::string& appid, int64_t held,
                                                    RefreshCause cause, Deadline deadline) {
  // One that was asked for before the token was refused may bring the refused one.
  const std::string key = cause == RefreshCause::kDue ? appid : absl::StrCat(appid, " refused");
  return flights_.Do(key, deadline, [&] { return RefreshAlone(appid, held, cause, deadline); });
}

absl::StatusOr<CachedTokenPtr> TokenBroker::RefreshAlone(const std::string& appid, int64_t held,
                                                         RefreshCause cause, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(appid, deadline));
  if (app.state == AppState::kRevoked) return AppRevoked(app.name());
  DATONG_RETURN_IF_ERROR(health_.HeldBack(appid));
  const Deadline until = deadline.AtMost(options_.longest_refresh);
  while (true) {
    DATONG_ASSIGN_OR_RETURN(std::unique_ptr<LeaseKeeper::Held> lease,
                            leases_.TryAcquire(LeaseKey(appid), until));
    if (lease != nullptr) return RefreshUnderLease(app, lease->lease(), held, cause, until);
    // Another replica is at it: its result is ours.
    DATONG_ASSIGN_OR_RETURN(std::optional<TokenRecord> record, store_.Load(appid, until));
    const absl::Duration margin = MarginOf(TokenKindOf(app));
    if (record.has_value() && record->generation > held && !record->access_token.empty() &&
        clock_.Now() < record->expires - margin) {
      return Adopt(app, *record);
    }
    if (until.Remaining() < absl::Milliseconds(200)) {
      return WithRetryDelay(PlatformUnreachable(app.name()), absl::Seconds(1));
    }
    MutexLock lock(&mutex_);
    adopted_.WaitWithTimeout(&mutex_, absl::Milliseconds(250));
  }
}

absl::StatusOr<CachedTokenPtr> TokenBroker::RefreshUnderLease(const App& app, const Lease& lease,
                                                              int64_t held, RefreshCause cause,
                                                              Deadline deadline) {
  const TokenKind kind = TokenKindOf(app);
  // Before it is asked: whoever asked meanwhile counts from here.
  const absl::Time now = clock_.Now();
  DATONG_ASSIGN_OR_RETURN(
      RefreshStart start,
      book_.Begin(
          lease, {app.appid, cause, held, now, MarginOf(kind), options_.least_between_replacements},
          deadline));
  TokenRecord record = std::move(start.record).value_or(TokenRecord{});
  record.appid = app.appid;
  if (start.is_newer) return Adopt(app, record);
  DATONG_RETURN_IF_ERROR(health_.Learn(app, start));
  if (start.too_often.has_value()) {
    return WithRetryDelay(RefreshTooOften(app.appid), *start.too_often);
  }
  if (start.was_cut_off) {
    metrics_.RefreshCutOff(kind);
    LogWarn("the refresh before was cut off, its answer may be lost", {{"app", app.appid}});
  }
  const absl::Time begin = absl::Now();  // how long it takes is no business time
  absl::StatusOr<FetchedToken> fetched =
      Fetch(app, lease, record, cause != RefreshCause::kDue, deadline);
  ShowFight(app, start, cause);
  if (!fetched.ok()) {
    const absl::Status told = health_.Failed(app, lease, fetched.status());
    metrics_.Refreshed(kind,
                       ErrorClassOf(fetched.status()) == ErrorClass::kRevoked
                           ? BrokerMetrics::Refresh::kRevoked
                           : BrokerMetrics::Refresh::kUpstreamError,
                       absl::Now() - begin);
    return told;
  }
  record.access_token = fetched->token;
  record.refresh_token = fetched->refresh_token;
  // Its life began when it was asked for, or later: never count on more than that.
  record.fetched = now;
  record.expires = record.fetched + fetched->lifetime;
  absl::StatusOr<int64_t> generation = SaveAnswer(lease, record);
  if (!generation.ok()) {
    metrics_.Refreshed(kind,
                       absl::IsAborted(generation.status()) ? BrokerMetrics::Refresh::kLeaseLost
                                                            : BrokerMetrics::Refresh::kStoreError,
                       absl::Now() - begin);
    if (!absl::IsAborted(generation.status())) return generation.status();
    // Somebody wrote a newer one: an authorisation given anew, or its end.
    DATONG_ASSIGN_OR_RETURN(std::optional<TokenRecord> newer, store_.Load(app.appid, deadline));
    if (newer.has_value() && !newer->access_token.empty() && clock_.Now() < newer->expires) {
      return Adopt(app, *newer);
    }
    return WithRetryDelay(PlatformUnreachable(app.name()), absl::Seconds(1));
  }
  record.generation = *generation;
  metrics_.Refreshed(kind, BrokerMetrics::Refresh::kOk, absl::Now() - begin);
  metrics_.FailuresInARow(kind, app.appid, 0);
  ForgetFailures(app.appid);
  if (app.state != AppState::kActive) {
    const absl::Status set = apps_.SetState(app.appid, AppState::kActive, "", deadline);
    if (!set.ok()) LogWarn("state not stored", {{"app", app.appid}, {"reason", GetReason(set)}});
  }
  CachedTokenPtr token = Adopt(app, record);
  if (on_refreshed_) on_refreshed_(*token);
  return token;
}

// The platform has made the token, and with it may have ended the refresh token that is held: it is
// stored though whoever asked gave up, and though the database is away for a moment.
absl::StatusOr<int64_t> TokenBroker::SaveAnswer(const Lease& lease, const TokenRecord& record) {
  const Deadline end = Deadline::After(options_.longest_save);
  // Once more also when the time is over: the process itself may have stood still.
  for (bool is_last = false;; is_last = end.Passed()) {
    absl::StatusOr<int64_t> generation =
        store_.Save(lease, record, Deadline::After(options_.longest_save / 4));
    const bool may_work_later =
        absl::IsUnavailable(generation.status()) || absl::IsDeadlineExceeded(generation.status());
    if (!may_work_later || is_last) return generation;
    absl::SleepFor(kBetweenSaves);
  }
}

absl::StatusOr<FetchedToken> TokenBroker::Fetch(const App& app, const Lease& lease,
                                                const TokenRecord& held, bool refused,
                                                Deadline deadline) {
  switch (TokenKindOf(app)) {
    case TokenKind::kStable:
      return FetchStable(app, lease, held, refused, deadline);
    case TokenKind::kClassic: {
      DATONG_ASSIGN_OR_RETURN(Credentials credentials, apps_.GetCredentials(app.appid, deadline));
      return platform_.FetchClassicToken(app.appid, credentials.app_secret, deadline);
    }
    case TokenKind::kJsapiTicket:
    case TokenKind::kWxcardTicket:
      break;  // JsTickets has them
    case TokenKind::kComponent:
      return FetchComponent(app, deadline);
    case TokenKind::kAuthorizer:
      return FetchAuthorizer(app, held, deadline);
    case TokenKind::kWecomCorp:
    case TokenKind::kWecomProvider:
    case TokenKind::kWecomSuite:
      if (wecom_ == nullptr) return AppKindUnsupported(app.appid, "an app of WeChat");
      return wecom_->Fetch(*this, app, held, deadline);
  }
  return absl::InternalError("token kind");
}

absl::StatusOr<FetchedToken> TokenBroker::FetchStable(const App& app, const Lease& lease,
                                                      const TokenRecord& held, bool refused,
                                                      Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Credentials credentials, apps_.GetCredentials(app.appid, deadline));
  DATONG_ASSIGN_OR_RETURN(
      FetchedToken fetched,
      platform_.FetchStableToken(app.appid, credentials.app_secret, /*force=*/false, deadline));
  if (!refused || !(fetched.token == held.access_token)) return fetched;
  // The same token again, though the platform refuses it: only force brings another one.
  const absl::Time now = clock_.Now();
  DATONG_ASSIGN_OR_RETURN(
      bool may_force,
      book_.TakeForce(lease, app.appid, now, DayNumber(ShanghaiDay(now)),
                      options_.most_forced_a_day, options_.least_between_replacements, deadline));
  if (!may_force) {
    LogError("no forced refresh left today", {{"app", app.appid}});
    return fetched;
  }
  return platform_.FetchStableToken(app.appid, credentials.app_secret, /*force=*/true, deadline);
}

absl::StatusOr<FetchedToken> TokenBroker::FetchComponent(const App& app, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::optional<Ticket> ticket, store_.GetTicket(app.appid, deadline));
  if (!ticket.has_value() || clock_.Now() >= ticket->created + options_.ticket_lifetime) {
    return TicketMissing(app.appid);
  }
  DATONG_ASSIGN_OR_RETURN(Credentials credentials, apps_.GetCredentials(app.appid, deadline));
  return platform_.FetchComponentToken(app.appid, credentials.app_secret, ticket->value, deadline);
}

absl::StatusOr<FetchedToken> TokenBroker::FetchAuthorizer(const App& app, const TokenRecord& held,
                                                          Deadline deadline) {
  const auto fetch = [&](const Secret& refresh_token) {
    return WithToken<FetchedToken>(app.component, deadline, [&](const Secret& token) {
      return platform_.FetchAuthorizerToken(app.component, token, app.appid, refresh_token,
                                            deadline);
    });
  };
  if (!held.refresh_token.empty()) {
    absl::StatusOr<FetchedToken> fetched = fetch(held.refresh_token);
    if (ErrorClassOf(fetched.status()) != ErrorClass::kNeedsReauth) return fetched;
  }
  // The refresh token may have been replaced without our knowledge: the platform tells the current
  // one.
  DATONG_ASSIGN_OR_RETURN(
      AccountDetails details,
      WithToken<AccountDetails>(app.component, deadline, [&](const Secret& token) {
        return platform_.GetAuthorizerInfo(app.component, token, app.appid, deadline);
      }));
  absl::StatusOr<FetchedToken> fetched = wechat::ErrorCodeStatus(61023, "", app.appid);
  if (!details.refresh_token.empty()) {
    fetched = fetch(details.refresh_token);
    if (fetched.ok() && fetched->refresh_token.empty()) {
      fetched->refresh_token = details.refresh_token;
    }
  }
  const bool is_dead = ErrorClassOf(fetched.status()) == ErrorClass::kNeedsReauth;
  if (!is_dead || held.previous_refresh_token.empty()) return fetched;
  absl::StatusOr<FetchedToken> previous = fetch(held.previous_refresh_token);
  if (!previous.ok()) return fetched;
  if (previous->refresh_token.empty()) previous->refresh_token = held.previous_refresh_token;
  return previous;
}

void TokenBroker::ShowFight(const App& app, const RefreshStart& start, RefreshCause cause) {
  if (app.state != AppState::kActive) return;
  const std::string fight(TokenConflict(app.name()).message());
  const bool is_shown = app.state_detail == fight;
  const bool is_fought = start.refusals >= options_.refusals_of_a_fight;
  if (is_fought && cause == RefreshCause::kRefusedByPlatform) {
    LogError("another system refreshes the tokens of this app",
             {{"app", app.appid}, {"refusals_in_an_hour", start.refusals}});
  }
  if (is_shown == is_fought || (!is_shown && !app.state_detail.empty())) return;
  const absl::Status set = apps_.SetState(app.appid, AppState::kActive, is_fought ? fight : "",
                                          Deadline::After(absl::Seconds(2)));
  if (!set.ok()) LogWarn("state not stored", {{"app", app.appid}, {"reason", GetReason(set)}});
}

CachedTokenPtr TokenBroker::Adopt(const App& app, const TokenRecord& record) {
  auto token = std::make_shared<CachedToken>();
  token->name = app.name();
  token->project = app.project;
  token->appid = app.appid;
  token->app_kind = app.kind;
  token->kind = TokenKindOf(app);
  token->token = record.access_token;
  token->fingerprint = FingerprintOf(record.access_token);
  token->fetched = record.fetched;
  token->expires = record.expires;
  token->generation = record.generation;
  const absl::Time now = clock_.Now();
  token->dies = Deadline::After(std::min(record.expires - now, record.expires - record.fetched));
  token->is_from_the_future = record.fetched > now + options_.clock_skew;
  cache_.Put(token);
  {
    MutexLock lock(&mutex_);
    adopted_.SignalAll();
  }
  metrics_.TokenExpires(token->kind, token->appid, token->expires);
  return token;
}

}  // namespace datong::broker
