#include "services/broker/core/estate.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

constexpr int kHeldPage = 500;
// WeChat's clock and ours may differ by this much.
constexpr absl::Duration kClockSkew = absl::Minutes(2);

// What a caller may do about a refused account.
absl::Status Explain(const std::string& appid, const absl::Status& cause) {
  switch (ErrorClassOf(cause)) {
    case ErrorClass::kRevoked:
      return AppRevoked(appid);
    case ErrorClass::kNeedsReauth:
      return AppNeedsReauth(appid);
    default:
      return cause;
  }
}

std::string ReasonOf(const absl::Status& status) {
  const std::string reason = GetReason(status);
  return reason.empty() ? std::string(absl::StatusCodeToString(status.code())) : reason;
}

}  // namespace

Estate::Estate(EstateOptions options, AppStore& apps, AuthorizationStore& authorizations,
               EstateStore& store, TokenStore& leases, TokenBroker& tokens, Authorizer& authorizer,
               PlatformClient& platform, EstatePlatform& lists, BrokerMetrics& metrics,
               const Clock& clock)
    : options_(options),
      apps_(apps),
      authorizations_(authorizations),
      store_(store),
      leases_(leases),
      tokens_(tokens),
      authorizer_(authorizer),
      platform_(platform),
      lists_(lists),
      metrics_(metrics),
      clock_(clock) {}

absl::StatusOr<std::vector<ImportedAccount>> Estate::Import(const App& component,
                                                            const std::vector<Account>& accounts,
                                                            Deadline deadline) {
  if (component.kind != AppKind::kComponent) {
    return AppKindUnsupported(component.appid, "a component");
  }
  // Without the component's token none can be tried.
  DATONG_RETURN_IF_ERROR(tokens_.Get(component.appid, deadline).status());
  std::vector<ImportedAccount> results;
  for (const Account& account : accounts) {
    ImportedAccount result;
    result.appid = account.appid;
    absl::StatusOr<ImportOutcome> outcome = Take(component, account, /*again=*/false, deadline);
    if (outcome.ok()) {
      result.outcome = *outcome;
    } else {
      result.refusal = Explain(account.appid, outcome.status());
    }
    results.push_back(std::move(result));
  }
  return results;
}

absl::StatusOr<ImportOutcome> Estate::Take(const App& component, const Account& account, bool again,
                                           Deadline deadline) {
  absl::StatusOr<App> known = apps_.GetApp(account.appid, deadline);
  if (!known.ok() && !absl::IsNotFound(known.status())) return known.status();
  if (known.ok()) {
    if (known->project != component.project || known->kind == AppKind::kComponent) {
      return AppExists(account.appid);
    }
    if (known->component == component.appid && known->state == AppState::kActive && !again) {
      return ImportOutcome::kUnchanged;
    }
  }
  DATONG_ASSIGN_OR_RETURN(
      std::optional<Lease> lease,
      leases_.TryAcquire(absl::StrCat("take/", account.appid), options_.take_lease, deadline));
  if (!lease.has_value()) {
    return WithRetryDelay(PlatformUnreachable(account.appid), absl::Seconds(5));
  }
  absl::StatusOr<ImportOutcome> outcome =
      TakeUnderLease(component, account, *lease, deadline.AtMost(options_.take_lease * 0.8));
  leases_.Release(*lease);
  return outcome;
}

