#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/datacube/core/planner.h"
#include "services/datacube/core/types.h"

namespace datong::datacube {

// An account as broker's feed tells it.
struct AccountUpdate {
  std::string appid;
  std::string kind;  // "official_account", "mini_program", …; "" while broker does not know it
  bool connected = false;
  std::string detail;  // why not, for people
  std::optional<absl::Time> authorize_time;
  bool operator==(const AccountUpdate&) const = default;
};

// An account as it is kept.
struct Account {
  AppKey app;
  std::string kind;
  bool connected = false;
  std::string detail;
  std::optional<absl::Time> authorize_time;
  absl::CivilDay wanted_begin;  // the first day of statistics that is wanted
  absl::Time next_night;
  bool any_refused = false;  // an interface was refused
};

// What an update means for an account.
struct AccountDecision {
  Account after;
  // Work under way ends: the account is gone.
  bool abandons_work = false;
  // Refusals are forgotten: the account may have granted more.
  bool clears_refusals = false;
  // The first pieces of a run, when one is to be started.
  std::vector<Piece> pieces;
};

// `before` is empty for an account not seen yet. Pure, and harmless when told twice.
AccountDecision DecideAccount(const SyncPolicy& policy, const std::string& project,
                              const std::optional<Account>& before, const AccountUpdate& update,
                              absl::Time now);

// Everything there is of an account: statistics from `begin` on, and the follower list.
std::vector<Piece> BackfillPieces(const AppKey& app, absl::CivilDay begin, absl::Time now);

}  // namespace datong::datacube
