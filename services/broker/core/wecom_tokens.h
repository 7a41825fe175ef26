#pragma once

#include "common/time/clock.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/token_source.h"
#include "services/broker/core/token_store.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/core/wecom_store.h"

namespace datong::broker {

// Fetches the tokens of WeCom: of self-built apps, suites (with their ticket), providers, and corps
// that authorised a suite (with the suite's token, or like a self-built app when it is
// agency-built). WeCom answers the same token until its end, so nothing is gained by asking often.
// Thread-safe. Everything that it is given must outlive it.
class WecomTokens : public TokenSource {
 public:
  WecomTokens(AppStore& apps, TokenStore& tickets, WecomStore& corps, WecomPlatform& platform,
              const Clock& clock)
      : apps_(apps), tickets_(tickets), corps_(corps), platform_(platform), clock_(clock) {}

  absl::StatusOr<FetchedToken> Fetch(TokenBroker& tokens, const App& app, const TokenRecord& held,
                                     Deadline deadline) override;

 private:
  absl::StatusOr<FetchedToken> FetchSuite(const App& app, Deadline deadline);
  absl::StatusOr<FetchedToken> FetchAuthorized(TokenBroker& tokens, const App& app,
                                               const TokenRecord& held, Deadline deadline);

  AppStore& apps_;
  TokenStore& tickets_;
  WecomStore& corps_;
  WecomPlatform& platform_;
  const Clock& clock_;
};

// Pushed every 10 minutes, valid for 30.
inline constexpr absl::Duration kSuiteTicketLifetime = absl::Minutes(30);

}  // namespace datong::broker