absl::StatusOr<ImportOutcome> Estate::TakeUnderLease(const App& component, const Account& account,
                                                     const Lease& lease, Deadline deadline) {
  // Harmless to ask, and says whether there is an authorisation at all.
  DATONG_ASSIGN_OR_RETURN(AccountDetails details, Ask(component, account.appid, deadline));
  ImportOutcome outcome = ImportOutcome::kImported;
  GrantedAuthorization granted;
  granted.appid = account.appid;
  granted.permission_sets = details.permission_sets;
  Secret used = account.refresh_token;
  absl::StatusOr<FetchedToken> fetched = wechat::ErrorCodeStatus(61023, "", account.appid);
  if (!used.empty()) fetched = Refresh(component, account.appid, used, deadline);
  if (ErrorClassOf(fetched.status()) == ErrorClass::kNeedsReauth &&
      !details.refresh_token.empty()) {
    outcome = ImportOutcome::kRecovered;
    used = details.refresh_token;
    fetched = Refresh(component, account.appid, used, deadline);
  }
  if (!fetched.ok()) return fetched.status();
  granted.token = *fetched;
  if (granted.token.refresh_token.empty()) granted.token.refresh_token = used;
  DATONG_RETURN_IF_ERROR(authorizations_.SaveExchange(lease, component.project, component.appid,
                                                      /*code=*/"", /*link=*/"", granted,
                                                      clock_.Now(), deadline));
  tokens_.ForgetFailures(account.appid);
  DATONG_RETURN_IF_ERROR(tokens_.Reload(account.appid, deadline));
  // The job that came with it asks again if this fails.
  const absl::Status saved = authorizations_.SaveDetails(account.appid, details, deadline);
  if (!saved.ok()) {
    LogWarn("details not stored", {{"app", account.appid}, {"reason", GetReason(saved)}});
  }
  return outcome;
}

absl::StatusOr<FetchedToken> Estate::Refresh(const App& component, const std::string& appid,
                                             const Secret& refresh_token, Deadline deadline) {
  return tokens_.WithToken<FetchedToken>(component.appid, deadline, [&](const Secret& token) {
    return platform_.FetchAuthorizerToken(component.appid, token, appid, refresh_token, deadline);
  });
}

absl::StatusOr<AccountDetails> Estate::Ask(const App& component, const std::string& appid,
                                           Deadline deadline) {
  return tokens_.WithToken<AccountDetails>(component.appid, deadline, [&](const Secret& token) {
    return platform_.GetAuthorizerInfo(component.appid, token, appid, deadline);
  });
}

absl::StatusOr<std::vector<ListedAuthorizer>> Estate::ListAll(const App& component,
                                                              Deadline deadline) {
  std::vector<ListedAuthorizer> all;
  std::set<std::string> seen;  // pages shift while accounts come and go
  int64_t offset = 0;
  while (true) {
    DATONG_ASSIGN_OR_RETURN(
        AuthorizerListPage page,
        tokens_.WithToken<AuthorizerListPage>(component.appid, deadline, [&](const Secret& token) {
          return lists_.ListAuthorizers(component.appid, token, offset, deadline);
        }));
    offset += static_cast<int64_t>(page.authorizers.size());
    const bool is_last = page.authorizers.empty() || offset >= page.total;
    for (ListedAuthorizer& listed : page.authorizers) {
      if (seen.insert(listed.appid).second) all.push_back(std::move(listed));
    }
    if (is_last) return all;
  }
}

absl::StatusOr<ReconcileReport> Estate::Reconcile(const App& component, bool take_all,
                                                  Deadline deadline) {
  if (component.kind != AppKind::kComponent) {
    return AppKindUnsupported(component.appid, "a component");
  }
  const Deadline until = deadline.AtMost(options_.longest_reconciliation);
  DATONG_ASSIGN_OR_RETURN(std::optional<Lease> lease,
                          leases_.TryAcquire(absl::StrCat("reconcile/", component.appid),
                                             options_.reconcile_lease, until));
  if (!lease.has_value()) return ReconciliationRunning(component.name());
  absl::StatusOr<ReconcileReport> report = ReconcileUnderLease(component, take_all, until);
  leases_.Release(*lease);
  return report;
}

