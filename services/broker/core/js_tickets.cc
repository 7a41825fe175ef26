#include "services/broker/core/js_tickets.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

constexpr size_t kLongestUrl = 2048;

// What is signed, and whose page it is.
struct Page {
  std::string url;
  std::string host;  // lower case, without port
};

absl::StatusOr<Page> ParsePage(const std::string& given) {
  Page page;
  page.url = given.substr(0, given.find('#'));
  if (page.url.empty() || page.url.size() > kLongestUrl) {
    return PageUrlInvalid("must have 1 to 2048 characters");
  }
  for (const char c : page.url) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      return PageUrlInvalid("holds blanks or control characters");
    }
  }
  const size_t scheme = page.url.find("://");
  const std::string name = absl::AsciiStrToLower(page.url.substr(0, std::min(scheme, size_t{8})));
  if (scheme == std::string::npos || (name != "http" && name != "https")) {
    return PageUrlInvalid("must begin with http:// or https://");
  }
  const size_t begin = scheme + 3;
  std::string host = page.url.substr(begin, page.url.find_first_of("/?", begin) - begin);
  // What stands before "@" names no host.
  if (absl::StrContains(host, "@")) return PageUrlInvalid("must not name a user");
  host = absl::AsciiStrToLower(host.substr(0, host.find(':')));
  if (host.empty()) return PageUrlInvalid("names no host");
  page.host = host;
  return page;
}

std::string NameOf(JsTicketType type) { return type == JsTicketType::kJsapi ? "jsapi" : "wx_card"; }

}  // namespace

TokenKind TokenKindOf(JsTicketType type) {
  return type == JsTicketType::kJsapi ? TokenKind::kJsapiTicket : TokenKind::kWxcardTicket;
}

JsTickets::JsTickets(JsTicketOptions options, JsTicketStore& store, TokenStore& leases,
                     TokenBroker& tokens, JsTicketPlatform& platform, BrokerMetrics& metrics,
                     const Clock& clock)
    : options_(options),
      store_(store),
      leases_(leases),
      tokens_(tokens),
      platform_(platform),
      metrics_(metrics),
      clock_(clock) {}

bool JsTickets::IsGood(const JsTicket& ticket) const {
  return clock_.Now() < ticket.expires - options_.serve_margin;
}

absl::StatusOr<JsTicketPtr> JsTickets::Get(const App& app, JsTicketType type, Deadline deadline) {
  // An account whose details are still to come may be one.
  if (app.kind != AppKind::kOfficialAccount && app.kind != AppKind::kUnknown) {
    return AppKindUnsupported(app.appid, "an official account");
  }
  JsTicketPtr old;
  {
    MutexLock lock(&mutex_);
    Held& held = held_.try_emplace({app.appid, type}, options_).first->second;
    held.app = app;
    held.used = clock_.Now();
    old = held.ticket;
    if (old != nullptr && IsGood(*old)) {
      metrics_.TokenServed(TokenKindOf(type), BrokerMetrics::Served::kHit);
      return old;
    }
    if (!held.not_before.Passed()) {
      metrics_.TokenServed(TokenKindOf(type), BrokerMetrics::Served::kUnavailable);
      return absl::IsUnavailable(held.last) ? WithRetryDelay(held.last, held.not_before.Remaining())
                                            : held.last;
    }
  }
  absl::StatusOr<JsTicketPtr> fresh =
      Refresh(app, type, old == nullptr ? 0 : old->generation, deadline);
  // A failed refresh is no outage while the old ticket still works.
  if (!fresh.ok() && old != nullptr && clock_.Now() < old->expires) fresh = old;
  metrics_.TokenServed(TokenKindOf(type), !fresh.ok()     ? BrokerMetrics::Served::kUnavailable
                                          : *fresh == old ? BrokerMetrics::Served::kStale
                                                          : BrokerMetrics::Served::kRefreshed);
  return fresh;
}

