#include "services/broker/core/api_proxy.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "common/time/backoff.h"
#include "common/wechat/answer.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/quota_stop.h"

namespace datong::broker {
namespace {

using Outcome = CircuitBreaker::Outcome;
using wechat::ErrorClass;

// Answers of these hold tokens and codes, or spend what the broker keeps.
constexpr const char* kRefusedPrefixes[] = {
    "/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/ticket", "/cgi-bin/component/", "/sns/",
    "/cgi-bin/clear_quota",
    // WeCom's
    "/cgi-bin/gettoken", "/cgi-bin/service/get_suite_token", "/cgi-bin/service/get_provider_token",
    "/cgi-bin/service/get_corp_token", "/cgi-bin/service/get_permanent_code",
    "/cgi-bin/service/v2/get_permanent_code", "/cgi-bin/service/get_pre_auth_code",
    "/cgi-bin/service/set_session_info", "/cgi-bin/miniprogram/", "/cgi-bin/service/miniprogram/",
    "/cgi-bin/auth/getuserinfo", "/cgi-bin/service/auth/"};
constexpr char kQuotaPath[] = "/cgi-bin/openapi/quota/get";
constexpr char kHost[] = "host";
constexpr size_t kMostLogged = 1000;

}  // namespace

ApiProxy::ApiProxy(ApiProxyOptions options, TokenBroker& tokens, PlatformClient& platform,
                   ApiUsage& usage, ApiMetrics& metrics, const Clock& clock)
    : options_(std::move(options)),
      tokens_(tokens),
      platform_(platform),
      usage_(usage),
      metrics_(metrics),
      cache_(options_.cache_bytes, clock),
      paths_(options_.breaker, [&metrics](const std::string& path,
                                          bool is_open) { metrics.BreakerChanged(path, is_open); }),
      host_({options_.host_failures_to_open, options_.breaker.open_first,
             options_.breaker.open_longest},
            [&metrics](const std::string&, bool is_open) { metrics.HostBreakerChanged(is_open); }),
      conflicts_(options_.conflicts) {}

ApiPurpose ApiProxy::PurposeOf(absl::string_view caller) const {
  for (const std::string& own : options_.own_callers) {
    if (caller == own) return ApiPurpose::kOwn;
  }
  return ApiPurpose::kCaller;
}

absl::Status ApiProxy::CheckPath(const std::string& path) {
  if (path.size() < 2 || path.size() > 200 || path[0] != '/') {
    return ApiPathInvalid(path, "must begin with \"/\" and have 2 to 200 characters");
  }
  for (const char c : path) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '/' && c != '_' && c != '-' &&
        c != '.') {
      return ApiPathInvalid(path, "may hold letters, digits and \"/_-.\" only");
    }
  }
  if (absl::StrContains(path, "..") || absl::StrContains(path, "//")) {
    return ApiPathInvalid(path, "must not hold \"..\" or \"//\"");
  }
  for (const char* prefix : kRefusedPrefixes) {
    if (absl::StartsWith(path, prefix)) {
      return ApiPathInvalid(path, "is kept by the broker, which has an RPC of its own for it");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ApiAnswer> ApiProxy::Call(const std::string& appid, const ApiCall& call,
                                         const ApiTerms& terms, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckPath(call.path));
  if (call.query.contains("access_token") || call.query.contains("suite_access_token") ||
      call.query.contains("provider_access_token")) {
    return ApiPathInvalid(call.path, "gets its access_token from the broker");
  }
  if (terms.max_age <= absl::ZeroDuration()) return Ask(appid, call, terms, deadline);
  if (!terms.repeatable && call.method != "GET") {
    return ApiMaxAgeInvalid("is for calls that may be repeated without harm: set repeatable");
  }
  if (terms.max_age > options_.longest_max_age) return ApiMaxAgeInvalid("is at most one hour");
  const std::string key = AnswerCache::KeyOf(appid, call);
  std::optional<ApiAnswer> held = cache_.Find(key, terms.max_age);
  metrics_.CacheAsked(held.has_value());
  if (held.has_value()) {
    held->is_cached = true;
    return *std::move(held);
  }
  absl::StatusOr<ApiAnswer> answer = Ask(appid, call, terms, deadline);
  if (answer.ok() && answer->errcode == 0) cache_.Put(key, *answer);
  return answer;
}

absl::StatusOr<ApiAnswer> ApiProxy::Send(const CachedToken& token, const ApiCall& call,
                                         Deadline deadline) {
  absl::Duration wait = host_.Enter(kHost);
  const bool host_is_open = wait > absl::ZeroDuration();
  if (!host_is_open) {
    wait = paths_.Enter(call.path);
    // A probe of the host that this path's own circuit holds back says nothing.
    if (wait > absl::ZeroDuration()) host_.Leave(kHost, Outcome::kUnknown);
  }
  if (wait > absl::ZeroDuration()) {
    metrics_.CallRefused(call.path, ApiMetrics::Refused::kBreaker);
    return WithRetryDelay(PlatformUnreachable(token.appid), wait);
  }
  absl::StatusOr<ApiAnswer> answer = platform_.Call(token.token, call, deadline);
  const bool is_ours = GetReason(answer.status()) == "HTTP_URL_REFUSED";
  host_.Leave(kHost, answer.ok() ? Outcome::kGood : is_ours ? Outcome::kUnknown : Outcome::kBad);
  const bool is_busy = answer.ok() && ErrorClassOf(call, *answer) == ErrorClass::kTransient;
  paths_.Leave(call.path, is_ours                   ? Outcome::kUnknown
                          : answer.ok() && !is_busy ? Outcome::kGood
                                                    : Outcome::kBad);
  return answer;
}

absl::StatusOr<ApiAnswer> ApiProxy::Ask(const std::string& appid, const ApiCall& call,
                                        const ApiTerms& terms, Deadline deadline) {
  const absl::Duration fight = conflicts_.Enter(appid);
  if (fight > absl::ZeroDuration()) return WithRetryDelay(TokenConflict(appid), fight);
  Outcome conflict = Outcome::kUnknown;
  const auto leave = [&](absl::StatusOr<ApiAnswer> answer) {
    conflicts_.Leave(appid, conflict);
    return answer;
  };
  absl::StatusOr<CachedTokenPtr> got = tokens_.Get(appid, deadline);
  if (!got.ok()) return leave(got.status());
  CachedTokenPtr token = *std::move(got);
  if (token->kind == TokenKind::kComponent) {
    return leave(AppKindUnsupported(appid, "an account, not a component"));
  }
  Backoff backoff(options_.backoff_first, options_.backoff_longest);
  bool replaced = false;
  for (int tries = 1;; ++tries) {
    const absl::Status taken = usage_.Take(appid, call.path, terms.purpose, deadline);
    if (!taken.ok()) return leave(taken);
    absl::StatusOr<ApiAnswer> answer = Send(*token, call, deadline);
    const ErrorClass error = answer.ok() ? ErrorClassOf(call, *answer) : ErrorClass::kTransient;
    std::string rid;
    if (answer.ok() && answer->errcode != 0) {
      LogRefusal(appid, call.path, *answer);
      rid = std::string(wechat::RidOf(answer->errmsg));
    }
    if (error == ErrorClass::kTokenInvalid) {
      conflict = Outcome::kBad;
      if (replaced) return leave(WithRid(TokenConflict(appid), rid));
      replaced = true;
      absl::StatusOr<TokenBroker::Replacement> other = tokens_.Replace(
          appid, token->fingerprint, BrokerMetrics::Invalidated::kUpstream, deadline);
      if (GetReason(other.status()) == "REFRESH_TOO_OFTEN") {
        return leave(WithRid(TokenConflict(appid), rid));
      }
      if (!other.ok()) return leave(other.status());
      token = other->current;
      continue;
    }
    if (error == ErrorClass::kQuota || error == ErrorClass::kRateLimited) {
      const ApiStop stop = StopAfter(answer->errcode, answer->errmsg, usage_.Now());
      return leave(WithRid(usage_.Stop(appid, call.path, stop), rid));
    }
    if (error != ErrorClass::kTransient) {
      conflict = Outcome::kGood;
      return leave(std::move(answer));
    }
    const std::string reason = GetReason(answer.status());
    if (reason == "HTTP_URL_REFUSED") return leave(answer.status());
    // Held back by a circuit: waiting here would only hold a thread.
    if (reason == "PLATFORM_UNREACHABLE") return leave(answer.status());
    absl::Duration wait;
    {
      MutexLock lock(&mutex_);
      wait = backoff.Next(random_);
    }
    const bool again = (terms.repeatable || call.method == "GET") && tries < options_.most_tries &&
                       deadline.Remaining() > wait;
    if (!again) {
      return leave(
          WithRid(WithRetryDelay(PlatformUnreachable(appid), options_.backoff_longest), rid));
    }
    absl::SleepFor(wait);
  }
}

void ApiProxy::LogRefusal(const std::string& appid, const std::string& path,
                          const ApiAnswer& answer) {
  if (wechat::ExplainErrorCode(answer.errcode).error_class == ErrorClass::kInformation) return;
  {
    MutexLock lock(&mutex_);
    if (logged_.size() >= kMostLogged) logged_.clear();
    const auto [entry, is_new] =
        logged_.try_emplace({path, answer.errcode}, Deadline::After(absl::Minutes(1)));
    if (!is_new && !entry->second.Passed()) return;
    entry->second = Deadline::After(absl::Minutes(1));
  }
  LogWarn("platform refused a call", {{"app", appid},
                                      {"api", path},
                                      {"errcode", answer.errcode},
                                      {"rid", std::string(wechat::RidOf(answer.errmsg))}});
}

absl::StatusOr<ApiQuota> ApiProxy::AskQuota(const ApiUsage::Interface& of, Deadline deadline) {
  ApiCall call;
  call.method = "POST";
  call.path = kQuotaPath;
  call.json = nlohmann::json{{"cgi_path", of.path}}.dump();
  DATONG_ASSIGN_OR_RETURN(
      ApiAnswer answer,
      Ask(of.appid, call, {.repeatable = true, .purpose = ApiPurpose::kOwn}, deadline));
  // An interface that has no quota of its own, or none that is told.
  const ErrorClass error = wechat::ExplainErrorCode(answer.errcode).error_class;
  if (error == ErrorClass::kBadRequest || error == ErrorClass::kPermission) return ApiQuota();
  if (answer.errcode != 0) return wechat::ErrorCodeStatus(answer.errcode, answer.errmsg, of.appid);
  DATONG_ASSIGN_OR_RETURN(wechat::Answer parsed, wechat::ParseAnswer(answer.json));
  ApiQuota quota;
  const nlohmann::json& told = wechat::ObjectField(parsed.body, "quota");
  quota.daily_limit = wechat::NumberField(told, "daily_limit").value_or(0);
  quota.used = wechat::NumberField(told, "used").value_or(0);
  const nlohmann::json& rate = wechat::ObjectField(parsed.body, "rate_limit");
  quota.rate_calls = wechat::NumberField(rate, "call_count").value_or(0);
  quota.rate_period = absl::Seconds(wechat::NumberField(rate, "refresh_second").value_or(0));
  return quota;
}

void ApiProxy::CheckQuotas(Deadline deadline) {
  for (const ApiUsage::Interface& interface : usage_.TakeChecks(deadline)) {
    absl::StatusOr<ApiQuota> quota = AskQuota(interface, deadline);
    absl::Status status = quota.status();
    if (quota.ok()) status = usage_.SetQuota(interface, *quota, deadline);
    if (!status.ok()) {
      LogWarn("quota not read", {{"app", interface.appid}, {"reason", GetReason(status)}});
    }
  }
}

}  // namespace datong::broker
