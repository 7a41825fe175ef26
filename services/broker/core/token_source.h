#pragma once

#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/types.h"

namespace datong::broker {

class TokenBroker;

// Where the tokens of another platform come from. Thread-safe.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // Fetches a token of the app in place of `held`, of which any part may be empty. `tokens` is for
  // the tokens that this one needs. Errors: those of the platform's client, TICKET_MISSING.
  virtual absl::StatusOr<FetchedToken> Fetch(TokenBroker& tokens, const App& app,
                                             const TokenRecord& held, Deadline deadline) = 0;
};

}  // namespace datong::broker
