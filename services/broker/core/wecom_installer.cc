#include "services/broker/core/wecom_installer.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/wecom_errors.h"

namespace datong::broker {
namespace {

// Less than the lease on the code lives.
constexpr absl::Duration kLongestSave = absl::Seconds(20);
constexpr absl::Duration kBetweenSaves = absl::Milliseconds(100);

bool IsCodeRefused(const absl::Status& status) {
  const int64_t errcode = ErrcodeOf(status);
  return errcode == 40078 || errcode == 40058;  // unknown, used or expired; too short
}

}  // namespace

WecomInstaller::WecomInstaller(AuthorizerOptions options, AppStore& apps, AuthorizationStore& links,
                               WecomStore& corps, TokenStore& codes, TokenBroker& tokens,
                               WecomPlatform& platform, BrokerMetrics& metrics, const Clock& clock)
    : options_(std::move(options)),
      apps_(apps),
      links_(links),
      corps_(corps),
      codes_(codes),
      tokens_(tokens),
      platform_(platform),
      metrics_(metrics),
      clock_(clock) {}

absl::StatusOr<App> WecomInstaller::GetSuite(const std::string& appid, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App suite, apps_.GetApp(appid, deadline));
  if (suite.kind != AppKind::kWecomSuite) return AppKindUnsupported(appid, "a WeCom suite");
  return suite;
}

absl::StatusOr<AuthorizationLink> WecomInstaller::CreateLink(const std::string& project,
                                                             const std::string& suite, bool test,
                                                             Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App app, GetSuite(suite, deadline));
  if (app.project != project) return AppUnknown(AppName(project, suite));
  AuthorizationLink link;
  link.id = RandomHex(16);
  link.project = project;
  link.component = suite;
  link.type = test ? AuthorizationType::kTestInstall : AuthorizationType::kInstall;
  link.expires = clock_.Now() + options_.link_lifetime;
  DATONG_RETURN_IF_ERROR(links_.CreateLink(link, deadline));
  return link;
}

absl::StatusOr<AuthorizationLink> WecomInstaller::GetLink(const std::string& id,
                                                          Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link, links_.GetLink(id, deadline));
  if (!IsInstall(link)) return LinkUnknown();
  return link;
}

absl::StatusOr<Authorizer::Beginning> WecomInstaller::Begin(const std::string& link_id,
                                                            Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link, GetLink(link_id, deadline));
  if (IsExpired(link)) return LinkExpired();
  DATONG_ASSIGN_OR_RETURN(PreAuthCode code, tokens_.WithToken<PreAuthCode>(
                                                link.component, deadline, [&](const Secret& token) {
                                                  return platform_.GetPreAuthCode(token, deadline);
                                                }));
  // Without it the page refuses the code of a suite that is not published.
  if (link.type == AuthorizationType::kTestInstall) {
    DATONG_ASSIGN_OR_RETURN(CachedTokenPtr token, tokens_.Get(link.component, deadline));
    DATONG_RETURN_IF_ERROR(
        platform_.SetSessionInfo(token->token, code.code, /*test=*/true, deadline));
  }
  WecomInstallPage page;
  page.suite = link.component;
  page.pre_auth_code = code.code;
  page.redirect_url = absl::StrCat(UrlOf(link), "/callback");
  page.state = link.id;  // comes back with the push too
  return Authorizer::Beginning{platform_.InstallPageUrl(page), clock_.Now() + code.lifetime};
}

absl::StatusOr<WecomCorp> WecomInstaller::Complete(const std::string& link_id,
                                                   const std::string& code, Deadline deadline) {
  // An expired link still takes the code of an installation that began in time.
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link, GetLink(link_id, deadline));
  if (code.empty()) return AuthorizationCodeInvalid();
  DATONG_ASSIGN_OR_RETURN(App suite, GetSuite(link.component, deadline));
  DATONG_ASSIGN_OR_RETURN(std::string appid, Exchange(suite, code, link.id, deadline));
  return corps_.GetCorp(appid, deadline);
}

