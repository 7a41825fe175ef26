#include "services/broker/core/readiness.h"

#include <latch>
#include <utility>

#include "common/status/macros.h"
#include "services/broker/core/function_table.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

constexpr size_t kMostQueued = 10'000;

}  // namespace

Readiness::Readiness(ReadinessOptions options, AppStore& apps, AuthorizationStore& authorizations,
                     TokenStore& tickets, EstateStore& estate, TokenBroker& tokens,
                     MendLinks& mend_links, ReadinessPlatform& platform, WecomStore& corps,
                     WecomIdPlatform& wecom, const Clock& clock)
    : options_(std::move(options)),
      apps_(apps),
      authorizations_(authorizations),
      tickets_(tickets),
      estate_(estate),
      tokens_(tokens),
      mend_links_(mend_links),
      platform_(platform),
      corps_(corps),
      wecom_(wecom),
      clock_(clock),
      pool_(options_.threads, kMostQueued) {}

template <typename T>
absl::StatusOr<T> Readiness::WithToken(
    const std::string& appid, Deadline deadline,
    absl::FunctionRef<absl::StatusOr<T>(const Secret& token)> call) {
  DATONG_ASSIGN_OR_RETURN(CachedTokenPtr token, tokens_.Get(appid, deadline));
  absl::StatusOr<T> answer = call(token->token);
  if (ErrorClassOf(answer.status()) != ErrorClass::kTokenInvalid) return answer;
  DATONG_ASSIGN_OR_RETURN(
      TokenBroker::Replacement other,
      tokens_.Replace(appid, token->fingerprint, BrokerMetrics::Invalidated::kUpstream, deadline));
  return call(other.current->token);
}

absl::StatusOr<ReadinessReport> Readiness::Check(const std::string& project,
                                                 const std::vector<App>& apps, Deadline deadline) {
  const Deadline until = Deadline::After(deadline.Remaining() - options_.reserve);
  DATONG_ASSIGN_OR_RETURN(std::vector<AppFacts> all, Gather(project, apps, until));
  std::latch done(static_cast<std::ptrdiff_t>(all.size()));
  for (AppFacts& facts : all) {
    const auto ask = [this, &facts, &done, until] {
      if (!until.Passed()) Ask(facts, until);
      done.count_down();
    };
    if (!pool_.TrySchedule(ask)) ask();
  }
  done.wait();
  ReadinessReport report;
  report.when = clock_.Now();
  const Surroundings around{options_.public_url, options_.collector_url, report.when};
  for (const AppFacts& facts : all) {
    report.apps.push_back({facts.app, facts.mend_url, JudgeApp(facts, around)});
  }
  report.shared = JudgeTogether(all);
  return report;
}

absl::StatusOr<std::vector<AppFacts>> Readiness::Gather(const std::string& project,
                                                        const std::vector<App>& apps,
                                                        Deadline deadline) {
  std::vector<std::string> appids;
  std::vector<MendLinks::Account> accounts;
  for (const App& app : apps) {
    appids.push_back(app.appid);
    accounts.push_back({app.appid, app.component, app.state, app.kind});
  }
  DATONG_ASSIGN_OR_RETURN(auto sightings, estate_.GetPushSightings(appids, deadline));
  DATONG_ASSIGN_OR_RETURN(auto urls, mend_links_.Urls(project, accounts, deadline));
  std::vector<AppFacts> all;
  for (const App& app : apps) {
    AppFacts facts;
    facts.app = app;
    if (urls.contains(app.appid)) facts.mend_url = urls[app.appid];
    if (sightings.contains(app.appid)) facts.push = sightings[app.appid];
    const absl::StatusOr<Credentials> credentials =
        apps_.GetCredentials(app.component.empty() ? app.appid : app.component, deadline);
    facts.has_callback_token = credentials.ok() && !credentials->callback.token.empty();
    if (app.kind == AppKind::kWecomSuite) {
      DATONG_ASSIGN_OR_RETURN(std::optional<Ticket> ticket,
                              tickets_.GetTicket(app.appid, deadline));
      if (ticket.has_value()) facts.ticket = ticket->received;
    } else if (app.kind == AppKind::kWecomCorp && !app.component.empty()) {
      const absl::StatusOr<WecomCorp> corp = corps_.GetCorp(app.appid, deadline);
      if (corp.ok()) facts.wecom.corp = *corp;
    } else if (app.kind == AppKind::kComponent) {
      DATONG_ASSIGN_OR_RETURN(std::optional<Ticket> ticket,
                              tickets_.GetTicket(app.appid, deadline));
      if (ticket.has_value()) facts.ticket = ticket->received;
      DATONG_ASSIGN_OR_RETURN(facts.reconciliation, estate_.GetReconciliation(app.appid, deadline));
    } else if (!app.component.empty()) {
      const absl::StatusOr<Authorization> held =
          authorizations_.GetAuthorization(project, app.appid, deadline);
      if (held.ok()) facts.permission_sets = held->permission_sets;
    }
    all.push_back(std::move(facts));
  }
  return all;
}

