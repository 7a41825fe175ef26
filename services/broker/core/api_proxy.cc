#include "services/broker/core/api_proxy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "common/status/macros.h"
#include "common/time/backoff.h"
#include "common/time/shanghai.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

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
// What the suite calls: a closed set, since it labels series.
constexpr const char* kLabelled[] = {
    "/cgi-bin/user/get",        "/cgi-bin/user/info",        "/cgi-bin/user/info/batchget",
    "/cgi-bin/open/get",        "/cgi-bin/open/have",        "/cgi-bin/account/getaccountbasicinfo",
    "/datacube/getusersummary", "/datacube/getusercumulate",
};

}  // namespace

std::string ApiLabel(const std::string& path) {
  for (const char* known : kLabelled) {
    if (path == known) return path;
  }
  return "other";
}

ApiProxy::ApiProxy(ApiProxyOptions options, TokenBroker& tokens, PlatformClient& platform,
                   BrokerMetrics& metrics, const Clock& clock)
    : options_(options), tokens_(tokens), platform_(platform), metrics_(metrics), clock_(clock) {}

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

absl::Status ApiProxy::CheckGate(const std::string& appid, const std::string& path) {
  const absl::Time now = clock_.Now();
  const int64_t today = DayNumber(ShanghaiDay(now));
  int64_t calls = 0;
  {
    MutexLock lock(&mutex_);
    Gate& gate = gates_[{path, appid}];
    if (now < gate.closed_until) {
      return WithRetryDelay(
          gate.is_quota ? ApiQuotaExhausted(appid, path) : ApiRateLimited(appid, path),
          gate.closed_until - now);
    }
    if (gate.day != today) gate.calls = 0;
    gate.day = today;
    calls = ++gate.calls;
  }
  const std::string label = ApiLabel(path);
  if (label != "other") metrics_.CallsToday(label, appid, calls);
  return absl::OkStatus();
}

absl::Status ApiProxy::CloseGate(const std::string& appid, const std::string& path, bool is_quota) {
  const absl::Time now = clock_.Now();
  const absl::Time until = is_quota
                               ? ShanghaiMidnight(ShanghaiDay(now) + 1)
                               : absl::FromUnixSeconds((absl::ToUnixSeconds(now) / 60 + 1) * 60);
  {
    MutexLock lock(&mutex_);
    Gate& gate = gates_[{path, appid}];
    gate.closed_until = until;
    gate.is_quota = is_quota;
  }
  return WithRetryDelay(is_quota ? ApiQuotaExhausted(appid, path) : ApiRateLimited(appid, path),
                        until - now);
}

absl::StatusOr<ApiAnswer> ApiProxy::Call(const std::string& appid, const ApiCall& call,
                                         bool repeatable, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckPath(call.path));
  if (call.query.contains("access_token") || call.query.contains("suite_access_token") ||
      call.query.contains("provider_access_token")) {
    return ApiPathInvalid(call.path, "gets its access_token from the broker");
  }
  DATONG_ASSIGN_OR_RETURN(CachedTokenPtr token, tokens_.Get(appid, deadline));
  if (token->kind == TokenKind::kComponent) {
    return AppKindUnsupported(appid, "an account, not a component");
  }
  Backoff backoff(options_.backoff_first, options_.backoff_longest);
  bool replaced = false;
  for (int tries = 1;; ++tries) {
    DATONG_RETURN_IF_ERROR(CheckGate(appid, call.path));
    absl::StatusOr<ApiAnswer> answer = platform_.Call(token->token, call, deadline);
    const ErrorClass error = answer.ok() ? ErrorClassOf(call, *answer) : ErrorClass::kTransient;
    if (error == ErrorClass::kTokenInvalid) {
      if (replaced) return TokenConflict(appid);
      replaced = true;
      absl::StatusOr<TokenBroker::Replacement> other = tokens_.Replace(
          appid, token->fingerprint, BrokerMetrics::Invalidated::kUpstream, deadline);
      if (GetReason(other.status()) == "REFRESH_TOO_OFTEN") return TokenConflict(appid);
      if (!other.ok()) return other.status();
      token = other->current;
      continue;
    }
    if (error == ErrorClass::kQuota) return CloseGate(appid, call.path, /*is_quota=*/true);
    if (error == ErrorClass::kRateLimited) return CloseGate(appid, call.path, /*is_quota=*/false);
    if (error != ErrorClass::kTransient) return answer;
    if (GetReason(answer.status()) == "HTTP_URL_REFUSED") return answer.status();
    absl::Duration wait;
    {
      MutexLock lock(&mutex_);
      wait = backoff.Next(random_);
    }
    const bool again = (repeatable || call.method == "GET") && tries < options_.most_tries &&
                       deadline.Remaining() > wait;
    if (!again) return WithRetryDelay(PlatformUnreachable(appid), options_.backoff_longest);
    absl::SleepFor(wait);
  }
}

}  // namespace datong::broker
