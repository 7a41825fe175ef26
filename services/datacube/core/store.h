#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"
#include "services/datacube/core/accounts.h"
#include "services/datacube/core/freshness.h"
#include "services/datacube/core/outcome.h"
#include "services/datacube/core/platform.h"
#include "services/datacube/core/types.h"

namespace datong::datacube {

// An account whose night has come.
struct NightlyAccount {
  AppKey app;
  absl::Time next_night;
  absl::CivilDay wanted_begin;
  std::map<Api, std::vector<absl::CivilDay>> missing;  // ascending
};

// How a claim is made.
struct ClaimLimits {
  bool platform_calls = true;        // else only pieces that do not call the platform
  std::vector<std::string> resting;  // appids that must not be called now
  int calls_in_flight_per_app = 1;
  absl::Duration lease = absl::Seconds(60);  // of the database's clock
};

struct SyncStep {
  Api api = Api::kRoster;
  int64_t pieces = 0;
  int64_t pieces_done = 0;
  int64_t pieces_failed = 0;
  int64_t rows = 0;
  int64_t rows_expected = 0;
  int64_t rows_refused = 0;
  int64_t evidence_sent = 0;
  std::optional<absl::Time> next_due_time;
  std::string reason;
};

struct SyncRun {
  int64_t id = 0;
  AppKey app;
  Trigger trigger = Trigger::kNightly;
  std::string request_text;
  RunState state = RunState::kRunning;
  std::string reason;
  absl::Time create_time;
  std::optional<absl::Time> end_time;
  std::vector<SyncStep> steps;
};

// What completing a piece did.
struct Completion {
  std::optional<SyncRun> ended_run;  // without steps; set when this was the run's last piece
};

// A row of either metric, as it is asked for.
struct StatisticRow {
  std::string appid;
  absl::CivilDay day;
  int64_t user_source = 0;
  std::optional<int64_t> new_user;
  std::optional<int64_t> cancel_user;
  std::optional<int64_t> cumulate_user;
  std::string raw_json;
  absl::Time fetch_time;
};

// The key of the last row of a page.
struct RowKey {
  int32_t day = 0;
  std::string appid;
  int64_t user_source = 0;
};

struct RowQuery {
  std::string project;
  std::vector<std::string> appids;  // empty: all
  Api api = Api::kUserSummary;
  DaySpan days;
  std::optional<RowKey> after;
  int limit = 1000;
};

// Keeps accounts, work, rows and rosters. Thread-safe; blocks on the database within the deadline.
// Every function is one transaction. Errors: those of postgres::Pool::Transact, and as named.
class Store {
 public:
  virtual ~Store() = default;

  // Where the project's account feed was read to; empty at first.
  virtual absl::StatusOr<std::string> LoadCursor(const std::string& project, Deadline deadline) = 0;
  using Decide = absl::FunctionRef<AccountDecision(const std::optional<Account>& before,
                                                   const AccountUpdate& update)>;
  // Applies the updates and moves the cursor, all or nothing.
  virtual absl::Status ApplyAccounts(const std::string& project, const std::string& cursor,
                                     const std::vector<AccountUpdate>& updates, Decide decide,
                                     absl::Time now, Deadline deadline) = 0;
  virtual absl::StatusOr<std::optional<Account>> FindAccount(const AppKey& app,
                                                             Deadline deadline) = 0;

  // Accounts whose night has come, with the days missing up to `newest`.
  virtual absl::StatusOr<std::vector<NightlyAccount>> DueNights(absl::Time now,
                                                                absl::CivilDay newest, int limit,
                                                                Deadline deadline) = 0;
  // Starts the night, unless another process did. Answers whether it was started.
  virtual absl::StatusOr<bool> StartNight(const NightlyAccount& account, absl::Time next_night,
                                          const NewRun& run, Deadline deadline) = 0;
  // Starts a requested run, or answers the one that the request_id started before.
  virtual absl::StatusOr<SyncRun> StartRun(const NewRun& run, Deadline deadline) = 0;

  // Takes the next piece that is due, if there is one. A claim that is not completed within the
  // lease goes to somebody else.
  virtual absl::StatusOr<std::optional<Piece>> Claim(absl::Time now, const ClaimLimits& limits,
                                                     Deadline deadline) = 0;
  // Stores what came of a piece. Errors: ABORTED/CLAIM_LOST.
  virtual absl::StatusOr<Completion> Complete(const Piece& piece, const Outcome& outcome,
                                              const SyncPolicy& policy, absl::Time now,
                                              Deadline deadline) = 0;

  // Where the project's feed of erasures was read to; empty at first.
  virtual absl::StatusOr<std::string> LoadErasureCursor(const std::string& project,
                                                        Deadline deadline) = 0;
  // Keeps the followers of the page out from now on, deletes what is kept of them, and moves the
  // cursor; three transactions, in this order, so that it may be done again.
  virtual absl::Status Erase(const std::string& project, const ErasureFeed::Page& page,
                             Deadline deadline) = 0;
  // Those of the openids that are kept out.
  virtual absl::StatusOr<std::vector<std::string>> FindErased(
      const AppKey& app, const std::vector<std::string>& openids, Deadline deadline) = 0;
  // Keeps the openids out no more.
  virtual absl::Status Readmit(const AppKey& app, const std::vector<std::string>& openids,
                               Deadline deadline) = 0;

  virtual absl::StatusOr<std::vector<StatisticRow>> ListRows(const RowQuery& query,
                                                             Deadline deadline) = 0;
  // All interfaces of the next `limit` apps after `after_appid`, by appid. Empty `appids`: all.
  virtual absl::StatusOr<std::vector<ApiSnapshot>> ListSnapshots(
      const std::string& project, const std::vector<std::string>& appids,
      const std::string& after_appid, int limit, absl::CivilDay newest, Deadline deadline) = 0;
  // Newest first, ids below `before_id` (0: from the newest). Empty `appid`: all apps.
  virtual absl::StatusOr<std::vector<SyncRun>> ListRuns(const std::string& project,
                                                        const std::string& appid, int64_t before_id,
                                                        int limit, Deadline deadline) = 0;
  virtual absl::StatusOr<std::optional<SyncRun>> FindRun(const std::string& project, int64_t id,
                                                         Deadline deadline) = 0;
  // Days up to `newest` that are wanted and not known, over all connected accounts.
  virtual absl::StatusOr<std::map<Api, int64_t>> CountMissing(absl::CivilDay newest,
                                                              Deadline deadline) = 0;
};

}  // namespace datong::datacube
