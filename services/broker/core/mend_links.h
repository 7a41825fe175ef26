#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/authorizer.h"
#include "services/broker/core/estate_store.h"

namespace datong::broker {

// Gives every account that must authorise again a link that does just that. A link is kept until it
// was used or soon ends, then there is another one. Thread-safe; blocks on the database.
class MendLinks {
 public:
  MendLinks(EstateStore& store, Authorizer& authorizer, const Clock& clock)
      : store_(store), authorizer_(authorizer), clock_(clock) {}

  struct Account {
    std::string appid;
    std::string component;  // a suite's too; empty: self-managed, no link mends it
    AppState state = AppState::kActive;
    AppKind kind = AppKind::kUnknown;
  };
  // URLs by appid, of those among `accounts` of one project that need one.
  absl::StatusOr<std::map<std::string, std::string>> Urls(const std::string& project,
                                                          const std::vector<Account>& accounts,
                                                          Deadline deadline);
  // That of one app; "" when it needs none.
  absl::StatusOr<std::string> Url(const App& app, Deadline deadline);

 private:
  EstateStore& store_;
  Authorizer& authorizer_;
  const Clock& clock_;
};

}  // namespace datong::broker