absl::StatusOr<JsApiSignature> JsTickets::Sign(const App& app, const std::string& url,
                                               Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Page page, ParsePage(url));
  if (!app.js_domains.empty() &&
      std::none_of(app.js_domains.begin(), app.js_domains.end(), [&](const std::string& domain) {
        return page.host == domain.substr(0, domain.find(':'));
      })) {
    return JsDomainUnknown(app.name(), page.host);
  }
  DATONG_ASSIGN_OR_RETURN(JsTicketPtr ticket, Get(app, JsTicketType::kJsapi, deadline));
  JsApiSignature signature;
  signature.url = page.url;
  signature.timestamp = absl::ToUnixSeconds(clock_.Now());
  signature.nonce = RandomHex(8);
  signature.signature = BytesToHex(crypto::Sha1(
      absl::StrCat("jsapi_ticket=", ticket->ticket.Expose(), "&noncestr=", signature.nonce,
                   "&timestamp=", signature.timestamp, "&url=", signature.url)));
  return signature;
}

void JsTickets::RefreshDue() {
  std::vector<std::pair<App, JsTicketPtr>> due;
  {
    MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    for (auto it = held_.begin(); it != held_.end();) {
      const Held& held = it->second;
      if (now - held.used > options_.forget_after) {
        it = held_.erase(it);
        continue;
      }
      if (held.ticket != nullptr && now >= held.ticket->expires - options_.refresh_ahead &&
          held.not_before.Passed()) {
        due.emplace_back(held.app, held.ticket);
      }
      ++it;
    }
  }
  for (const auto& [app, ticket] : due) {
    const absl::Status status =
        Refresh(app, ticket->type, ticket->generation, Deadline::After(options_.longest_refresh))
            .status();
    if (!status.ok()) {
      LogWarn("ticket not refreshed", {{"app", app.appid}, {"reason", GetReason(status)}});
    }
  }
}

absl::StatusOr<JsTicketPtr> JsTickets::Refresh(const App& app, JsTicketType type, int64_t held,
                                               Deadline deadline) {
  const std::string key = absl::StrCat("js_ticket/", NameOf(type), "/", app.appid);
  const Deadline until = deadline.AtMost(options_.longest_refresh);
  return flights_.Do(key, until, [&]() -> absl::StatusOr<JsTicketPtr> {
    while (true) {
      DATONG_ASSIGN_OR_RETURN(std::optional<Lease> lease,
                              leases_.TryAcquire(key, options_.lease_ttl, until));
      if (lease.has_value()) {
        absl::StatusOr<JsTicketPtr> fresh = RefreshUnderLease(app, type, held, *lease, until);
        leases_.Release(*lease);
        return fresh;
      }
      // Another replica is at it: its result is ours.
      DATONG_ASSIGN_OR_RETURN(std::optional<JsTicket> stored,
                              store_.LoadJsTicket(app.appid, type, until));
      if (stored.has_value() && stored->generation > held && IsGood(*stored)) return Adopt(*stored);
      if (until.Remaining() < absl::Milliseconds(200)) {
        return WithRetryDelay(PlatformUnreachable(app.name()), absl::Seconds(1));
      }
      absl::SleepFor(absl::Milliseconds(100));
    }
  });
}

