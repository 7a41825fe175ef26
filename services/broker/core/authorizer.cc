#include "services/broker/core/authorizer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

constexpr int64_t kCodeInvalid = 61009;
constexpr int64_t kCodeExpired = 61010;

}  // namespace

Authorizer::Authorizer(AuthorizerOptions options, AppStore& apps, AuthorizationStore& store,
                       TokenBroker& tokens, PlatformClient& platform, BrokerMetrics& metrics,
                       const Clock& clock)
    : options_(std::move(options)),
      apps_(apps),
      store_(store),
      tokens_(tokens),
      platform_(platform),
      metrics_(metrics),
      clock_(clock) {}

absl::StatusOr<AuthorizationLink> Authorizer::CreateLink(const std::string& project,
                                                         const std::string& component,
                                                         AuthorizationType type,
                                                         const std::string& biz_appid,
                                                         Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(component, deadline));
  if (app.project != project) return AppUnknown(AppName(project, component));
  AuthorizationLink link;
  link.id = RandomHex(16);
  link.project = project;
  link.component = component;
  link.type = type;
  if (app.kind != (IsInstall(link) ? AppKind::kWecomSuite : AppKind::kComponent)) {
    return AppKindUnsupported(component, IsInstall(link) ? "a WeCom suite" : "a component");
  }
  link.biz_appid = biz_appid;
  link.expires = clock_.Now() + options_.link_lifetime;
  DATONG_RETURN_IF_ERROR(store_.CreateLink(link, deadline));
  return link;
}

absl::StatusOr<Authorizer::Beginning> Authorizer::Begin(const std::string& link_id, bool mobile,
                                                        Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link, store_.GetLink(link_id, deadline));
  if (IsInstall(link)) return LinkUnknown();
  if (IsExpired(link)) return LinkExpired();
  DATONG_ASSIGN_OR_RETURN(
      PreAuthCode code,
      tokens_.WithToken<PreAuthCode>(link.component, deadline, [&](const Secret& token) {
        return platform_.CreatePreAuthCode(link.component, token, deadline);
      }));
  const absl::Time expires = clock_.Now() + code.lifetime;
  DATONG_RETURN_IF_ERROR(store_.SavePreAuthCode(code.code, link.id, expires, deadline));
  AuthorizationPage page;
  page.component = link.component;
  page.pre_auth_code = code.code;
  page.redirect_url = absl::StrCat(UrlOf(link), "/callback");
  page.type = link.type;
  page.biz_appid = link.biz_appid;
  page.mobile = mobile;
  return Beginning{platform_.AuthorizationPageUrl(page), expires};
}

absl::StatusOr<Authorization> Authorizer::Complete(const std::string& link_id,
                                                   const std::string& code, Deadline deadline) {
  // An expired link still takes the code of an authorisation that began in time.
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link, store_.GetLink(link_id, deadline));
  if (IsInstall(link)) return LinkUnknown();
  if (code.empty()) return AuthorizationCodeInvalid();
  DATONG_ASSIGN_OR_RETURN(std::string appid,
                          Exchange(link.project, link.component, code, link.id, "", deadline));
  return store_.GetAuthorization(link.project, appid, deadline);
}

absl::Status Authorizer::OnAuthorized(const std::string& project, const std::string& component,
                                      const std::string& authorizer, const std::string& code,
                                      const std::string& pre_auth_code, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string link, store_.LinkOfPreAuthCode(pre_auth_code, deadline));
  return Exchange(project, component, code, link, authorizer, deadline).status();
}

absl::Status Authorizer::OnUnauthorized(const std::string& component, const std::string& authorizer,
                                        absl::Time when, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(store_.Revoke(component, authorizer, when, deadline));
  const absl::Status reloaded = tokens_.Reload(authorizer, deadline);
  return absl::IsNotFound(reloaded) ? absl::OkStatus() : reloaded;
}