absl::StatusOr<std::vector<ImportedAccount>> WecomInstaller::Import(
    const App& suite, const std::vector<Estate::Account>& corps, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(GetSuite(suite.appid, deadline).status());
  // Without the suite's token none can be tried.
  DATONG_RETURN_IF_ERROR(tokens_.Get(suite.appid, deadline).status());
  std::vector<ImportedAccount> results;
  for (const Estate::Account& corp : corps) {
    ImportedAccount& result = results.emplace_back();
    result.appid = WecomCorpAppid(corp.appid, suite.appid);
    const absl::StatusOr<ImportOutcome> outcome = Take(suite, corp, deadline);
    if (outcome.ok()) {
      result.outcome = *outcome;
    } else {
      result.refusal = ExplainWecom(suite, "get_auth_info", outcome.status());
    }
  }
  return results;
}

absl::StatusOr<ImportOutcome> WecomInstaller::Take(const App& suite, const Estate::Account& corp,
                                                   Deadline deadline) {
  if (corp.refresh_token.empty()) return PermanentCodeMissing(corp.appid);
  const std::string appid = WecomCorpAppid(corp.appid, suite.appid);
  const absl::StatusOr<App> known = apps_.GetApp(appid, deadline);
  if (!known.ok() && !absl::IsNotFound(known.status())) return known.status();
  if (known.ok() && known->project != suite.project) return AppExists(appid);
  if (known.ok() && known->state == AppState::kActive) return ImportOutcome::kUnchanged;
  DATONG_ASSIGN_OR_RETURN(std::unique_ptr<LeaseKeeper::Held> lease,
                          tokens_.leases().TryAcquire(absl::StrCat("take/", appid), deadline));
  if (lease == nullptr) return PlatformUnreachable(appid);
  DATONG_ASSIGN_OR_RETURN(
      WecomAuthInfo info,
      tokens_.WithToken<WecomAuthInfo>(suite.appid, deadline, [&](const Secret& token) {
        return platform_.GetAuthInfo(token, corp.appid, corp.refresh_token, deadline);
      }));
  const WecomGrant grant{corp.appid, info.corp_name, corp.refresh_token, ""};
  DATONG_RETURN_IF_ERROR(
      SaveGrant(lease->lease(), suite, /*code=*/"", /*link=*/"", grant).status());
  tokens_.ForgetFailures(appid);
  DATONG_RETURN_IF_ERROR(tokens_.Reload(appid, deadline));
  DATONG_RETURN_IF_ERROR(corps_.SaveDetails(appid, info, deadline));
  return ImportOutcome::kImported;
}

absl::Status WecomInstaller::OnAuthCode(const std::string& suite_id, const std::string& code,
                                        const std::string& state, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App suite, GetSuite(suite_id, deadline));
  // Whatever comes from the app market has a state of its own, or none.
  absl::StatusOr<AuthorizationLink> link = GetLink(state, deadline);
  if (!link.ok() && !absl::IsNotFound(link.status())) return link.status();
  const bool is_ours = link.ok() && link->component == suite_id;
  return Exchange(suite, code, is_ours ? link->id : "", deadline).status();
}

absl::Status WecomInstaller::OnCancelled(const std::string& suite, const std::string& corpid,
                                         absl::Time when, Deadline deadline) {
  const std::string appid = WecomCorpAppid(corpid, suite);
  DATONG_RETURN_IF_ERROR(corps_.Revoke(appid, when, deadline).status());
  const absl::Status reloaded = tokens_.Reload(appid, deadline);
  return absl::IsNotFound(reloaded) ? absl::OkStatus() : reloaded;
}