absl::StatusOr<ReconcileReport> Estate::ReconcileUnderLease(const App& component, bool take_all,
                                                            Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::vector<ListedAuthorizer> listed, ListAll(component, deadline));
  std::map<std::string, Authorization> held;
  std::string after;
  while (true) {
    DATONG_ASSIGN_OR_RETURN(
        std::vector<Authorization> page,
        authorizations_.ListAuthorizations(component.project, after, kHeldPage, deadline));
    if (page.empty()) break;
    after = page.back().appid;
    for (Authorization& authorization : page) {
      if (authorization.component == component.appid) {
        held[authorization.appid] = std::move(authorization);
      }
    }
  }
  ReconcileReport report;
  report.listed = static_cast<int64_t>(listed.size());
  std::set<std::string> known;
  for (const ListedAuthorizer& one : listed) {
    known.insert(one.appid);
    const auto found = held.find(one.appid);
    Compare(component, one, found == held.end() ? nullptr : &found->second, take_all, deadline,
            report);
  }
  for (const auto& [appid, authorization] : held) {
    if (authorization.state == AppState::kRevoked || known.contains(appid)) continue;
    // The list may lag behind: only the account's own answer counts.
    const absl::Status asked = Ask(component, appid, deadline).status();
    if (ErrorClassOf(asked) != ErrorClass::kRevoked) continue;
    DATONG_RETURN_IF_ERROR(
        authorizer_.OnUnauthorized(component.appid, appid, clock_.Now(), deadline));
    report.lost.push_back(appid);
  }
  report.when = clock_.Now();
  metrics_.Reconciled(report.adopted.size(), report.lost.size(), report.mended.size(),
                      report.not_taken.size());
  DATONG_RETURN_IF_ERROR(store_.SaveReconciliation(
      {component.appid, report.when, report.listed, report.not_taken}, deadline));
  return report;
}

void Estate::Compare(const App& component, const ListedAuthorizer& listed,
                     const Authorization* held, bool take_all, Deadline deadline,
                     ReconcileReport& report) {
  const bool is_new = held == nullptr || held->state == AppState::kRevoked;
  if (!is_new && held->state == AppState::kActive &&
      listed.authorized <= held->authorized + kClockSkew) {
    // Certification and names change without a push.
    if (!held->details_known || held->verify_type != 0) {
      authorizer_.FetchDetails(listed.appid, deadline).IgnoreError();
    }
    return;
  }
  // Somebody else may be managing it still.
  if (held == nullptr && !take_all && listed.authorized + kClockSkew < component.created) {
    report.not_taken.push_back({listed.appid, "AUTHORIZED_EARLIER"});
    return;
  }
  const absl::StatusOr<ImportOutcome> taken =
      Take(component, {listed.appid, listed.refresh_token}, /*again=*/true, deadline);
  if (!taken.ok()) {
    const absl::Status why = Explain(listed.appid, taken.status());
    LogWarn("listed account not taken", {{"app", listed.appid}, {"reason", ReasonOf(why)}});
    report.not_taken.push_back({listed.appid, ReasonOf(why)});
  } else {
    (is_new ? report.adopted : report.mended).push_back(listed.appid);
  }
}

absl::Status Estate::ReconcileDue() {
  const Deadline soon = Deadline::After(absl::Seconds(10));
  DATONG_ASSIGN_OR_RETURN(std::vector<TokenVersion> versions, leases_.ListVersions(soon));
  absl::Status worst;
  for (const TokenVersion& version : versions) {
    // Without a token there is nothing to ask with.
    if (version.kind != AppKind::kComponent || version.generation == 0) continue;
    DATONG_ASSIGN_OR_RETURN(std::optional<Reconciliation> last,
                            store_.GetReconciliation(version.appid, soon));
    if (last.has_value() && clock_.Now() < last->when + options_.reconcile_interval) continue;
    DATONG_ASSIGN_OR_RETURN(App component, apps_.GetApp(version.appid, soon));
    const absl::Status status =
        Reconcile(component, /*take_all=*/false, Deadline::After(options_.longest_reconciliation))
            .status();
    if (GetReason(status) != "RECONCILIATION_RUNNING") worst.Update(status);
  }
  return worst;
}

}  // namespace datong::broker
