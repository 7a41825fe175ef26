#include "services/broker/core/mend_links.h"

#include <algorithm>

#include "common/status/macros.h"

namespace datong::broker {
namespace {

// An administrator who gets the link today may come to it tomorrow.
constexpr absl::Duration kLeastLife = absl::Hours(48);

bool NeedsLink(const MendLinks::Account& account) {
  return !account.component.empty() &&
         (account.state == AppState::kNeedsReauth || account.state == AppState::kRevoked);
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> MendLinks::Urls(
    const std::string& project, const std::vector<Account>& accounts, Deadline deadline) {
  std::map<std::string, std::string> urls;
  std::map<std::string, Account> needed;
  std::vector<std::string> appids;
  for (const Account& account : accounts) {
    if (!NeedsLink(account)) continue;
    needed[account.appid] = account;
    appids.push_back(account.appid);
  }
  if (needed.empty()) return urls;
  DATONG_ASSIGN_OR_RETURN(
      auto held,
      store_.FindMendLinks(project, appids,
                           clock_.Now() + std::min(kLeastLife, authorizer_.link_lifetime() / 2),
                           deadline));
  for (const auto& [appid, account] : needed) {
    // A corp installs the suite anew.
    const AuthorizationType type = account.kind == AppKind::kWecomCorp ? AuthorizationType::kInstall
                                                                       : AuthorizationType::kBoth;
    AuthorizationLink link;
    link.type = type;
    const auto found = held.find(appid);
    if (found != held.end()) {
      link.id = found->second;
    } else {
      DATONG_ASSIGN_OR_RETURN(
          link, authorizer_.CreateLink(project, account.component, type, appid, deadline));
    }
    urls[appid] = authorizer_.UrlOf(link);
  }
  return urls;
}

absl::StatusOr<std::string> MendLinks::Url(const App& app, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      auto urls, Urls(app.project, {{app.appid, app.component, app.state, app.kind}}, deadline));
  return urls.empty() ? std::string() : urls.begin()->second;
}

}  // namespace datong::broker