absl::StatusOr<std::string> Authorizer::Exchange(const std::string& project,
                                                 const std::string& component,
                                                 const std::string& code, const std::string& link,
                                                 const std::string& authorizer, Deadline deadline) {
  const Deadline until = deadline.AtMost(options_.longest_exchange);
  return exchanges_.Do(code, until, [&]() -> absl::StatusOr<std::string> {
    const std::string key = absl::StrCat("code/", BytesToHex(crypto::Sha256(code)));
    while (true) {
      DATONG_ASSIGN_OR_RETURN(std::string done, store_.FindExchanged(code, until));
      if (!done.empty()) return done;
      DATONG_ASSIGN_OR_RETURN(std::unique_ptr<LeaseKeeper::Held> lease,
                              tokens_.leases().TryAcquire(key, until));
      if (lease == nullptr) {
        if (until.Remaining() < absl::Milliseconds(100)) return PlatformUnreachable(component);
        absl::SleepFor(absl::Milliseconds(50));
        continue;
      }
      const auto exchange = [&]() -> absl::StatusOr<std::string> {
        // Whoever held the lease before may have been the one who did it.
        DATONG_ASSIGN_OR_RETURN(std::string found, store_.FindExchanged(code, until));
        if (!found.empty()) return found;
        DATONG_ASSIGN_OR_RETURN(GrantedAuthorization granted,
                                Query(component, code, authorizer, until));
        DATONG_RETURN_IF_ERROR(store_.SaveExchange(lease->lease(), project, component, code, link,
                                                   granted, clock_.Now(), until));
        tokens_.ForgetFailures(granted.appid);
        if (tokens_.FindCached(granted.appid) != nullptr) {
          metrics_.TokenInvalidated(TokenKind::kAuthorizer,
                                    BrokerMetrics::Invalidated::kReauthorized);
        }
        DATONG_RETURN_IF_ERROR(tokens_.Reload(granted.appid, until));
        const absl::Status details = FetchDetails(granted.appid, until);
        if (!details.ok()) {
          LogWarn("account connected, details still to come",
                  {{"app", granted.appid}, {"reason", GetReason(details)}});
        }
        return granted.appid;
      };
      return exchange();
    }
  });
}

absl::StatusOr<GrantedAuthorization> Authorizer::Query(const std::string& component,
                                                       const std::string& code,
                                                       const std::string& authorizer,
                                                       Deadline deadline) {
  absl::StatusOr<GrantedAuthorization> granted =
      tokens_.WithToken<GrantedAuthorization>(component, deadline, [&](const Secret& token) {
        return platform_.QueryAuthorization(component, token, code, deadline);
      });
  const int64_t errcode = ErrcodeOf(granted.status());
  if (errcode != kCodeInvalid && errcode != kCodeExpired) return granted;
  if (authorizer.empty()) {
    return errcode == kCodeInvalid ? AuthorizationCodeInvalid() : AuthorizationCodeExpired();
  }
  // The code was spent before its answer was stored (a crash in between). The push names the
  // account, and its refresh token can still be read.
  DATONG_ASSIGN_OR_RETURN(
      AccountDetails details,
      tokens_.WithToken<AccountDetails>(component, deadline, [&](const Secret& token) {
        return platform_.GetAuthorizerInfo(component, token, authorizer, deadline);
      }));
  GrantedAuthorization recovered;
  recovered.appid = authorizer;
  recovered.permission_sets = details.permission_sets;
  if (!details.refresh_token.empty()) {
    DATONG_ASSIGN_OR_RETURN(
        recovered.token,
        tokens_.WithToken<FetchedToken>(component, deadline, [&](const Secret& token) {
          return platform_.FetchAuthorizerToken(component, token, authorizer, details.refresh_token,
                                                deadline);
        }));
    if (recovered.token.refresh_token.empty())
      recovered.token.refresh_token = details.refresh_token;
  }
  return recovered;
}

absl::Status Authorizer::FetchDetails(const std::string& appid, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(appid, deadline));
  if (app.state == AppState::kRevoked) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(
      AccountDetails details,
      tokens_.WithToken<AccountDetails>(app.component, deadline, [&](const Secret& token) {
        return platform_.GetAuthorizerInfo(app.component, token, appid, deadline);
      }));
  return store_.SaveDetails(appid, details, deadline);
}

}  // namespace datong::broker