void Readiness::Ask(AppFacts& facts, Deadline deadline) {
  const App& app = facts.app;
  if (app.state == AppState::kRevoked) return;
  facts.token = tokens_.Get(app.appid, deadline).status();
  if (IsWecom(app.kind)) {
    if (facts.token.ok() && app.kind == AppKind::kWecomCorp) AskOfCorp(facts, deadline);
    return;
  }
  if (!app.component.empty()) {
    facts.profile =
        tokens_.WithToken<AccountProfile>(app.component, deadline, [&](const Secret& token) {
          return platform_.GetProfile(app.component, token, app.appid, deadline);
        });
  }
  const bool is_account = app.kind == AppKind::kOfficialAccount ||
                          app.kind == AppKind::kMiniProgram || app.kind == AppKind::kUnknown;
  if (facts.token.ok() && is_account) AskOfAccount(facts, deadline);
}

void Readiness::AskOfCorp(AppFacts& facts, Deadline deadline) {
  const std::string& appid = facts.app.appid;
  facts.wecom.members =
      WithToken<size_t>(appid, deadline, [&](const Secret& token) -> absl::StatusOr<size_t> {
        DATONG_ASSIGN_OR_RETURN(std::vector<std::string> members,
                                wecom_.ListFollowMembers(token, deadline));
        return members.size();
      });
  const absl::StatusOr<std::optional<WecomRoster>> roster = corps_.GetRoster(appid, deadline);
  if (roster.ok()) facts.wecom.roster = *roster;
}

void Readiness::AskOfAccount(AppFacts& facts, Deadline deadline) {
  const std::string& appid = facts.app.appid;
  facts.basics = WithToken<AccountBasics>(
      appid, deadline, [&](const Secret& token) { return platform_.GetBasics(token, deadline); });
  facts.is_bound = WithToken<bool>(
      appid, deadline, [&](const Secret& token) { return platform_.IsBound(token, deadline); });
  if (!facts.is_bound.ok() || *facts.is_bound) {
    facts.open_account = WithToken<std::string>(appid, deadline, [&](const Secret& token) {
      return platform_.GetOpenAccount(token, appid, deadline);
    });
  }
  for (const WatchedQuota& watched : QuotasOf(facts.app.kind)) {
    facts.quotas.emplace_back(watched.name,
                              WithToken<QuotaLeft>(appid, deadline, [&](const Secret& token) {
                                return platform_.GetQuota(token, watched.path, deadline);
                              }));
  }
  // For the one who must open a firewall.
  if (!facts.push.has_value() || !facts.push->accepted.has_value()) {
    facts.callback_addresses = WithToken<std::vector<std::string>>(
        appid, deadline,
        [&](const Secret& token) { return platform_.GetCallbackAddresses(token, deadline); });
  }
}

}  // namespace datong::broker