absl::StatusOr<JsTicketPtr> JsTickets::RefreshUnderLease(const App& app, JsTicketType type,
                                                         int64_t held, const Lease& lease,
                                                         Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::optional<JsTicket> stored,
                          store_.LoadJsTicket(app.appid, type, deadline));
  if (stored.has_value() && stored->generation > held && IsGood(*stored)) return Adopt(*stored);
  const TokenKind kind = TokenKindOf(type);
  const absl::Time begin = absl::Now();  // how long it takes is no business time
  absl::StatusOr<FetchedToken> fetched = Fetch(app, type, deadline);
  if (!fetched.ok()) {
    metrics_.Refreshed(kind, BrokerMetrics::Refresh::kUpstreamError, absl::Now() - begin);
    return Failed(app, type, fetched.status());
  }
  JsTicket fresh;
  fresh.appid = app.appid;
  fresh.type = type;
  fresh.ticket = fetched->token;
  fresh.fetched = clock_.Now();
  fresh.expires = fresh.fetched + fetched->lifetime;
  fresh.generation = stored.has_value() ? stored->generation : 0;
  absl::StatusOr<int64_t> generation = store_.SaveJsTicket(lease, fresh, deadline);
  if (!generation.ok()) {
    const bool lost = absl::IsAborted(generation.status());
    metrics_.Refreshed(
        kind, lost ? BrokerMetrics::Refresh::kLeaseLost : BrokerMetrics::Refresh::kStoreError,
        absl::Now() - begin);
    if (!lost) return generation.status();
    return WithRetryDelay(PlatformUnreachable(app.name()), absl::Seconds(1));
  }
  metrics_.Refreshed(kind, BrokerMetrics::Refresh::kOk, absl::Now() - begin);
  fresh.generation = *generation;
  return Adopt(fresh);
}

absl::StatusOr<FetchedToken> JsTickets::Fetch(const App& app, JsTicketType type,
                                              Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(CachedTokenPtr token, tokens_.Get(app.appid, deadline));
  absl::StatusOr<FetchedToken> fetched = platform_.FetchJsTicket(token->token, type, deadline);
  if (ErrorClassOf(fetched.status()) != ErrorClass::kTokenInvalid) return fetched;
  DATONG_ASSIGN_OR_RETURN(TokenBroker::Replacement other,
                          tokens_.Replace(app.appid, token->fingerprint,
                                          BrokerMetrics::Invalidated::kUpstream, deadline));
  return platform_.FetchJsTicket(other.current->token, type, deadline);
}

JsTicketPtr JsTickets::Adopt(const JsTicket& ticket) {
  auto adopted = std::make_shared<const JsTicket>(ticket);
  metrics_.TokenExpires(TokenKindOf(ticket.type), ticket.appid, ticket.expires);
  metrics_.FailuresInARow(TokenKindOf(ticket.type), ticket.appid, 0);
  MutexLock lock(&mutex_);
  Held& held = held_.try_emplace({ticket.appid, ticket.type}, options_).first->second;
  held.ticket = adopted;
  held.backoff.Reset();
  held.not_before = Deadline::After(absl::ZeroDuration());
  held.last = absl::OkStatus();
  return adopted;
}

absl::Status JsTickets::Failed(const App& app, JsTicketType type, const absl::Status& cause) {
  const ErrorClass error = ErrorClassOf(cause);
  absl::Status told = PlatformUnreachable(app.name());
  const std::optional<ErrorInfo> info = GetErrorInfo(cause);
  if (info.has_value() && info->domain == kErrorDomain) told = cause;  // of its token
  if (error == ErrorClass::kPermission) {
    told = PermissionMissing(app.name(), NameOf(type), ErrmsgOf(cause));
  }
  if (error == ErrorClass::kQuota)
    told = ApiQuotaExhausted(app.name(), "/cgi-bin/ticket/getticket");
  int failures = 0;
  {
    MutexLock lock(&mutex_);
    Held& held = held_.try_emplace({app.appid, type}, options_).first->second;
    absl::Duration delay = held.backoff.Next(random_);
    // Neither comes back with the seconds.
    if (error == ErrorClass::kPermission || error == ErrorClass::kQuota) {
      delay = options_.backoff_longest;
    }
    held.not_before = Deadline::After(delay);
    if (absl::IsUnavailable(told)) told = WithRetryDelay(told, delay);
    held.last = told;
    failures = held.backoff.failures();
  }
  metrics_.FailuresInARow(TokenKindOf(type), app.appid, failures);
  return told;
}

}  // namespace datong::broker