absl::StatusOr<std::string> WecomInstaller::Exchange(const App& suite, const std::string& code,
                                                     const std::string& link, Deadline deadline) {
  const Deadline until = deadline.AtMost(options_.longest_exchange);
  return exchanges_.Do(code, until, [&]() -> absl::StatusOr<std::string> {
    const std::string key = absl::StrCat("code/", BytesToHex(crypto::Sha256(code)));
    while (true) {
      DATONG_ASSIGN_OR_RETURN(std::string done, links_.FindExchanged(code, until));
      if (!done.empty()) return done;
      DATONG_ASSIGN_OR_RETURN(std::unique_ptr<LeaseKeeper::Held> lease,
                              tokens_.leases().TryAcquire(key, until));
      if (lease != nullptr) return ExchangeUnderLease(lease->lease(), suite, code, link, until);
      if (until.Remaining() < absl::Milliseconds(100)) return PlatformUnreachable(suite.name());
      absl::SleepFor(absl::Milliseconds(50));
    }
  });
}

absl::StatusOr<std::string> WecomInstaller::ExchangeUnderLease(const Lease& lease, const App& suite,
                                                               const std::string& code,
                                                               const std::string& link,
                                                               Deadline deadline) {
  // Whoever held the lease before may have been the one who did it.
  DATONG_ASSIGN_OR_RETURN(std::string found, links_.FindExchanged(code, deadline));
  if (!found.empty()) return found;
  absl::StatusOr<WecomGrant> grant = tokens_.WithToken<WecomGrant>(
      suite.appid, deadline,
      [&](const Secret& token) { return platform_.GetPermanentCode(token, code, deadline); });
  if (IsCodeRefused(grant.status())) return AuthorizationCodeInvalid();
  if (!grant.ok()) return grant.status();
  DATONG_ASSIGN_OR_RETURN(std::string appid, SaveGrant(lease, suite, code, link, *grant));
  tokens_.ForgetFailures(appid);
  if (tokens_.FindCached(appid) != nullptr) {
    metrics_.TokenInvalidated(TokenKind::kWecomCorp, BrokerMetrics::Invalidated::kReauthorized);
  }
  DATONG_RETURN_IF_ERROR(tokens_.Reload(appid, deadline));
  const absl::Status details = FetchDetails(appid, deadline);
  if (!details.ok()) {
    LogWarn("corp connected, details still to come",
            {{"app", appid}, {"reason", GetReason(details)}});
  }
  return appid;
}

absl::StatusOr<std::string> WecomInstaller::SaveGrant(const Lease& lease, const App& suite,
                                                      const std::string& code,
                                                      const std::string& link,
                                                      const WecomGrant& grant) {
  const Deadline end = Deadline::After(kLongestSave);
  // Once more also when the time is over: the process itself may have stood still.
  for (bool is_last = false;; is_last = end.Passed()) {
    const Deadline once = Deadline::After(kLongestSave / 4);
    absl::StatusOr<std::string> appid =
        corps_.SaveInstall(lease, suite, code, link, grant, clock_.Now(), once);
    const bool may_work_later =
        absl::IsUnavailable(appid.status()) || absl::IsDeadlineExceeded(appid.status());
    if (!may_work_later || is_last) return appid;
    absl::SleepFor(kBetweenSaves);
    // The commit may have come through without its answer.
    const absl::StatusOr<std::string> done = links_.FindExchanged(code, once);
    if (done.ok() && !done->empty()) return done;
  }
}

absl::Status WecomInstaller::FetchDetails(const std::string& appid, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(appid, deadline));
  if (app.state == AppState::kRevoked || app.component.empty()) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(std::optional<TokenRecord> held, codes_.Load(appid, deadline));
  if (!held.has_value() || held->refresh_token.empty()) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(
      WecomAuthInfo info,
      tokens_.WithToken<WecomAuthInfo>(app.component, deadline, [&](const Secret& token) {
        return platform_.GetAuthInfo(token, app.corpid, held->refresh_token, deadline);
      }));
  return corps_.SaveDetails(appid, info, deadline);
}

}  // namespace datong::broker
