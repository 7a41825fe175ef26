#include "services/broker/core/wecom_tokens.h"

#include <algorithm>

#include "common/status/macros.h"
#include "common/wechat/wecom_error_codes.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

absl::StatusOr<FetchedToken> WecomTokens::Fetch(TokenBroker& tokens, const App& app,
                                                const TokenRecord& held, Deadline deadline) {
  const auto fetch = [&]() -> absl::StatusOr<FetchedToken> {
    if (app.kind == AppKind::kWecomSuite) return FetchSuite(app, deadline);
    if (!app.component.empty()) return FetchAuthorized(tokens, app, held, deadline);
    DATONG_ASSIGN_OR_RETURN(Credentials credentials, apps_.GetCredentials(app.appid, deadline));
    if (app.kind == AppKind::kWecomProvider) {
      return platform_.FetchProviderToken(app.corpid, credentials.app_secret, deadline);
    }
    return platform_.FetchCorpToken(app.corpid, credentials.app_secret, deadline);
  };
  DATONG_ASSIGN_OR_RETURN(FetchedToken fetched, fetch());
  // The same token again does not live longer for being asked for, whatever expires_in says.
  const absl::Duration left = held.expires - clock_.Now();
  if (fetched.token == held.access_token && left > absl::Seconds(1)) {
    fetched.lifetime = std::min(fetched.lifetime, left);
  }
  return fetched;
}

absl::StatusOr<FetchedToken> WecomTokens::FetchSuite(const App& app, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::optional<Ticket> ticket, tickets_.GetTicket(app.appid, deadline));
  if (!ticket.has_value() || clock_.Now() >= ticket->created + kSuiteTicketLifetime) {
    return SuiteTicketMissing(app.appid);
  }
  DATONG_ASSIGN_OR_RETURN(Credentials credentials, apps_.GetCredentials(app.appid, deadline));
  return platform_.FetchSuiteToken(app.appid, credentials.app_secret, ticket->value, deadline);
}

absl::StatusOr<FetchedToken> WecomTokens::FetchAuthorized(TokenBroker& tokens, const App& app,
                                                          const TokenRecord& held,
                                                          Deadline deadline) {
  // The permanent code stands where other accounts have their refresh token.
  if (held.refresh_token.empty()) {
    return wechat::WecomErrorCodeStatus(40084, "no permanent_code is held", app.appid);
  }
  DATONG_ASSIGN_OR_RETURN(WecomCorp corp, corps_.GetCorp(app.appid, deadline));
  // Before its details are known, the id of a template tells as much.
  if (corp.mode == WecomMode::kAgency ||
      (corp.mode == WecomMode::kUnknown && IsAgencyTemplate(app.component))) {
    return platform_.FetchCorpToken(app.corpid, held.refresh_token, deadline);
  }
  return tokens.WithToken<FetchedToken>(app.component, deadline, [&](const Secret& suite_token) {
    return platform_.FetchAuthorizedCorpToken(suite_token, app.corpid, held.refresh_token,
                                              deadline);
  });
}

}  // namespace datong::broker
